"""What a line does to a shot: exposure, light from aside, defocus, grain, compression. Limits are learned with it."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipeline.lighting import Gain, relight, relight_burnt

Pixels = NDArray[np.uint8]
"""(h, w) grey or (h, w, 3) RGB."""

EXPECTED = 5
"""Pixels along a side that a burnt-out place is averaged over: what is expected there has not its grain."""


def disturb(image: Pixels, rng: Generator, *, blur: float = 0.8, grain: float = 3.0) -> Pixels:
    """Disturb an image as a line might, beyond the part's pose, and bring it back to the light it had.

    As a disturbed shot comes out of `Frame.relit`: the light is right again, and of what was burnt out no more is known
    than how bright it should be.

    Args:
        image: (h, w) or (h, w, 3) uint8.
        rng: source of all randomness; each of defocus, grain and compression happens to every second image.
        blur: largest deviation of the defocus, pixels.
        grain: largest deviation of the noise, grey levels.
    """
    height, width = image.shape[:2]
    gain = _exposure(height, width, rng)
    seen = image
    if rng.random() < 0.5:
        seen = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, blur)), np.uint8)
    seen = relight(seen, np.reciprocal(gain))
    if rng.random() < 0.5:
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0, grain))
        seen = np.clip(seen + noise, 0, 255).astype(np.uint8)
    shot = compressed(seen, rng) if rng.random() < 0.5 else seen
    return relight_burnt(shot, gain, np.asarray(cv2.blur(image, (EXPECTED, EXPECTED)), np.uint8))


def compressed(image: Pixels, rng: Generator) -> Pixels:
    """The image after a JPEG of quality 60 to 94."""
    quality = int(rng.integers(60, 95))
    _, jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_UNCHANGED), np.uint8)


def _exposure(height: int, width: int, rng: Generator) -> Gain:
    """(h, w) factors: a fifth more or less light, and up to a fifth more on one side than in the middle."""
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.2)
    return np.asarray(rng.uniform(0.8, 1.25) + slope * (x * np.cos(angle) + y * np.sin(angle)), np.float32)
