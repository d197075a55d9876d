"""Find and decode 1-D and 2-D codes: zxing-cpp first, then what reads the small and the blurred."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Final, Literal

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from pipeline.print.bars import read_bars

logger = logging.getLogger(__name__)

# What is printed, etched or peened on parts; every further symbology is one more way to misread noise.
SYMBOLOGIES: Final = ("DataMatrix", "QRCode", "MicroQRCode", "Aztec", "PDF417", "Code128", "Code39", "EAN13")
LINEAR: Final = frozenset({"Code128", "Code39", "EAN13", "Code93", "ITF", "Codabar"})
_ENLARGE: Final = 2  # gives modules of 2 to 3 px the few pixels more that the decoder samples them with
_SHARPEN, _DEFOCUS = 4.0, 1.5  # of the difference to a blur of so many px
_ZBAR_NAMES: Final = {"CODE128": "Code128", "CODE39": "Code39", "EAN13": "EAN13", "QRCODE": "QRCode"}

_ZBAR_FIRST: Final = {"UP": (1, 1), "RIGHT": (-1, 1), "DOWN": (-1, -1), "LEFT": (1, -1)}  # x, y: away from the corner


@dataclass(frozen=True)
class Code:
    """A code seen on a part.

    Attributes:
        text: what it says; empty where it was found but could not be decoded.
        symbology: "DataMatrix", "Code128", ...; "linear" for a 1-D code that was never decoded.
        corners: (4, 2) x, y in pixels of the original frame, in order around the code. For 1-D codes the
            decoders give the strip they scanned, not the height of the bars.
        zone: name of the print zone that it lies in; empty where zones are not known yet.
    """

    text: str
    symbology: str
    corners: NDArray[np.float64]
    zone: str = ""


def read_codes(
    grey: NDArray[np.uint8],
    *,
    origin: tuple[int, int] = (0, 0),
    expect: Literal["linear", "matrix"] | None = None,
) -> tuple[Code, ...]:
    """Decode every code in a grey image.

    Args:
        grey: (H, W) the image, or a crop of it.
        origin: x, y of the crop in its image; corners come out in the image's pixels.
        expect: what the crop should hold. Where zxing-cpp reads nothing, thin 1-D bars are fitted, modules
            enlarged, and ZBar is asked. Enlarged thin bars it would misread.

    Returns:
        The decoded codes; empty where there are none.
    """
    codes = _read_zxing(grey)
    if not codes and expect:
        codes = (_read_thin_bars if expect == "linear" else _read_enlarged)(grey) or _read_zbar(grey)
    shift = np.asarray(origin, dtype=np.float64)
    return tuple(Code(text, symbology, corners + shift) for text, symbology, corners in codes)


_Reading = tuple[str, str, NDArray[np.float64]]


def _read_zxing(grey: NDArray[np.uint8]) -> list[_Reading]:
    found = zxingcpp.read_barcodes(np.ascontiguousarray(grey), formats=_formats())
    return [(code.text, code.format.name, _corners(code.position)) for code in found]


def _read_thin_bars(grey: NDArray[np.uint8]) -> list[_Reading]:
    reading = read_bars(grey)
    return [(reading[0], "Code128", reading[1])] if reading else []


def _read_enlarged(grey: NDArray[np.uint8]) -> list[_Reading]:
    large = np.asarray(cv2.resize(grey, None, fx=_ENLARGE, fy=_ENLARGE, interpolation=cv2.INTER_CUBIC), np.uint8)
    half_pixel = (1 - 1 / _ENLARGE) / 2
    codes = _read_zxing(large) or _read_zxing(_sharpened(large))
    return [(text, symbology, corners / _ENLARGE - half_pixel) for text, symbology, corners in codes]


def _sharpened(large: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Unsharp masking: what a shot out of focus has blurred comes out again, with its noise."""
    sharp = large.astype(np.float32)
    sharp += _SHARPEN * (sharp - cv2.GaussianBlur(sharp, (0, 0), _DEFOCUS * _ENLARGE))
    return np.clip(sharp, 0, 255).astype(np.uint8)


def _formats() -> zxingcpp.BarcodeFormats:
    return zxingcpp.BarcodeFormats([getattr(zxingcpp.BarcodeFormat, name) for name in SYMBOLOGIES])


def _corners(position: zxingcpp.Position) -> NDArray[np.float64]:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return np.array([(corner.x, corner.y) for corner in corners], dtype=np.float64)


def _read_zbar(grey: NDArray[np.uint8]) -> list[_Reading]:
    zbar = _zbar()
    if zbar is None:
        return []
    found = [code for code in zbar.decode(np.ascontiguousarray(grey)) if code.type in _ZBAR_NAMES]
    return [(code.data.decode("utf-8", "replace"), _ZBAR_NAMES[code.type], _zbar_corners(code)) for code in found]


def _zbar_corners(code: object) -> NDArray[np.float64]:
    """The box of ZBar's polygon, which has as many points as it scanned lines, from the code's own first corner on."""
    points = np.array(getattr(code, "polygon"), dtype=np.float32)  # noqa: B009
    box = np.asarray(cv2.boxPoints(cv2.minAreaRect(points)), dtype=np.float64)
    towards = _ZBAR_FIRST.get(getattr(code, "orientation", "") or "UP", (1, 1))
    return np.roll(box, -int((box @ towards).argmin()), axis=0)


@cache
def _zbar() -> ModuleType | None:
    try:
        from pyzbar import pyzbar
    except ImportError as error:  # the wheel is there, the system's libzbar is not
        logger.warning("no second opinion on codes: %s; install libzbar0", error)
        return None
    module: ModuleType = pyzbar
    return module
