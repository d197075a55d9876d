"""Gain: how much stronger than the reference's the light of a shot is, in level and slope."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Image, Mask, grey_of
from pipeline.lighting import Gain, Light, near_burnt

BLOCKS = 24
"""Blocks along the longer side whose mean levels are compared."""

DARK = 4.0
"""Grey levels that a level is known no better than when it is told as a share of another: black has no light."""

ROUNDS, OUTLYING = 5, 0.08
"""Reweighting rounds, and how far off, as a share, a block is print, fault or another variant."""

ENOUGH = 12
"""Blocks that a plane is fitted to, at the least."""

EVEN = 0.5
"""How far light is taken to be even, whatever blocks show, in those at the rim: where few are left, and all near each
other, they tell no slope."""

MOST = 2.0
"""Largest correction, a factor: beyond it an image is no longer the same shot under other light."""


def light_gain(image: Image, light: Light, ignored: Mask) -> Gain:
    """The light of an image against that of a reference, as a plane.

    Light that falls evenly across the part, a plane in its logarithm would miss by 3 % in the corners. It is fitted to
    block means by iteratively reweighted least squares (Cauchy weights; Holland and Welsch 1977, Comm. Stat. A 6:813),
    so that print, faults and other variants of the part do not tilt it. What is burnt out does not count, where enough
    is left: the light there was stronger than it shows.

    Args:
        image: (h, w, 3) uint8 RGB, registered.
        light: of the reference, in the same frame.
        ignored: (h, w) uint8, 255 where nothing can be compared.

    Returns:
        (h, w) float32; dividing the image by it brings it to the reference's light. All 1 where too little is seen.
    """
    height, width = ignored.shape
    size, unseen = block_size(width, height), np.maximum(ignored, light.unsteady)
    dim = np.maximum(unseen, near_burnt(np.maximum(image, light.reference)))
    if _seen(dim, size).sum() >= ENOUGH:
        unseen = dim
    seen = _seen(unseen, size)
    if seen.sum() < ENOUGH:
        return np.ones((height, width), np.float32)
    level, across, down = _fit_plane(size, block_levels(image, size), block_levels(light.reference, size), seen)
    plane = level + across * _middles(width) + down * _middles(height)[:, None]
    return np.asarray(np.clip(plane, 1 / MOST, MOST), np.float32)


def block_size(width: int, height: int) -> tuple[int, int]:
    """Columns and rows of the blocks in a frame."""
    scale = BLOCKS / max(width, height)
    return max(3, round(width * scale)), max(3, round(height * scale))


def block_levels(image: Image, size: tuple[int, int]) -> NDArray[np.float64]:
    """Grey levels of the blocks, `size` (columns, rows), row by row."""
    return np.asarray(cv2.resize(grey_of(image), size, interpolation=cv2.INTER_AREA), np.float64).ravel()


def _seen(unseen: Mask, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which blocks, row by row, are seen for the most part."""
    return np.asarray(cv2.resize(255 - unseen, size, interpolation=cv2.INTER_AREA).ravel() > 128)


def _fit_plane(
    size: tuple[int, int], levels: NDArray[np.float64], expected: NDArray[np.float64], seen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """What expected levels are to be multiplied by: in the middle, and how much more at the right, and at the bottom.

    How far off that is at a block, is told as a share of what is expected there. Slopes are drawn towards 0 (ridge
    regression: Hoerl and Kennard 1970, Technometrics 12:55).
    """
    x, y = np.meshgrid(_middles(size[0]), _middles(size[1]))
    terms = np.column_stack([np.ones(x.size), x.ravel(), y.ravel()]) * (expected / (expected + DARK))[:, None]
    shown = levels / (expected + DARK)
    plane = np.array([np.median(((levels + DARK) / (expected + DARK))[seen]), 0, 0])
    even, level = np.diag([0, EVEN, EVEN]), np.zeros(3)
    for _ in range(ROUNDS):
        off = (shown - terms @ plane) / max(plane[0], 1 / MOST)
        weight = np.sqrt(seen / (1 + (off / OUTLYING) ** 2))
        system = np.vstack([terms * weight[:, None], even]), np.hstack([shown * weight, level])
        plane = np.linalg.lstsq(*system, rcond=None)[0]
    return plane


def _middles(count: int) -> NDArray[np.float64]:
    """Where the middles of so many pixels or blocks lie beside each other, from -1 to 1."""
    return (2 * np.arange(count) + 1) / count - 1
