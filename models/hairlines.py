"""Synthetic hairlines, scratches and specks: what the detail head learns to find, at the size that the camera sees."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipeline.images import Grey, Mask

VISIBLE = 5
"""Grey levels of change below which a fault is lost in the grain and is not called one."""

LENGTHS, RADII, STRENGTHS = (8, 90), (0.8, 8), (6, 90)
"""Pixels, pixels and grey levels, from the least to the most; small ones are as frequent as large ones."""

LINES, RIDGES = 0.75, 0.25
"""Shares of the faults that are lines, and that have a bright and a dark side."""


def hurt(image: Grey, rng: Generator) -> tuple[Grey, Mask]:
    """Put one to three fine faults on a good image.

    Args:
        image: (H, W) uint8, of a good part.
        rng: source of all randomness.

    Returns:
        The image with its faults, and (H, W) uint8 with 255 where it visibly changed.
    """
    result = image.astype(np.float32)
    for _ in range(rng.integers(1, 4)):
        shape = (_line if rng.random() < LINES else _speck)(image.shape, rng)
        if rng.random() < RIDGES:
            shape = shape - _moved(shape, rng.normal(0, 1.2, 2))
        result += rng.choice((-1, 1)) * _log_uniform(STRENGTHS, rng) * shape
    faulty = np.clip(np.round(result), 0, 255).astype(np.uint8)
    return faulty, np.where(cv2.absdiff(faulty, image) > VISIBLE, 255, 0).astype(np.uint8)


def _line(shape: tuple[int, ...], rng: Generator) -> NDArray[np.float32]:
    """(H, W) opacity of a line of a few segments: nearly straight, winding, or jagged like a crack."""
    segments, bend = int(rng.integers(3, 9)), rng.choice((0.08, 0.35, 0.7))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend, segments))
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * _log_uniform(LENGTHS, rng) / segments
    points = np.cumsum(np.vstack([rng.uniform(0, 1, 2) * shape[::-1], steps]), axis=0)
    line = np.zeros(shape, np.float32)
    width = int(rng.choice((1, 1, 2, 3)))
    cv2.polylines(line, [np.round(points * 16).astype(np.int32)], False, 1.0, width, cv2.LINE_AA, 4)
    return _blurred(line, rng.uniform(0.3, 0.9))


def _speck(shape: tuple[int, ...], rng: Generator) -> NDArray[np.float32]:
    """(H, W) opacity of an ellipse: a pore, a grain of dirt, a bubble."""
    radius = _log_uniform(RADII, rng)
    centre, axes = rng.uniform(0, 1, 2) * shape[::-1], (2 * radius, 2 * radius * rng.uniform(0.4, 1))
    speck = np.zeros(shape, np.float32)
    cv2.ellipse(speck, (centre.tolist(), axes, rng.uniform(0, 180)), 1.0, -1, cv2.LINE_AA)
    return _blurred(speck, rng.uniform(0.3, 2))


def _moved(shape: NDArray[np.float32], by: NDArray[np.float64]) -> NDArray[np.float32]:
    move = np.hstack([np.eye(2), by[:, None]])
    return np.asarray(cv2.warpAffine(shape, move, shape.shape[::-1]), np.float32)


def _blurred(shape: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(shape, (0, 0), sigma), np.float32)


def _log_uniform(limits: tuple[float, float], rng: Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))
