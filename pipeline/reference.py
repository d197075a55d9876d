"""The reference image: the one good part in whose pose all others are compared."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from pipeline.images import Image
from pipeline.registration import Registrar

T = TypeVar("T")

CANDIDATES, WITNESSES = 12, 24
"""Images tried as the reference, and images that they are tried on."""


def central_image(images: Sequence[Image], *, motion: str) -> Image:
    """The image that the others register to best: no outlier in pose, light or print.

    Args:
        images: (H, W, 3) uint8 RGB each, one or more, all of one size.
        motion: see `Registrar`.
    """
    candidates = images[:: max(1, len(images) // CANDIDATES)]
    quality = []
    for image in candidates:
        registrar = Registrar(image, motion=motion, min_quality=-1.0)
        quality.append(np.median([registrar.register(other).quality for other in images]))
    return candidates[int(np.argmax(quality))]


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` items, evenly spread over all.

    >>> spread("abcdefghi", 3)
    ['a', 'e', 'i']
    """
    return [items[i] for i in np.linspace(0, len(items) - 1, min(len(items), count)).astype(int)]
