"""What a line does to a shot: exposure, light from aside, defocus, grain, compression. Statistics learn it."""

import cv2
import numpy as np
from numpy.random import Generator

from pipeline.images import Image
from pipeline.lighting import Gain, relight, relight_burnt, without_grain


def disturb(image: Image, rng: Generator) -> Image:
    """Disturb an image as a line might, beyond the part's pose, and bring it back to the light it had.

    As a disturbed shot comes out of `Frame.relit`: the light is right again, and of what was burnt out no more is known
    than how bright it should be.

    Args:
        image: (h, w, 3) uint8 RGB.
        rng: source of all randomness; each of defocus, grain and compression happens to every second image.
    """
    height, width = image.shape[:2]
    gain = _exposure(height, width, rng)
    seen = image
    if rng.random() < 0.5:
        seen = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.8)), np.uint8)
    seen = relight(seen, np.reciprocal(gain))
    if rng.random() < 0.5:
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0, 3))
        seen = np.clip(seen + noise, 0, 255).astype(np.uint8)
    shot = compressed(seen, rng) if rng.random() < 0.5 else seen
    return relight_burnt(shot, gain, without_grain(image))


def compressed(image: Image, rng: Generator) -> Image:
    """The image after a JPEG of quality 60 to 94."""
    quality = int(rng.integers(60, 95))
    _, jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_UNCHANGED), np.uint8)


def _exposure(height: int, width: int, rng: Generator) -> Gain:
    """(h, w) factors: a fifth more or less light, and up to a fifth more on one side than in the middle."""
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.2)
    return np.asarray(rng.uniform(0.8, 1.25) + slope * (x * np.cos(angle) + y * np.sin(angle)), np.float32)
