"""The reference image: the one good part in whose pose all others are compared."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from pipeline.images import Image
from pipeline.registration import TURNS, Registrar, Registration

T = TypeVar("T")

CANDIDATES, WITNESSES = 12, 24
"""Images tried as the reference, and images that they are tried on."""


def central_image(images: Sequence[Image], *, motion: str) -> Image:
    """The image that the others register to best: no outlier in pose, light or print.

    Where parts move far, it is one whose part lies in the middle of where they do; a tenth of the image beside that
    counts as much as a tenth of correlation.

    Args:
        images: (H, W, 3) uint8 RGB each, one or more, all of one size.
        motion: see `Registrar`.
    """
    candidates = images[:: max(1, len(images) // CANDIDATES)]
    found = [_registered(image, images, motion) for image in candidates]
    return candidates[int(np.argmax([_quality(some) - (motion in TURNS) * _aside(some, images[0]) for some in found]))]


def _registered(reference: Image, images: Sequence[Image], motion: str) -> list[Registration]:
    registrar = Registrar(reference, motion=motion, min_quality=-1.0)
    return [registrar.register(image) for image in images]


def _quality(found: Sequence[Registration]) -> float:
    return float(np.median([registration.quality for registration in found]))


def _aside(found: Sequence[Registration], image: Image) -> float:
    """How far most parts lie from that of the reference, as a share of the image's sides."""
    middle = np.array([[image.shape[1] / 2, image.shape[0] / 2]])
    moves = [registration.to_original(middle)[0] / middle[0] / 2 - 0.5 for registration in found]
    return float(np.abs(np.median(moves, axis=0)).max())


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` items, evenly spread over all.

    >>> spread("abcdefghi", 3)
    ['a', 'e', 'i']
    """
    return [items[i] for i in np.linspace(0, len(items) - 1, min(len(items), count)).astype(int)]
