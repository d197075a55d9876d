"""What a line does to a shot: exposure, light from aside, defocus, grain, compression. Statistics learn it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import ceil
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipeline.framing import Frame
from pipeline.lighting import DETAIL, Expected, Gain, relight, without_grain

OFTEN = 2 / 3
"""Share of shots that each of defocus, grain and compression happens to: what comes together is to be known, too."""

QUALITIES = (60, 95)
"""JPEG qualities from the lowest to above the highest."""

DISTURBED = 200
"""Disturbed shots that statistics rest on, at the least: where parts are few, one of each would leave it to chance."""

Look = Callable[[Frame, int], Frame]
"""What is made of the frame of this number."""


class Shot(NamedTuple):
    """What happens to one shot, in pixels and grey levels of the working frame; 0 where it does not."""

    level: float
    slope: tuple[float, float]
    blur: float
    grain: float
    quality: int


def disturb(frame: Frame, rng: Generator) -> Frame:
    """Disturb a shot as a line might, beyond the part's pose, and bring it back to the light it had.

    As a disturbed shot comes out of `Frame.relit`: the light is right again, and what was burnt out is not compared.

    Args:
        frame: of a good part.
        rng: source of all randomness; each of defocus, grain and compression happens to two of three shots.
    """
    shot = _draw(rng)
    gain, finely = (_gain(seen.shape, shot) for seen in (frame.image, frame.detail))
    image, detail = _taken(frame.image, gain, shot, rng, 1), _taken(frame.detail, finely, shot, rng, DETAIL)
    taken = replace(frame, image=image, detail=detail)
    shown, fine = without_grain(frame.image), without_grain(frame.detail)
    return taken.without_gain(gain, finely, Expected(shown, shown), Expected(fine, fine)).without_burnt()


def looks(count: int) -> list[Look]:
    """How each of `count` parts is looked at: as it was taken, then as light, focus and compression may change it."""
    return [lambda frame, _: frame, *(partial(_disturbed, again) for again in range(ceil(DISTURBED / count)))]


def _disturbed(again: int, frame: Frame, number: int) -> Frame:
    return disturb(frame, np.random.default_rng((again, number)))


def compressed(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """The image, grey or RGB, after a JPEG of this quality."""
    _, jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_UNCHANGED), np.uint8)


def _draw(rng: Generator) -> Shot:
    """A fifth more or less light, and up to a fifth more on one side than in the middle."""
    angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.2)
    happens = rng.random(3) < OFTEN
    return Shot(
        level=rng.uniform(0.8, 1.25),
        slope=(slope * np.cos(angle), slope * np.sin(angle)),
        blur=happens[0] * rng.uniform(0.3, 1),
        grain=happens[1] * rng.uniform(1, 4),
        quality=int(happens[2] * rng.integers(*QUALITIES)),
    )


def _taken(image: NDArray[np.uint8], gain: Gain, shot: Shot, rng: Generator, zoom: int) -> NDArray[np.uint8]:
    """An image, grey or RGB, `zoom` times as large as the working frame, in other light."""
    seen = image
    if shot.blur:
        seen = np.asarray(cv2.GaussianBlur(image, (0, 0), zoom * shot.blur), np.uint8)
    seen = relight(seen, np.reciprocal(gain))
    if shot.grain:
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(zoom * shot.grain)
        seen = np.clip(seen + noise, 0, 255).astype(np.uint8)
    return compressed(seen, shot.quality) if shot.quality else seen


def _gain(shape: tuple[int, ...], shot: Shot) -> Gain:
    """(h, w) factors on the light."""
    x, y = np.linspace(-1, 1, shape[1], dtype=np.float32), np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    return np.asarray(shot.level + x * shot.slope[0] + y * shot.slope[1], np.float32)
