"""Whether a zone shows the same marks on every part: print that varies only in its pose says nothing new."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.print.layout import Box

_SAME: Final = 0.65  # correlation of the least alike marks; letters that differ stay below one half
_LEAST: Final = 5  # per cent of the marks that may be spoilt by dirt and light
_STEPS: Final = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-4)
_BLUR: Final = 5  # px, Gaussian: how far off the pose may be to begin with


def share_alike(samples: Sequence[NDArray[np.uint8]], box: Box, pixels: NDArray[np.bool_], width: int) -> float:
    """Share of the pairs of good parts that agree in a zone as soon as its own pose is taken off, 0..1.

    Each pair of samples is aligned in the zone (affine: marks on a curved part shear) and compared letter by letter.

    Args:
        samples: (H, W) grey images in the reference frame.
        box: the zone's.
        pixels: (H, W) the zone.
        width: widest stroke, pixels; about a small letter.
    """
    x, y, w, h = box
    rows, columns = slice(max(0, y - width), y + h + width), slice(max(0, x - width), x + w + width)
    likeness = [_likeness(a, b, (rows, columns), pixels, width) for a, b in combinations(samples, 2)]
    return sum(alike > _SAME for alike in likeness) / max(1, len(likeness))


def _likeness(
    one: NDArray[np.uint8],
    other: NDArray[np.uint8],
    window: tuple[slice, slice],
    pixels: NDArray[np.bool_],
    width: int,
) -> float:
    """Local correlation of the least alike marks, -1..1; 0 where no alignment is found."""
    crop = one[window]
    start = np.array([[1, 0, window[1].start], [0, 1, window[0].start]], dtype=np.float32)
    try:
        _, pose = cv2.findTransformECC(_soft(crop), _soft(other), start, cv2.MOTION_AFFINE, _STEPS)
    except cv2.error:  # no structure to align, or nothing alike
        return 0.0
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    aligned = cv2.warpAffine(other, pose, crop.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    likeness, contrast = _correlation(crop, np.asarray(aligned, np.uint8), 2 * (width // 3) + 1)
    inside = pixels[window]
    marks = inside & (contrast > np.percentile(contrast[inside], 90) / 2)
    return float(np.percentile(likeness[marks], _LEAST))


def _correlation(
    one: NDArray[np.uint8], other: NDArray[np.uint8], side: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Correlation of two images in squares around each pixel, and the greater of their deviations there."""
    a, b = (cv2.GaussianBlur(image, (3, 3), 0).astype(np.float32) for image in (one, other))
    mean_a, mean_b = _mean(a, side), _mean(b, side)
    variance_a, variance_b = _mean(a * a, side) - mean_a**2, _mean(b * b, side) - mean_b**2
    covariance = _mean(a * b, side) - mean_a * mean_b
    likeness = covariance / np.sqrt(np.maximum(variance_a * variance_b, 1e-3))
    contrast = np.sqrt(np.maximum(np.maximum(variance_a, variance_b), 0))
    return likeness.astype(np.float32), contrast.astype(np.float32)


def _soft(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(image, (_BLUR, _BLUR), 0), dtype=np.uint8)


def _mean(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    return np.asarray(cv2.blur(image, (side, side)), dtype=np.float32)
