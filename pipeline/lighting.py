"""Light: an image brought to that of the reference, and what a bright shot has burnt out left aside."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Image, Mask, covered
from pipeline.view import View

Gain = NDArray[np.float32]
"""(h, w), factor on the light of each pixel."""

Blocks = tuple[str, ...]
"""A row of blocks of the frame each: 1 where light is measured, 0 where not. Empty: it is measured everywhere."""

DETAIL = 2
"""How much larger the detail is than the working frame: hairlines are gone at half the camera's resolution."""


class Expected(NamedTuple):
    """What a picture should show in the reference's light, (h, w) or (h, w, 3) uint8 as it is.

    Attributes:
        image: each place, its grain apart.
        ground: how bright each place may be beneath print and other thin dark marks: a label that lies beside its usual
            place brings its own brightness there.
    """

    image: Image
    ground: Image


@dataclass(frozen=True)
class Light:
    """The light that parts are brought to: that of the reference, and how bright it makes places in it.

    Attributes:
        view: what the working frame shows.
        reference: (h, w, 3) uint8 RGB, in the working frame.
        unsteady: (h, w) uint8, 255 where light is not measured, since good parts share nothing there; else 0.
    """

    view: View
    reference: Image
    unsteady: Mask

    @classmethod
    def of(cls, reference: Image, view: View, steady: Blocks = ()) -> "Light":
        """The light of a reference (H, W, 3) in a view, measured in these blocks of it."""
        blocks = np.array([[block == "0" for block in row] for row in steady or "1"], np.uint8) * np.uint8(255)
        return cls(
            view,
            np.asarray(cv2.resize(view.crop(reference), view.size, interpolation=cv2.INTER_AREA), np.uint8),
            np.asarray(cv2.resize(blocks, view.size, interpolation=cv2.INTER_NEAREST), np.uint8),
        )

    @cached_property
    def expected(self) -> Expected:
        """What the image of a frame should show, (h, w, 3) RGB."""
        bare = cv2.morphologyEx(self.reference, cv2.MORPH_CLOSE, np.ones((THIN, THIN), np.uint8))
        near = cv2.dilate(bare, np.ones((2 * ASIDE + 1, 2 * ASIDE + 1), np.uint8))
        return Expected(without_grain(self.reference), np.asarray(near, np.uint8))

    @cached_property
    def expected_detail(self) -> Expected:
        """What its detail should show, (2 h, 2 w) grey."""
        greys = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in self.expected)
        larger = (cv2.resize(grey, None, fx=DETAIL, fy=DETAIL, interpolation=cv2.INTER_LINEAR) for grey in greys)
        return Expected(*(np.asarray(picture, np.uint8) for picture in larger))


BURNT = 253
"""Grey level from which on a pixel is burnt out: compression and noise leave it not quite at 255."""

BRIGHTER = 1.04
"""Gain from which on a shot burns out what the reference shows."""

ALIKE = 16
"""Grey levels, in the reference's light, by which the least that a burnt-out pixel can be may exceed what is expected
there before it speaks against the part."""

DARKER = 24
"""Grey levels below what is expected from which on a pixel is compared, though it lies beside burnt-out ones."""

AROUND_BURNT = 5
"""Pixels along a side of what a burnt-out pixel keeps from the comparison, since compression and blur spread it; and of
what a darker one keeps in it.
"""

THIN, GRAIN = 7, 5
"""Pixels of the working frame: strokes of print are thinner, and so is the grain of a surface."""

ASIDE = 8
"""Pixels of the working frame that a label may lie beside its usual place."""


def relight(image: Image, gain: Gain) -> Image:
    """Divide an image, (h, w) or (h, w, 3) uint8, by a gain (h, w)."""
    per_channel = gain if image.ndim == 2 else cv2.merge([gain] * image.shape[2])
    return np.asarray(cv2.divide(image, per_channel, dtype=cv2.CV_8U), np.uint8)


def without_grain(image: Image) -> Image:
    """What a place of an image (h, w, 3) is expected to show, its grain apart: the median around it."""
    return np.asarray(cv2.medianBlur(image, GRAIN), np.uint8)


def relight_burnt(image: Image, gain: Gain, expected: Image) -> Image:
    """As `relight`, but what was burnt out may have been as bright as expected, and is taken to have been.

    Args:
        image: (h, w) or (h, w, 3) uint8.
        gain: (h, w).
        expected: as `image`, what the part shows there in the light that `image` is brought to.
    """
    lit = relight(image, gain)
    burnt = (image >= BURNT).view(np.uint8)
    return covered(lit, np.asarray(cv2.max(lit, expected), np.uint8), burnt)


def burnt_out(image: Image, gain: Gain, expected: Expected) -> Mask:
    """Where a shot shows nothing because it is burnt out, and good parts may be as bright as that.

    How bright a burnt-out pixel was is not known, but at least as bright as it would then be in the reference's light;
    where far less is expected, it is compared: a gleaming scratch stays visible. So is what the reference has burnt out
    as well, a bright ground behind the part: that is white either way.

    Args:
        image: (h, w) or (h, w, 3) uint8, as it was taken.
        gain: (h, w).
        expected: what it should show in the reference's light.

    Returns:
        (h, w) uint8, 255 there, else 0.
    """
    brighter = gain > BRIGHTER
    if not brighter.any():
        return np.zeros(gain.shape, np.uint8)
    alike = cv2.subtract(relight(image, gain), expected.ground) < ALIKE
    return _in_any((image >= BURNT) & (expected.image < BURNT) & alike) * brighter


def darkened(image: Image, gain: Gain, expected: Image) -> Mask:
    """(h, w) uint8, 255 where a shot (h, w, 3) is far darker than expected: it shows something there, if nothing else.

    Args:
        image, gain: as `burnt_out` takes them.
        expected: (h, w, 3) uint8 RGB, what the part shows there in the reference's light.
    """
    return _in_any((image < BURNT) & (cv2.subtract(expected, relight(image, gain)) > DARKER))


def near(mask: Mask) -> Mask:
    """(h, w) uint8, 255 where a mask is 255, and beside it: compression and blur spread what is burnt out."""
    return np.asarray(cv2.dilate(mask, np.ones((AROUND_BURNT, AROUND_BURNT), np.uint8)), np.uint8)


def near_burnt(image: Image) -> Mask:
    """(h, w) uint8, 255 where any channel of an image (h, w, 3) is burnt out, and beside it, else 0."""
    return near(_in_any(image >= BURNT))


def _in_any(channels: NDArray[np.bool_]) -> Mask:
    """(h, w) uint8, 255 where something is in any channel of (h, w) or (h, w, 3)."""
    weights = np.full((1, 1 if channels.ndim == 2 else channels.shape[2]), 255.0)
    return np.asarray(cv2.transform(channels.view(np.uint8), weights), np.uint8)  # saturates
