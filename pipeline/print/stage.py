"""The print stage: which pixels of one image are variable print, what its codes say, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from pipeline.images import Grey
from pipeline.print.codes import Code
from pipeline.print.findings import judge
from pipeline.print.own_frame import carries
from pipeline.print.sheet import LabelPose, Sheet, SheetView, on_label, view_sheet
from pipeline.print.sheet_findings import is_whole, judge_sheet
from pipeline.print.zone_view import ZoneView, corners_of, view_zone
from pipeline.print.zones import PrintZone
from pipeline.registration import Registration, between

_ZONES: Final = TypeAdapter(tuple[PrintZone, ...])
_SHEETS: Final = TypeAdapter(tuple[Sheet, ...])


@dataclass(frozen=True)
class PrintMask:
    """Variable print on one image.

    Attributes:
        pixels: (H, W) uint8 in the reference frame, 255 = print, kept out of the comparison.
        codes: what was decoded, or found and not decoded, with corners in the original frame.
        findings: words about the print itself; empty on a good part.
        places: (4, 2) corners x, y of the label or zone that each finding is about, in the original frame.
        labels: where those labels lie that are whole.
    """

    pixels: NDArray[np.uint8]
    codes: tuple[Code, ...]
    findings: tuple[str, ...]
    places: tuple[NDArray[np.float64], ...] = ()
    labels: tuple[LabelPose, ...] = ()


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

    def find(self, grey: Grey, registration: Registration, taken: Grey | None = None) -> PrintMask:
        """Find the print on one image.

        Args:
            grey: (H, W) in the original frame, in the light of the good parts that taught the stage.
            registration: where the part is on it.
            taken: the same as it was taken. Codes that cannot be read in the other are read from it, where it is given:
                each light hides some of those that are blurred.
        """
        pixels = np.zeros(self.size[::-1], np.uint8)
        codes: list[Code] = []
        said: list[tuple[str, NDArray[np.float64]]] = []
        sheets = tuple(view_sheet(grey, registration, sheet, self.stroke_width) for sheet in self.sheets)
        for sheet, seen in zip(self.sheets, sheets, strict=True):
            said.extend((words, _sheet_corners(registration, sheet, seen)) for words in judge_sheet(sheet, seen))
        poses = self.on_labels(registration, sheets)
        read_from = (grey,) if taken is None else (grey, taken)
        missing = [sheet for sheet, seen in zip(self.sheets, sheets, strict=True) if seen.pose is None]
        for zone, view in zip(self.zones, self.view_zones(grey, registration, poses, read_from), strict=True):
            _add(pixels, view, registration, zone)
            codes.extend(replace(code, zone=zone.name) for code in view.codes)
            if not any(carries(sheet, zone) for sheet in missing):  # that its print is missing too goes without saying
                corners = corners_of(view.registration, zone)
                said.extend((words, corners) for words in judge(zone.name, view.measure, zone.limits))
        findings, places = tuple(words for words, _ in said), tuple(corners for _, corners in said)
        return PrintMask(pixels, tuple(codes), findings, places, tuple(poses.values()))

    def view_zones(
        self, grey: Grey, registration: Registration, poses: dict[str, LabelPose], read_from: Sequence[Grey]
    ) -> Iterator[ZoneView]:
        """What an image shows in each zone; zones on a label are looked for where the label is.

        Args:
            grey: (H, W) in the original frame.
            registration: where the part is on it.
            poses: where labels lie, as `on_labels` says.
            read_from: what codes are read from, the first that shows them; it takes most of the time.
        """
        for label, zone in enumerate(self.zones, start=1):
            place = poses[zone.sheet].registration if zone.sheet in poses else registration
            yield view_zone(grey, place, zone, self.labels, label, self.stroke_width, read_from)

    def on_labels(self, registration: Registration, sheets: tuple[SheetView, ...]) -> dict[str, LabelPose]:
        """Where those labels lie that are whole, by their names.

        Args:
            registration: where the part is on the image.
            sheets: what the image shows of each label.
        """
        found = {
            sheet.name: on_label(registration, sheet, seen.pose)
            for sheet, seen in zip(self.sheets, sheets, strict=True)
            if seen.pose is not None and is_whole(sheet, seen.pose)
        }
        return {name: pose for name, pose in found.items() if pose is not None}

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
    matrix = between(view.registration, registration)
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


def _sheet_corners(registration: Registration, sheet: Sheet, seen: SheetView) -> NDArray[np.float64]:
    """Corners of a label where it lies, or where it should lie if it is missing."""
    return corners_of(registration, sheet) if seen.pose is None else registration.to_original(seen.pose.corners)
