"""The print stage: which pixels of one image are variable print, what its codes say, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from pipeline.config import ZoneKind
from pipeline.images import Image
from pipeline.print.bars import orientation
from pipeline.print.codes import LINEAR, Code, read_codes
from pipeline.print.findings import Measure, judge
from pipeline.print.flaws import flaw_of
from pipeline.print.own_frame import carries
from pipeline.print.sheet import Sheet, SheetView, is_whole, judge_sheet, on_label, view_sheet
from pipeline.print.strokes import bar_ink, bar_reach, cover, ink_response
from pipeline.print.zones import PrintZone
from pipeline.registration import Registration

_ZONES: Final = TypeAdapter(tuple[PrintZone, ...])
_SHEETS: Final = TypeAdapter(tuple[Sheet, ...])


@dataclass(frozen=True)
class PrintMask:
    """Variable print on one image.

    Attributes:
        pixels: (H, W) uint8 in the reference frame, 255 = print, kept out of the comparison.
        codes: what was decoded, or found and not decoded, with corners in the original frame.
        findings: words about the print itself; empty on a good part.
    """

    pixels: NDArray[np.uint8]
    codes: tuple[Code, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True)
class PrintStage:
    """What was learned about a part's print.

    Attributes:
        size: W, H of the reference frame.
        stroke_width: widest stroke that counts as print, pixels.
        zones: where print is.
        labels: (H, W) uint8, 0 outside, i + 1 where good parts vary inside zone i.
        sheets: labels that carry print.
    """

    size: tuple[int, int]
    stroke_width: int
    zones: tuple[PrintZone, ...]
    labels: NDArray[np.uint8]
    sheets: tuple[Sheet, ...] = ()

    def find(self, image: Image, registration: Registration) -> PrintMask:
        """Find the print on one image.

        Args:
            image: (H, W, 3) in the original frame.
            registration: where the part is on it.
        """
        pixels = np.zeros(self.size[::-1], np.uint8)
        codes: list[Code] = []
        findings: list[str] = []
        sheets = tuple(view_sheet(image, registration, sheet, self.stroke_width) for sheet in self.sheets)
        for sheet, seen in zip(self.sheets, sheets, strict=True):
            findings.extend(judge_sheet(sheet, seen))
        missing = [sheet for sheet, seen in zip(self.sheets, sheets, strict=True) if seen.pose is None]
        for zone, view in zip(self.zones, self.view_zones(image, registration, sheets), strict=True):
            _add(pixels, view, registration, zone)
            codes.extend(replace(code, zone=zone.name) for code in view.codes)
            if not any(carries(sheet, zone) for sheet in missing):  # that its print is missing too goes without saying
                findings.extend(judge(zone.name, view.measure, zone.limits))
        return PrintMask(pixels, tuple(codes), tuple(findings))

    def view_zones(self, image: Image, registration: Registration, sheets: tuple[SheetView, ...]) -> Iterator[ZoneView]:
        """What an image shows in each zone; zones on a label are looked for where the label is.

        Args:
            image: (H, W, 3) in the original frame.
            registration: where the part is on it.
            sheets: what it shows of each label.
        """
        moved = {
            sheet.name: on_label(registration, sheet, seen.pose)
            for sheet, seen in zip(self.sheets, sheets, strict=True)
            if seen.pose is not None and is_whole(sheet, seen.pose)
        }
        for label, zone in enumerate(self.zones, start=1):
            place = moved.get(zone.sheet, registration)
            yield view_zone(image, place, zone, self.labels, label, self.stroke_width)

    def to_dict(self) -> dict[str, Any]:
        """Everything but `labels`, as plain JSON values."""
        zones = _ZONES.dump_python(self.zones, mode="json")
        sheets = _SHEETS.dump_python(self.sheets, mode="json")
        return {
            "size": list(self.size),
            "stroke_width": self.stroke_width,
            "zones": zones,
            "sheets": sheets,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], labels: NDArray[np.uint8]) -> PrintStage:
        """Undo `to_dict`; raises ValueError or KeyError for data that it did not write."""
        width, height = data["size"]
        if labels.shape != (height, width):
            raise ValueError(f"print zone map is {labels.shape}, not {(height, width)}")
        zones, sheets = _ZONES.validate_python(data["zones"]), _SHEETS.validate_python(data.get("sheets", ()))
        return cls((width, height), data["stroke_width"], zones, labels, sheets)


def _add(pixels: NDArray[np.uint8], view: ZoneView, registration: Registration, zone: PrintZone) -> None:
    """Add a zone's mask to that of the part, turned and shifted as its label is."""
    if view.registration is registration:
        pixels[zone.window] |= view.mask
        return
    matrix = _between(view.registration, registration)
    corners = np.array([(zone.x, zone.y), (zone.x + zone.width, zone.y + zone.height)], np.float64)
    box = np.array([(x, y) for x in corners[:, 0] for y in corners[:, 1]]) @ matrix[:, :2].T + matrix[:, 2]
    height, width = pixels.shape
    left, top = (int(v) for v in np.clip(np.floor(box.min(axis=0)), 0, (width, height)))
    right, bottom = (int(v) for v in np.clip(np.ceil(box.max(axis=0)), 0, (width, height)))
    if left >= right or top >= bottom:
        return
    matrix[:, 2] += matrix[:, :2] @ corners[0] - (left, top)
    moved = cv2.warpAffine(view.mask, matrix, (right - left, bottom - top), flags=cv2.INTER_NEAREST)
    pixels[top:bottom, left:right] |= np.asarray(moved, np.uint8)


