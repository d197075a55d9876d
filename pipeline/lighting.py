"""Light: its level and slope brought to those of the reference, and what a bright shot has burnt out left aside."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Grey, Image, Mask, covered
from pipeline.view import View

Gain = NDArray[np.float32]
"""(h, w), factor on the light of each pixel."""

Blocks = tuple[str, ...]
"""A row of blocks of the frame each: 1 where light is measured, 0 where not. Empty: it is measured everywhere."""

DETAIL = 2
"""How much larger the detail is than the working frame: hairlines are gone at half the camera's resolution."""


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
    def expected(self) -> Image:
        """(h, w, 3) uint8 RGB, what each place should show, its grain apart."""
        return without_grain(self.reference)

    @cached_property
    def expected_detail(self) -> Grey:
        """(2 h, 2 w) uint8, the same for the detail of a frame."""
        grey = cv2.cvtColor(self.expected, cv2.COLOR_RGB2GRAY)
        return np.asarray(cv2.resize(grey, None, fx=DETAIL, fy=DETAIL, interpolation=cv2.INTER_LINEAR), np.uint8)

    @cached_property
    def ground(self) -> Grey:
        """(h, w) uint8, how bright each place may be beneath print and other thin dark marks: a label that lies beside
        its usual place brings its own brightness there.
        """
        bare = cv2.morphologyEx(self.reference, cv2.MORPH_CLOSE, np.ones((THIN, THIN), np.uint8))
        near = cv2.dilate(bare, np.ones((2 * ASIDE + 1, 2 * ASIDE + 1), np.uint8))
        return np.asarray(cv2.cvtColor(near, cv2.COLOR_RGB2GRAY), np.uint8)


BLOCKS = 24
"""Blocks along the longer side whose mean levels are compared."""

DARK = 4.0
"""Grey levels added before ratios are taken: sensors add a few of their own to black."""

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

ROUNDS, OUTLYING = 5, 0.08
"""Reweighting rounds, and the ratio (natural logarithm) beyond which a block is print, fault or another variant."""

MOST = 0.7
"""Largest correction (natural logarithm): beyond it an image is no longer the same shot under other light."""


def light_gain(image: Image, light: Light, ignored: Mask) -> Gain:
    """The light of an image against that of a reference, as a plane in the logarithm of the level.

    The plane is fitted to block means by iteratively reweighted least squares (Cauchy weights; Holland and Welsch
    1977, Comm. Stat. A 6:813), so that print, faults and other variants of the part do not tilt it.

    Args:
        image: (h, w, 3) uint8 RGB, registered.
        light: of the reference, in the same frame.
        ignored: (h, w) uint8, 255 where nothing can be compared.

    Returns:
        (h, w) float32; dividing the image by it brings it to the reference's light. All 1 where too little is seen.
    """
    height, width = ignored.shape
    size = block_size(width, height)
    unseen = cv2.max(ignored, light.unsteady)
    seen = cv2.resize(255 - unseen, size, interpolation=cv2.INTER_AREA).ravel() > 128
    if seen.sum() < 12:
        return np.ones((height, width), np.float32)
    ratio = np.log(block_levels(image, size) / block_levels(light.reference, size))
    plane = np.clip(_fit_plane(size, ratio, seen), -MOST, MOST)
    return np.exp(cv2.resize(plane.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR))


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


def burnt_out(image: Image, gain: Gain, expected: Image) -> Mask:
    """Where a shot shows nothing because it is burnt out, and good parts are as bright as that.

    How bright a burnt-out pixel was is not known, but at least as bright as it would then be in the reference's light;
    where far less is expected, it is compared: a gleaming scratch stays visible. So does a dark one on burnt ground.

    Args:
        image: (h, w, 3) uint8 RGB, as it was taken.
        gain: (h, w).
        expected: (h, w, 3) uint8 RGB, what the part shows there in the reference's light.

    Returns:
        (h, w) uint8, 255 there and beside it, else 0.
    """
    brighter = gain > BRIGHTER
    if not brighter.any():
        return np.zeros(gain.shape, np.uint8)
    lit = relight(image, gain)
    unknown = (image >= BURNT) & (cv2.subtract(lit, expected) < ALIKE)
    darker = (image < BURNT) & (cv2.subtract(expected, lit) > DARKER)
    return np.where(_near(darker), np.uint8(0), _near(unknown) * brighter)


def _near(channels: NDArray[np.bool_]) -> Mask:
    """(h, w) uint8, 255 where something is in any channel of (h, w, 3), and beside it."""
    in_any = cv2.transform(channels.view(np.uint8), np.full((1, 3), 255.0))  # saturates
    return np.asarray(cv2.dilate(in_any, np.ones((AROUND_BURNT, AROUND_BURNT), np.uint8)), np.uint8)


def block_size(width: int, height: int) -> tuple[int, int]:
    """Columns and rows of the blocks in a frame."""
    scale = BLOCKS / max(width, height)
    return max(3, round(width * scale)), max(3, round(height * scale))


def block_levels(image: Image, size: tuple[int, int]) -> NDArray[np.float64]:
    """Grey levels of the blocks, `size` (columns, rows), row by row, and a little more: see `DARK`."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float64).ravel() + DARK


def _fit_plane(size: tuple[int, int], ratio: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    x, y = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    terms = np.column_stack([np.ones(x.size), x.ravel(), y.ravel()])
    plane = np.full(x.size, np.median(ratio[seen]))
    for _ in range(ROUNDS):
        weight = np.sqrt(seen / (1 + ((ratio - plane) / OUTLYING) ** 2))
        coefficients = np.linalg.lstsq(terms * weight[:, None], ratio * weight, rcond=None)[0]
        plane = terms @ coefficients
    return np.asarray(plane.reshape(size[::-1]))
