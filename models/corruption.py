"""Structured corruption of good images: what the autoencoder learns to undo.

Plain noise teaches a network to denoise, not to notice; structured corruption with a clean target is what lifts
denoising autoencoders (Bauer 2024, doi 10.3390/math12243988; DRAEM: Zavrtanik et al. 2021, arXiv:2108.07610;
CutPaste: Li et al. 2021, arXiv:2104.04015). Every function is pure: image and generator in, arrays out.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]
Alpha = Plane
"""(H, W) opacity of a corruption, 0..1."""


def corrupt(image: Image, other: Image, rng: Generator) -> tuple[Image, NDArray[np.uint8]]:
    """Put one to four synthetic faults on a good image.

    Args:
        image: (H, W, 3) uint8 RGB, a good part.
        other: (H, W, 3) uint8 RGB, another good part to paste from.
        rng: source of all randomness.

    Returns:
        The corrupted image, and (H, W) uint8 with 255 where it visibly changed.
    """
    result = image.astype(np.float32)
    for _ in range(rng.integers(1, 5)):
        shape, fill = SHAPES[rng.integers(len(SHAPES))], FILLS[rng.integers(len(FILLS))]
        alpha = shape(image.shape[:2], rng)[..., None]
        result += alpha * (fill(result, other, rng) - result)
    corrupted = np.clip(result, 0, 255).astype(np.uint8)
    changed = np.abs(corrupted.astype(np.int16) - image).max(axis=2) > VISIBLE
    return corrupted, changed.astype(np.uint8) * 255


VISIBLE = 6
"""Grey levels of change below which a corruption is lost in the grain and is not called one."""


def _line(shape: tuple[int, int], rng: Generator) -> Alpha:
    """A hairline or scratch: a random walk of a few segments, one to three pixels wide."""
    height, width = shape
    length = rng.uniform(0.02, 0.15) * width
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.35, 6))
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * length / 3
    points = np.cumsum(np.vstack([rng.uniform(0, 1, 2) * (width, height), steps]), axis=0)
    alpha = np.zeros(shape, np.float32)
    cv2.polylines(alpha, [np.round(points * 8).astype(np.int32)], False, 1.0, int(rng.integers(1, 4)), cv2.LINE_8, 3)
    return _float(cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.4, 0.9)) * rng.uniform(0.2, 1))


def _spot(shape: tuple[int, int], rng: Generator) -> Alpha:
    """A soft ellipse, from a grain of dirt to a dent of a quarter of the part."""
    height, width = shape
    radius = width * np.exp(rng.uniform(np.log(0.006), np.log(0.12)))
    angle, stretch = rng.uniform(0, np.pi), rng.uniform(0.4, 1)
    x = np.arange(width, dtype=np.float32) - rng.uniform(0, width)
    y = (np.arange(height, dtype=np.float32) - rng.uniform(0, height))[:, None]
    along = (x * np.cos(angle) + y * np.sin(angle)) / radius
    across = (y * np.cos(angle) - x * np.sin(angle)) / (radius * stretch)
    distance = np.sqrt(along**2 + across**2)
    softness = rng.uniform(0.1, 1.5)
    return _float(np.clip((1 - distance) / softness + 0.5, 0, 1) * rng.uniform(0.25, 1))


def _blot(shape: tuple[int, int], rng: Generator) -> Alpha:
    """An irregular stain: a soft ellipse with a border frayed by smooth noise."""
    height, width = shape
    grid = rng.standard_normal((int(rng.integers(6, 40)), int(rng.integers(6, 40)))).astype(np.float32)
    noise = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return _float(_spot(shape, rng) * np.clip(noise * 2 + 1, 0, 1))


def _box(shape: tuple[int, int], rng: Generator) -> Alpha:
    """A rectangle, as cut-and-paste leaves it: a missing or a foreign component."""
    height, width = shape
    size = np.exp(rng.uniform(np.log(0.015), np.log(0.2), 2)) * width
    centre = rng.uniform(0, 1, 2) * (width, height)
    corners = cv2.boxPoints((centre.tolist(), size.tolist(), rng.uniform(0, 90)))
    alpha = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(alpha, np.round(corners).astype(np.int32), 1.0, cv2.LINE_8)
    return _float(cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.4, 2)))


def _colour(image: Plane, other: Image, rng: Generator) -> Plane:
    """One colour: a shade of grey, a tint, or a colour that the part has elsewhere."""
    if rng.random() < 0.5:
        colour = rng.uniform(0, 255) + rng.normal(0, 30, 3)
    else:
        colour = other[rng.integers(other.shape[0]), rng.integers(other.shape[1])]
    return _float(np.broadcast_to(colour, image.shape))


def _shade(image: Plane, _other: Image, rng: Generator) -> Plane:
    """Brighter or darker by up to 40 %: a dent, a shadow, a film of oil."""
    factor = 1 + rng.choice((-1, 1)) * rng.uniform(0.08, 0.4)
    return _float(image * factor + rng.normal(0, 6))


def _slope(image: Plane, _other: Image, rng: Generator) -> Plane:
    """Bright on one side and dark on the other, as light falls on a dent or a burr."""
    height, width = image.shape[:2]
    angle, period = rng.uniform(0, 2 * np.pi), width * rng.uniform(0.03, 0.3)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period) + rng.uniform(0, 6))
    return _float(image + (wave * rng.uniform(10, 60))[..., None])


def _elsewhere(image: Plane, other: Image, rng: Generator) -> Plane:
    """Another good part, moved: structure that is real but out of its place."""
    height, width = image.shape[:2]
    reach = rng.choice((0.02, 0.5))
    shift = rng.uniform(-reach, reach, 2) * (width, height)
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    return _float(cv2.warpAffine(other, move, (width, height), borderMode=cv2.BORDER_REFLECT))


def _blur(image: Plane, _other: Image, rng: Generator) -> Plane:
    """Structure smeared away: wear, a missing detail, a smudge."""
    return _float(cv2.GaussianBlur(image, (0, 0), rng.uniform(1.5, 8)))


def _grain(image: Plane, _other: Image, rng: Generator) -> Plane:
    """Foreign texture of a random scale: corrosion, chips, dust."""
    height, width = image.shape[:2]
    scale = rng.uniform(1, 6)
    small = (max(2, int(height / scale)), max(2, int(width / scale)), 1)
    noise = rng.normal(0, rng.uniform(12, 60), small).astype(np.float32)
    grain = _float(cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR))
    return image + grain[..., None]


def _float(values: ArrayLike) -> Plane:
    return np.asarray(values, np.float32)


SHAPES: tuple[Callable[[tuple[int, int], Generator], Alpha], ...] = (_line, _spot, _blot, _box)
FILLS: tuple[Callable[[Plane, Image, Generator], Plane], ...] = (
    _colour, _shade, _slope, _elsewhere, _blur, _grain,
)  # fmt: skip
