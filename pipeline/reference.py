"""The reference image: the one good part in whose pose all others are compared."""

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np

from pipeline.images import Image, shrink, size_within
from pipeline.registration import SEARCH_SIDE, TURNS, Registration, untaught

T = TypeVar("T")

CANDIDATES, WITNESSES = 12, 24
"""Images tried as the reference, and images that they are tried on."""


def central_image(images: Sequence[Image], *, motion: str) -> Image:
    """The image that the others register to best: no outlier in pose, light or print.

    Where parts move far, it is one whose part lies in the middle of where they do; a tenth of the image beside that
    counts as much as a tenth of correlation. Where they are turned, it is one that lies upright, since labels and lines
    of print are looked for in upright boxes.

    Args:
        images: (H, W, 3) uint8 RGB each, one or more, all of one size.
        motion: see `Registrar`.
    """
    turned = len(TURNS.get(motion, ())) > 1
    tilts = [tilt(image) if turned else 0.0 for image in images]
    candidates = list(range(0, len(images), max(1, len(images) // CANDIDATES)))
    if turned:
        candidates = sorted(range(len(images)), key=tilts.__getitem__)[:CANDIDATES]
    return images[max(candidates, key=lambda number: _worth(images[number], images, motion) - tilts[number])]


def _worth(reference: Image, images: Sequence[Image], motion: str) -> float:
    registrar = untaught(reference, motion=motion)
    found = [registrar.register(image) for image in images]
    quality = float(np.median([registration.quality for registration in found]))
    return quality - _aside(found, reference) if motion in TURNS else quality


def _aside(found: Sequence[Registration], image: Image) -> float:
    """How far most parts lie from that of the reference, as a share of the image's sides."""
    middle = np.array([[image.shape[1] / 2, image.shape[0] / 2]])
    moves = [registration.to_original(middle)[0] / middle[0] / 2 - 0.5 for registration in found]
    return float(np.abs(np.median(moves, axis=0)).max())


def tilt(image: Image) -> float:
    """How far a part is from lying upright: its edges along the image's axes, and most of them across, as lines of
    print lie along the longer side of parts and labels.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        0 where it does, 1 where all edges lie at 45 degrees, or upwards; little where they have no common direction.
    """
    small = shrink(image, size_within((image.shape[1], image.shape[0]), SEARCH_SIDE))
    grey = cv2.GaussianBlur(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32), (0, 0), 1)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength, angle = across**2 + down**2, np.arctan2(down, across)
    # Four times the angle is the same for both axes, twice the angle tells them apart.
    axes, axis = (np.sum(strength * np.exp(turns * 1j * angle)) / (strength.sum() + strength.size) for turns in (4, 2))
    return float(np.abs(axes) ** 2 * np.abs(np.angle(axes)) / np.pi + max(0.0, axis.real))


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` items, evenly spread over all.

    >>> spread("abcdefghi", 3)
    ['a', 'e', 'i']
    """
    return [items[i] for i in np.linspace(0, len(items) - 1, min(len(items), count)).astype(int)]
