"""What one image shows in one zone of print: its ink, its codes, and the measures that it is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.config import ZoneKind
from pipeline.images import Grey
from pipeline.print.bars import orientation
from pipeline.print.codes import LINEAR, Code, read_codes
from pipeline.print.findings import Measure
from pipeline.print.flaws import flaw_of
from pipeline.print.layout import box_corners
from pipeline.print.sheet import Sheet
from pipeline.print.strokes import bar_ink, bar_reach, cover, ink_response
from pipeline.print.zones import PrintZone
from pipeline.registration import Registration


@dataclass(frozen=True)
class ZoneView:
    """What one image shows in one zone.

    Attributes:
        registration: what brought the zone to its usual place; its label's, where it is on one.
        mask: (height, width) of the zone's box there, 255 = print.
        codes: with corners in the original frame.
        measure: what the zone is judged by.
    """

    registration: Registration
    mask: NDArray[np.uint8]
    codes: tuple[Code, ...]
    measure: Measure


def view_zone(
    grey: Grey,
    registration: Registration,
    zone: PrintZone,
    labels: NDArray[np.uint8],
    label: int,
    stroke_width: int,
    read_from: Sequence[Grey],
) -> ZoneView:
    """Look at one zone of one image; only the zone's own pixels are warped. Codes are read from the first that shows
    one of `read_from`, each as large as `grey`.
    """
    varies = np.where(labels[zone.window] == label, np.uint8(255), np.uint8(0))
    margin = bar_reach(stroke_width) if zone.kind is ZoneKind.LINEAR_CODE else stroke_width
    crop = _crop(grey, registration, zone, margin)
    response = ink_response(crop, stroke_width, dark=zone.dark)
    inner = slice(margin, -margin)
    ink = _ink(crop, response, zone, stroke_width)[inner, inner] & varies
    codes = _codes(read_from, registration, zone, ink, stroke_width)
    flaw = _flaw(codes, crop, registration, zone, margin, stroke_width)
    return ZoneView(
        registration, cover(ink) & varies, codes, _measure(ink, varies, response[inner, inner], codes, flaw)
    )


def _ink(grey: NDArray[np.uint8], response: NDArray[np.uint8], zone: PrintZone, stroke_width: int) -> NDArray[np.uint8]:
    ink = np.where(response >= zone.level, np.uint8(255), np.uint8(0))
    if zone.kind is not ZoneKind.LINEAR_CODE:
        return ink
    return ink | bar_ink(grey, stroke_width, zone.level, dark=zone.dark, angle=orientation(grey)[0])


def _crop(grey: Grey, registration: Registration, zone: PrintZone, margin: int) -> Grey:
    """The zone, with a margin so that its border has ground to compare with."""
    matrix = registration.matrix.copy()
    matrix[:, 2] -= (zone.x - margin, zone.y - margin)
    size = (zone.width + 2 * margin, zone.height + 2 * margin)
    return np.asarray(cv2.warpAffine(grey, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _flaw(
    codes: tuple[Code, ...],
    grey: NDArray[np.uint8],
    registration: Registration,
    zone: PrintZone,
    margin: int,
    stroke_width: int,
) -> float | None:
    """The flaw of the code that was decoded, on the crop with a margin."""
    code = next((code for code in codes if code.text), None)
    if code is None:
        return None
    corners = code.corners @ registration.matrix[:, :2].T + registration.matrix[:, 2] - (zone.x, zone.y) + margin
    dark_on_light = grey if zone.dark else 255 - grey
    if zone.kind is ZoneKind.LINEAR_CODE:
        dark_on_light = dark_on_light[margin:-margin, margin:-margin]
    return flaw_of(code, dark_on_light, corners, stroke_width)


def _measure(
    ink: NDArray[np.uint8],
    varies: NDArray[np.uint8],
    response: NDArray[np.uint8],
    codes: tuple[Code, ...],
    flaw: float | None,
) -> Measure:
    inked = ink > 0
    share = float(inked.sum() / np.count_nonzero(varies))
    contrast = float(response[inked].mean()) if inked.any() else 0.0
    decoded = next((code for code in codes if code.text), Code("", "", np.empty((4, 2))))
    return Measure(share, contrast, decoded.symbology, len(decoded.text), flaw)


def _codes(
    read_from: Sequence[Grey], registration: Registration, zone: PrintZone, ink: NDArray[np.uint8], margin: int
) -> tuple[Code, ...]:
    if not zone.kind.is_code or not read_from:
        return ()
    x, y, right, bottom = _original_box(read_from[0], registration, zone, margin)
    if x >= right or y >= bottom:
        return ()
    expect: Literal["linear", "matrix"] = "linear" if zone.kind is ZoneKind.LINEAR_CODE else "matrix"
    for grey in read_from:
        codes = read_codes(np.ascontiguousarray(grey[y:bottom, x:right]), origin=(x, y), expect=expect)
        own = [code for code in codes if (code.symbology in LINEAR) is (zone.kind is ZoneKind.LINEAR_CODE)]
        if here := tuple(code for code in own if _centred_in(zone, code, registration)):
            return here
    return _undecoded(registration, zone, ink)


def _original_box(grey: Grey, registration: Registration, zone: PrintZone, margin: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the zone and its margin on the original image."""
    corners = corners_of(registration, zone)
    height, width = grey.shape
    low = np.maximum(np.floor(corners.min(axis=0)) - margin, 0).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0)) + margin, (width, height)).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _centred_in(zone: PrintZone, code: Code, registration: Registration) -> bool:
    x, y = registration.matrix[:, :2] @ code.corners.mean(axis=0) + registration.matrix[:, 2]
    return bool(zone.x <= x < zone.x + zone.width and zone.y <= y < zone.y + zone.height)


def _undecoded(registration: Registration, zone: PrintZone, ink: NDArray[np.uint8]) -> tuple[Code, ...]:
    """The box around a code's ink, for a code that is there and cannot be read."""
    if not ink.any():
        return ()
    box = np.asarray(cv2.boxPoints(cv2.minAreaRect(cv2.findNonZero(ink))), dtype=np.float64) + np.array(
        (zone.x, zone.y)
    )
    symbology = zone.limits.symbologies[0] if zone.limits.symbologies else "linear"
    return (Code("", symbology, registration.to_original(box)),)


def corners_of(registration: Registration, box: PrintZone | Sheet) -> NDArray[np.float64]:
    """(4, 2) corners x, y of an upright box of the reference frame, in the original frame."""
    return registration.to_original(box_corners(box.x, box.y, box.width, box.height))
