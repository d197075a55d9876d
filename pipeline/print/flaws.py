"""Damage to a code that can still be read: error correction hides it from the decoder, and a scan of bars misses it.

What the code says tells how all of it should look: a matrix code is drawn anew from its text and laid over the image;
bars look the same all along. What light, a small shift and blur do to that is no damage, nor what is everywhere; the
rest is averaged over a module or two, where noise goes and a blot stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from pipeline.print.bars import longest_run, straighten
from pipeline.print.codes import LINEAR, Code

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]

_PIXELS: Final = 4  # a module is drawn with
_BLUR: Final = 0.35  # modules: optics, where a code can just be read
_QUIET: Final = 2  # modules of ground around the drawing
_CODE: Final = slice(_QUIET * _PIXELS, -_QUIET * _PIXELS)
_ALONG, _AMONG = 2, 1  # modules along a side of the square that is averaged over: on bars, in a matrix code
_BARRED: Final = 0.5  # of the change across the bars: rows with less lie beside them
_END: Final = 2  # px: the ends of bars are blurred
_EVERYWHERE: Final = 2  # times what half of the pixels differ by: no more than that does not stand out
_OTHER: Final = 0.15  # of the contrast, all over: the same text in another encoding; no decoder copes with such damage
_STEPS: Final = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-3)
_ENCODINGS: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "DataMatrix": ({}, {"force_square": True}),
    "QRCode": tuple({"ec_level": level} for level in "LMQH"),
}


def flaw_of(code: Code, grey: Grey, corners: NDArray[np.float64], width: int) -> float | None:
    """How far the worst place of a decoded code is from what it should look like.

    Args:
        code: decoded.
        grey: (H, W) a crop with the code in it, dark on light ground; a 1-D code lies in it alone.
        corners: (4, 2) x, y of the code in the crop, in the order of `Code.corners`.
        width: widest stroke, pixels: four modules.

    Returns:
        Mean difference there, as a share of the code's contrast, 0..1: 0.5 where half of the modules are wrong. None
        where it cannot be told: an encoding that is not known here, or too little of the bars.
    """
    if code.symbology in LINEAR:
        off, side = _off_bars(grey), max(3, width * _ALONG // 4 | 1)
    else:
        off, side = _off_drawing(code, grey, corners), _PIXELS * _AMONG | 1
    if off is None or min(off.shape) < side:
        return None
    inner = slice(side // 2, -(side // 2))
    return float(min(1.0, cv2.blur(off, (side, side))[inner, inner].max()))


def _off_bars(grey: Grey) -> Floats | None:
    """What each pixel of the bars differs from the others along its bar, as a share of the contrast.

    A crop that is turned has rows that are moved and blurred, each otherwise.
    """
    flat = straighten(grey).astype(np.float32)
    change = np.abs(np.diff(flat, axis=1)).mean(axis=1)
    rows = longest_run(np.flatnonzero(change >= _BARRED * np.percentile(change, 90)))
    bars = flat[rows[0] + _END : rows[-1] + 1 - _END, _END:-_END]
    if not bars.size:
        return None
    usual = np.median(bars, axis=0)
    contrast = float(np.ptp(np.percentile(usual, (5, 95))))
    slope = np.gradient(usual)
    off = _unexplained(bars - usual, np.ones_like(usual), slope, np.gradient(slope))
    return _standing_out(off / max(contrast, 1.0))


def _off_drawing(code: Code, grey: Grey, corners: NDArray[np.float64]) -> Floats | None:
    """What each pixel differs from the code as it should be, in the frame of the first drawing that fits."""
    for modules in _drawings(code):
        laid = _lay(modules, grey, corners)
        if laid is not None and (off := _difference(*laid)).mean() <= _OTHER:
            return _standing_out(off.reshape(1, -1)).reshape(off.shape)
    return None


def _difference(seen: Floats, ideal: Floats) -> Floats:
    """Of an image from a drawing, after light, contrast and blur, as a share of the contrast; of the code alone."""
    blur = cv2.Laplacian(ideal, cv2.CV_32F)
    seen, ideal, blur = (np.asarray(one[_CODE, _CODE], np.float32) for one in (seen, ideal, blur))
    level = ideal - ideal.mean()
    gain = float((level * seen).sum() / np.square(level).sum())
    off = _unexplained(seen.reshape(1, -1), np.ones(ideal.size), ideal.ravel(), blur.ravel())
    return np.asarray(off.reshape(ideal.shape) / max(255 * gain, 1.0), np.float32)


def _unexplained(seen: Floats, *causes: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far rows, (N, P), are off what causes, (P,) each, explain of them by least squares.

    Brightness adds one, a small shift the first derivative of what is seen, blur its second.
    """
    stacked = np.stack(causes, axis=1)
    shares, *_ = np.linalg.lstsq(stacked, seen.T)
    return np.asarray(np.abs(seen - (stacked @ shares).T), np.float64)


def _standing_out(off: NDArray[np.floating]) -> Floats:
    """Rows of differences without what is everywhere in a row: grain, and edges that are not where they should be."""
    return np.asarray(np.maximum(off - _EVERYWHERE * np.median(off, axis=1, keepdims=True), 0), np.float32)


def _drawings(code: Code) -> Iterator[Grey]:
    """The code's modules, 0 = dark, in each of the ways in which its text may have been encoded."""
    for options in _ENCODINGS.get(code.symbology, ({},)):
        try:
            drawn = zxingcpp.create_barcode(code.text, getattr(zxingcpp.BarcodeFormat, code.symbology), **options)
        except ValueError:  # too long for this level of error correction
            continue
        yield np.array(drawn.to_image(scale=1, add_quiet_zones=False), np.uint8)


def _lay(modules: Grey, grey: Grey, corners: NDArray[np.float64]) -> tuple[Floats, Floats] | None:
    """The image laid over a drawing, and the drawing; None where they are not alike."""
    height, width = modules.shape
    sharp = np.pad(modules, _QUIET, constant_values=255).repeat(_PIXELS, axis=0).repeat(_PIXELS, axis=1)
    ideal = np.asarray(cv2.GaussianBlur(sharp, (0, 0), _BLUR * _PIXELS), np.uint8)
    box = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    onto = cv2.getPerspectiveTransform(corners.astype(np.float32), (box + _QUIET) * _PIXELS - 0.5)
    size = ideal.shape[::-1]
    rough = cv2.warpPerspective(grey, onto, size, borderMode=cv2.BORDER_REPLICATE)
    try:  # the corners that decoders give are whole pixels
        _, pose = cv2.findTransformECC(ideal, rough, np.eye(3, dtype=np.float32), cv2.MOTION_HOMOGRAPHY, _STEPS)
    except cv2.error:
        return None
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fine = cv2.warpPerspective(rough, pose, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    seen = max(rough, fine, key=lambda one: cv2.computeECC(ideal, one))  # a blot may have pulled it off
    return np.asarray(seen, np.float32), np.asarray(ideal, np.float32)
