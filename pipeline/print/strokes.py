"""Strokes: thin marks that differ from the ground around them, and the mask that covers them.

A stroke is what a morphological closing (dark ink) or opening (light ink) with a square of the widest
stroke's size removes (black-hat and top-hat transform; Meyer 1979, Serra 1982). Edges of large things, slow
changes of light, and blobs wider than a stroke give no response, so a stain under a word is no stroke.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_STROKE_SHARE: Final = 0.0125  # widest stroke, as a share of the image's diagonal: 12 px at 768x576
_MODULES: Final = 11  # px: four modules of a code side by side, at the size from which codes can be read
_INK_SHARE: Final = 0.4  # of the print's contrast: below half, for strokes thinner than the blur
_THIN: Final = 0.25  # of that: bars about as thin as the blur
_RUN: Final = 3  # x the widest stroke: bars side by side that the blur runs together
_GRAIN: Final = 2.0  # x the median response of grain: few of its pixels reach that
_HALO: Final = np.array([(0, 1, 0), (1, 1, 1), (0, 1, 0)], np.uint8)  # a pixel: blur carries ink no farther


def stroke_width(size: tuple[int, int]) -> int:
    """The widest stroke that counts as print, in pixels (odd), for an image of `size` (W, H)."""
    return max(_MODULES, round(math.hypot(*size) * _STROKE_SHARE) | 1)


def stroke_response(grey: NDArray[np.uint8], width: int) -> NDArray[np.float32]:
    """Signed contrast of strokes to the ground beside them.

    Args:
        grey: (H, W) image.
        width: widest stroke, pixels.

    Returns:
        (H, W) in grey levels, -255..255: negative for dark strokes, positive for light ones, 0 elsewhere.
    """
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)
    light = cv2.morphologyEx(smooth, cv2.MORPH_TOPHAT, _square(width))
    dark = cv2.morphologyEx(smooth, cv2.MORPH_BLACKHAT, _square(width))
    return np.asarray(cv2.subtract(light, dark, dtype=cv2.CV_32F), dtype=np.float32)


def ink_response(grey: NDArray[np.uint8], width: int, *, dark: bool) -> NDArray[np.uint8]:
    """Contrast of strokes of one polarity: (H, W) in grey levels, 0..255, 0 where there is no stroke."""
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)
    operation = cv2.MORPH_BLACKHAT if dark else cv2.MORPH_TOPHAT
    return np.asarray(cv2.morphologyEx(smooth, operation, _square(width)), dtype=np.uint8)


def bar_ink(grey: NDArray[np.uint8], width: int, level: float, *, dark: bool, angle: float) -> NDArray[np.uint8]:
    """Bars of a 1-D code, thin ones and runs of them too; what is not as long as a bar stays out.

    Args:
        grey: (H, W) image; within `bar_reach` of its border nothing is sure.
        width: widest stroke, pixels; no bar is shorter.
        level: response from which on a pixel is ink elsewhere, grey levels.
        dark: bars are darker than the ground.
        angle: direction across the bars, radians, x towards y.

    Returns:
        (H, W) 255 on bars.
    """
    thin = ink_response(grey, width, dark=dark) >= _THIN * level
    runs = ink_response(grey, bar_reach(width), dark=dark) >= level
    ink = np.where(thin | runs, np.uint8(255), np.uint8(0))
    return np.asarray(cv2.morphologyEx(ink, cv2.MORPH_OPEN, _line(width, angle + math.pi / 2)), np.uint8)


def bar_reach(width: int) -> int:
    """Widest run of bars that `bar_ink` finds, pixels (odd), where the widest stroke has `width`."""
    return _RUN * width | 1


def _line(length: int, angle: float) -> NDArray[np.uint8]:
    """A line of `length` pixels (odd) at `angle`, radians, as a structuring element."""
    line = np.zeros((length, length), np.uint8)
    middle = length // 2
    end = np.rint([middle * math.cos(angle), middle * math.sin(angle)]).astype(int)
    cv2.line(line, (middle - end[0], middle - end[1]), (middle + end[0], middle + end[1]), 1)
    return line


def ink_level(contrast: float, ground: float) -> float:
    """The response from which on a pixel is ink.

    Args:
        contrast: response of the print's ink, grey levels.
        ground: median response of the bare ground, which is not 0 where it is grainy.
    """
    return max(_INK_SHARE * contrast, _GRAIN * ground)


def cover(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Widen ink by the pixel beside it that blur darkens; across corners it darkens little."""
    return np.asarray(cv2.dilate(ink, _HALO), dtype=np.uint8)


def _square(side: int) -> NDArray[np.uint8]:
    return np.ones((side, side), dtype=np.uint8)
