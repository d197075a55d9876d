"""The working frame: the registered part at the size that the network sees, and what of it is compared."""

import math
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.gain import light_gain
from pipeline.images import Grey, Image, Mask, covered, grey_of, shrink
from pipeline.lighting import DETAIL, Expected, Gain, Light, burnt_out, darkened, near, relight_burnt
from pipeline.registration import Registration
from pipeline.view import View

GRID = 32
"""Both sides of the working frame are multiples of this: the network halves them five times."""

PRINTED = 64
"""Covered part of a working pixel, of 255, from which on it counts as print: less hardly darkens it."""

CLIPPED, PRINT, UNCOMPARED = 1, 128, 255
"""What keeps a pixel from the comparison. Print keeps pixels from it, which no expectation can meet, and not features:
how much those vary is learned at each position, and a fault across print shows in them. Where a shot is burnt out
somewhere, tint and texture are kept from it everywhere."""

PAINT = np.uint8(128)
"""Grey level of what is painted over."""

NEAR_OUTSIDE = 16
"""Pixels beside the unseen that are not compared either: one position of the coarsest features, which mix both."""


@dataclass(frozen=True)
class Frame:
    """What is compared.

    Attributes:
        image: (h, w, 3) uint8 RGB, registered.
        ignored: (h, w) uint8; `UNCOMPARED` where the camera saw nothing, where the view shows what lies beside the
            part, or where a person wants nothing judged; `PRINT` where variable print lies; elsewhere
            0, or `CLIPPED` where tint and texture are not to be trusted.
        detail: (2 h, 2 w) uint8, the same part at twice the size, grey; empty where nothing is looked for in it.
        outside: (h, w) uint8, 255 where the camera saw nothing, else 0; None where it saw all.
        gain: (h, w) float32, how much brighter than the reference the shot was, a factor; taken out of `image`. None
            where nothing was taken out.
        burnt: (h, w) uint8, 255 where the shot is burnt out and the reference is not, and beside it; else 0. None where
            nothing was taken out.
        dark: (h, w) uint8, 255 where the shot is far darker than the reference, else 0; None where nothing is burnt
            out.
    """

    image: Image
    ignored: Mask
    detail: Grey = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    outside: Mask | None = None
    gain: Gain | None = None
    burnt: Mask | None = None
    dark: Mask | None = None

    @property
    def unseen(self) -> float:
        """Share of the frame that lies outside the camera's view, 0..1."""
        return 0.0 if self.outside is None else np.count_nonzero(self.outside) / self.outside.size

    @property
    def burnt_share(self) -> float:
        """Share of the frame that is burnt out, 0..1."""
        return 0.0 if self.burnt is None else np.count_nonzero(self.burnt) / self.burnt.size

    @property
    def light(self) -> float:
        """How much brighter than the reference the shot was in the mean, a factor."""
        return 1.0 if self.gain is None else float(self.gain.mean())

    def without(self, unjudged: Mask) -> "Frame":
        """The same frame, with nothing compared where `unjudged`, (h, w) uint8, is 255."""
        return replace(self, ignored=np.maximum(self.ignored, unjudged))

    def behind(self, print_pixels: Mask, view: View) -> "Frame":
        """The same frame, with pixels not compared on print: (H, W) uint8 in the reference frame, 255 on it."""
        printed = _shrink_mask(view.crop(print_pixels), view.size)
        return self.without(np.minimum(printed, np.uint8(PRINT)))

    def without_burnt(self) -> "Frame":
        """The same frame, with nothing compared where it is burnt out, and neither tint nor texture anywhere then.

        Dark marks on burnt ground are compared, unless they are print. Highlights that are smaller than a pixel of the
        frame are clipped, too, each channel to another degree.
        """
        if self.burnt is None or self.dark is None or not self.burnt.any():
            return self
        marks = near(np.where(self.ignored < PRINT, self.dark, np.uint8(0)))
        return self.without(np.maximum(np.where(marks > 0, np.uint8(0), self.burnt), np.uint8(CLIPPED)))

    def alone(self, view: View) -> "Frame":
        """The same frame, with what lies beside the part painted over: what is under a part tells nothing of it, and
        nothing of which variant it is.
        """
        if not view.outline:
            return self
        burnt = None if self.burnt is None else covered(self.burnt, np.zeros_like(self.burnt), view.beside)
        detail = painted_over(self.detail, view.at(self.detail.shape[::-1]))
        return replace(self, image=painted_over(self.image, view), detail=detail, burnt=burnt)

    def completed(self, light: Light) -> "Frame":
        """The same frame, showing what the reference has where the camera saw nothing: whatever stands there is not
        compared, and should not make the part look like another variant.
        """
        if self.outside is None:
            return self
        return replace(self, image=covered(self.image, light.reference, self.outside))

    def relit(self, light: Light) -> "Frame":
        """The same frame in the light of the reference."""
        gain = light_gain(self.image, light, self.ignored)
        finely = np.asarray(cv2.resize(gain, self.detail.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
        return self.without_gain(gain, finely, light.expected, light.expected_detail)

    def without_gain(self, gain: Gain, finely: Gain, expected: Expected, expected_detail: Expected) -> "Frame":
        """The same frame with a gain taken out.

        Args:
            gain, finely: (h, w) of the image, (2 h, 2 w) of the detail.
            expected, expected_detail: what good parts show in both with it taken out.
        """
        burnt = near(burnt_out(self.image, gain, expected) | self._burnt_in_part(finely, expected_detail))
        return replace(
            self, gain=gain, image=relight_burnt(self.image, gain, expected.image),
            detail=relight_burnt(self.detail, finely, expected_detail.image), burnt=burnt,
            dark=darkened(self.image, gain, expected.image) if burnt.any() else None,
        )  # fmt: skip

    def _burnt_in_part(self, finely: Gain, expected: Expected) -> Mask:
        """(h, w) uint8, 255 where anything of the detail is burnt out: half burnt out, a pixel is dim, not white."""
        whole, size = burnt_out(self.detail, finely, expected), self.ignored.shape[::-1]
        share = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
        return np.where(share > 0, np.uint8(255), np.uint8(0))


def working_size(size: tuple[int, int], *, megapixels: float) -> tuple[int, int]:
    """Width and height, multiples of 32, that come closest to `megapixels` at the ratio of `size` (w, h)."""
    scale = min(1.0, math.sqrt(megapixels * 1e6 / (size[0] * size[1])))
    return (_on_grid(size[0] * scale), _on_grid(size[1] * scale))


def _on_grid(side: float) -> int:
    return max(GRID, round(side / GRID) * GRID)


def frame_part(image: Image, registration: Registration, view: View) -> Frame:
    """Bring an image into the working frame.

    Args:
        image: (H, W, 3) uint8 RGB, as the camera saw it.
        registration: pose of the part in it.
        view: what the working frame shows.
    """
    grey = grey_of(image)
    detail = in_pose(grey, registration, view.at((DETAIL * view.size[0], DETAIL * view.size[1])))
    shown, outside = in_pose(image, registration, view), _outside(image, registration, view)
    if not outside.any():
        return Frame(shown, view.beside, detail)
    return Frame(shown, _around(outside, NEAR_OUTSIDE), detail, outside).without(view.beside)


def in_pose(image: NDArray[np.uint8], registration: Registration, view: View) -> NDArray[np.uint8]:
    """What a view shows of an image, (H, W) or (H, W, 3) uint8, that is brought to the pose of the reference."""
    size = (image.shape[1], image.shape[0])
    matrix, small = view.of_image(registration, size), shrink(image, view.scaled(size))
    return np.asarray(cv2.warpAffine(small, matrix, view.size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def painted_over(picture: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """What a view shows, (h, w) or (h, w, 3) uint8, with `PAINT` on what lies beside the part."""
    return covered(picture, np.full_like(picture, PAINT), view.beside)


def lit_part(image: Image, registration: Registration, unjudged: Mask, light: Light) -> Frame:
    """Bring an image into the working frame and the reference's light; teach-in and inspection have to do it alike.

    Args:
        image: (H, W, 3) uint8 RGB, as the camera saw it.
        registration: pose of the part in it.
        unjudged: (h, w) uint8 in the working frame, 255 where a person wants nothing judged.
        light: of the reference, in the working frame.
    """
    return frame_part(image, registration, light.view).without(unjudged).relit(light).completed(light).alone(light.view)


def lit_grey(grey: Grey, registration: Registration, frame: Frame, light: Light) -> Grey:
    """The image as the print stage sees it: grey, as the camera placed it, in the light of the reference.

    Args:
        grey: (H, W), as the camera saw it.
        registration: pose of the part in it.
        frame: what `lit_part` made of it.
        light: what `lit_part` was given.

    Returns:
        (H, W) uint8.
    """
    if frame.gain is None:
        return grey
    gain = _as_placed(frame.gain, registration, light.view, grey)
    ground = _as_placed(grey_of(light.expected.ground), registration, light.view, grey)
    return relight_burnt(grey, np.asarray(gain, np.float32), np.asarray(ground, np.uint8))


def _as_placed(map_: cv2.typing.MatLike, registration: Registration, view: View, image: Grey) -> cv2.typing.MatLike:
    """A map (h, w) of the working frame where the camera placed the part, as large as `image`."""
    whole = (image.shape[1], image.shape[0])
    matrix, flags = view.of_image(registration, whole), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    placed = cv2.warpAffine(map_, matrix, view.scaled(whole), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(placed, whole, interpolation=cv2.INTER_LINEAR)


def _outside(image: Image, registration: Registration, view: View) -> Mask:
    """What of a view the camera did not see."""
    size = (image.shape[1], image.shape[0])
    everywhere = np.full(view.scaled(size)[::-1], 255, np.uint8)
    seen = cv2.warpAffine(everywhere, view.of_image(registration, size), view.size)
    return np.asarray(cv2.inRange(seen, (0,), (254,)), np.uint8)


def _around(mask: Mask, reach: int) -> Mask:
    """A mask with all that lies within `reach` pixels of it."""
    return np.asarray(cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.uint8)


def _shrink_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    """Working pixels that hold print, and the ones beside them: those are darkened by the blur of its edges."""
    if not mask.any():
        return np.zeros(size[::-1], np.uint8)
    printed = cv2.inRange(shrink(mask, size), (PRINTED,), (255,))
    return np.asarray(cv2.dilate(printed, np.ones((3, 3), np.uint8)), np.uint8)