def _between(one: Registration, other: Registration) -> NDArray[np.float64]:
    """The (2, 3) matrix from the frame of one registration to that of another."""
    inverse = np.vstack([cv2.invertAffineTransform(one.matrix), (0, 0, 1)])
    return np.asarray(other.matrix @ inverse, np.float64)


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
    image: Image,
    registration: Registration,
    zone: PrintZone,
    labels: NDArray[np.uint8],
    label: int,
    stroke_width: int,
) -> ZoneView:
    """Look at one zone of one image; only the zone's own pixels are warped."""
    varies = np.where(labels[zone.window] == label, np.uint8(255), np.uint8(0))
    margin = bar_reach(stroke_width) if zone.kind is ZoneKind.LINEAR_CODE else stroke_width
    grey = _crop(image, registration, zone, margin)
    response = ink_response(grey, stroke_width, dark=zone.dark)
    inner = slice(margin, -margin)
    ink = _ink(grey, response, zone, stroke_width)[inner, inner] & varies
    codes = _codes(image, registration, zone, ink, stroke_width)
    flaw = _flaw(codes, grey, registration, zone, margin, stroke_width)
    return ZoneView(
        registration, cover(ink) & varies, codes, _measure(ink, varies, response[inner, inner], codes, flaw)
    )


def _ink(grey: NDArray[np.uint8], response: NDArray[np.uint8], zone: PrintZone, stroke_width: int) -> NDArray[np.uint8]:
    ink = np.where(response >= zone.level, np.uint8(255), np.uint8(0))
    if zone.kind is not ZoneKind.LINEAR_CODE:
        return ink
    return ink | bar_ink(grey, stroke_width, zone.level, dark=zone.dark, angle=orientation(grey)[0])


def _crop(image: Image, registration: Registration, zone: PrintZone, margin: int) -> NDArray[np.uint8]:
    """The zone in grey, with a margin so that its border has ground to compare with."""
    matrix = registration.matrix.copy()
    matrix[:, 2] -= (zone.x - margin, zone.y - margin)
    size = (zone.width + 2 * margin, zone.height + 2 * margin)
    crop = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


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
    image: Image, registration: Registration, zone: PrintZone, ink: NDArray[np.uint8], margin: int
) -> tuple[Code, ...]:
    if not zone.kind.is_code:
        return ()
    x, y, right, bottom = _original_box(image, registration, zone, margin)
    if x >= right or y >= bottom:
        return ()
    crop = np.asarray(cv2.cvtColor(image[y:bottom, x:right], cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    expect: Literal["linear", "matrix"] = "linear" if zone.kind is ZoneKind.LINEAR_CODE else "matrix"
    codes = read_codes(crop, origin=(x, y), expect=expect)
    own = [code for code in codes if (code.symbology in LINEAR) is (zone.kind is ZoneKind.LINEAR_CODE)]
    return tuple(code for code in own if _centred_in(zone, code, registration)) or _undecoded(registration, zone, ink)


def _original_box(image: Image, registration: Registration, zone: PrintZone, margin: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the zone and its margin on the original image."""
    left, top, right, bottom = zone.x, zone.y, zone.x + zone.width, zone.y + zone.height
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float64)
    corners = registration.to_original(corners)
    height, width = image.shape[:2]
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
