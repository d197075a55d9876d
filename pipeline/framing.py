"""The working frame: the registered part at the size that the network sees, and what of it is compared."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.images import Image, Mask, shrink
from pipeline.lighting import light_gain, relight
from pipeline.registration import Matrix, Registration

GRID = 32
"""Both sides of the working frame are multiples of this: the network halves them five times."""

PRINTED = 64
"""Covered part of a working pixel, of 255, from which on it counts as print: less hardly darkens it."""

NEAR_OUTSIDE = 8
"""Pixels beside the unseen that are not compared either: half the receptive field of the finest features."""


@dataclass(frozen=True)
class Frame:
    """What is compared.

    Attributes:
        image: (h, w, 3) uint8 RGB, registered.
        masked: (h, w) uint8, 255 where variable print lies, or where a person wants nothing judged.
        outside: (h, w) uint8, 255 where the camera saw nothing.
        light: how much brighter than the reference the shot was, a factor; taken out of `image`.
    """

    image: Image
    masked: Mask
    outside: Mask
    light: float = 1.0

    @property
    def ignored(self) -> Mask:
        """(h, w) uint8, 255 where nothing can be compared."""
        return np.maximum(self.masked, self.outside)

    @property
    def unseen(self) -> float:
        """Share of the frame that lies outside the camera's view, 0..1."""
        return np.count_nonzero(self.outside) / self.outside.size

    def without(self, unjudged: Mask) -> "Frame":
        """The same frame, with nothing compared where `unjudged`, (h, w) uint8, is 255."""
        return replace(self, masked=np.maximum(self.masked, unjudged))

    def behind(self, print_pixels: Mask) -> "Frame":
        """The same frame, with nothing compared on print: (H, W) uint8 in the reference frame, 255 on it."""
        return self.without(_shrink_mask(print_pixels, (self.masked.shape[1], self.masked.shape[0])))

    def relit(self, reference: Image) -> "Frame":
        """The same frame in the light of the reference, (h, w, 3) uint8 RGB."""
        gain = light_gain(self.image, reference, self.ignored)
        return replace(self, image=relight(self.image, gain), light=float(gain.mean()))


def working_size(size: tuple[int, int], *, megapixels: float) -> tuple[int, int]:
    """Width and height, multiples of 32, that come closest to `megapixels` at the ratio of `size` (w, h)."""
    scale = min(1.0, math.sqrt(megapixels * 1e6 / (size[0] * size[1])))
    return (_on_grid(size[0] * scale), _on_grid(size[1] * scale))


def _on_grid(side: float) -> int:
    return max(GRID, round(side / GRID) * GRID)


def frame_part(image: Image, registration: Registration, size: tuple[int, int]) -> Frame:
    """Bring an image into the working frame.

    Args:
        image: (H, W, 3) uint8 RGB, as the camera saw it.
        registration: pose of the part in it.
        size: width and height of the working frame.
    """
    shrunk = shrink(image, size)
    matrix = registration.in_frame((image.shape[1], image.shape[0]), size)
    registered = np.asarray(cv2.warpAffine(shrunk, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    return Frame(
        image=registered,
        masked=np.zeros(size[::-1], np.uint8),
        outside=_outside(matrix, size),
    )


def lit_part(image: Image, registration: Registration, unjudged: Mask, light: Image) -> Frame:
    """Bring an image into the working frame and the reference's light; teach-in and inspection have to do it alike.

    Args:
        image: (H, W, 3) uint8 RGB, as the camera saw it.
        registration: pose of the part in it.
        unjudged: (h, w) uint8 in the working frame, 255 where a person wants nothing judged.
        light: (h, w, 3) uint8 RGB, the reference in the working frame.
    """
    size = (light.shape[1], light.shape[0])
    return frame_part(image, registration, size).without(unjudged).relit(light)


def _outside(matrix: Matrix, size: tuple[int, int]) -> Mask:
    """What the camera did not see, and what lies so near to it that the features there mix both."""
    seen = cv2.warpAffine(np.full(size[::-1], 255, np.uint8), matrix, size)
    unseen = np.where(seen < 255, 255, 0).astype(np.uint8)
    reach = np.ones((2 * NEAR_OUTSIDE + 1, 2 * NEAR_OUTSIDE + 1), np.uint8)
    return np.asarray(cv2.dilate(unseen, reach), np.uint8) if unseen.any() else unseen


def _shrink_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    """Working pixels that hold print, and the ones beside them: those are darkened by the blur of its edges."""
    if not mask.any():
        return np.zeros(size[::-1], np.uint8)
    printed = np.where(shrink(mask, size) >= PRINTED, 255, 0).astype(np.uint8)
    return np.asarray(cv2.dilate(printed, np.ones((3, 3), np.uint8)), np.uint8)
