"""Labels learned from good parts: which zones of print lie on one, and how far its pose and its print may be off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Grey
from pipeline.print.findings import Spread
from pipeline.print.rows import RowLearner
from pipeline.print.sheet import MARGIN, Sheet, SheetLimits, SheetView, around, bare_of_print, pose_of
from pipeline.print.zones import PrintZone

_EVEN: Final = 30  # grey levels that light and texture may change across a sheet
_STEP: Final = 30  # grey levels that a sheet must differ from what lies around it
_RECTANGLE: Final = 0.93  # share of its rectangle that a sheet fills; round corners cost little
_LARGEST: Final = 0.4  # share of the image; more is the part itself
_PRESENT: Final = 0.995  # of the good parts: a label that more of them lack may be missing
_SIGMAS: Final = 4.0
_PIXEL: Final = 1.0  # px: a rim is found no better


def find_sheets(samples: Sequence[Grey], zones: Sequence[PrintZone], width: int) -> tuple[Sheet, ...]:
    """The labels under zones of print.

    Args:
        samples: (H, W) good parts in the reference frame.
        zones: where print is.
        width: widest stroke, pixels.
    """
    if not zones:
        return ()
    bare_of = {dark: _usual_ground(samples, width, dark=dark) for dark in (False, True)}
    taken = np.zeros(samples[0].shape, bool)
    sheets: list[Sheet] = []
    for zone in zones:
        bare, dark = bare_of[not zone.dark], not zone.dark
        ground = _ground(bare, zone)
        if not taken[zone.window].any() and _is_sheet(bare, ground, width, dark=dark):
            taken |= ground
            sheets.append(_sheet(f"label {len(sheets) + 1}", bare, ground, width, dark=dark))
    return tuple(sheets)


def _usual_ground(samples: Sequence[Grey], width: int, *, dark: bool) -> Grey:
    return np.asarray(np.median([bare_of_print(grey, width, dark=dark) for grey in samples], axis=0), dtype=np.uint8)


class SheetLearner:
    """Learns the limits of one label from a stream of good parts."""

    def __init__(self, sheet: Sheet) -> None:
        """Start with nothing seen of `sheet`."""
        self._sheet = sheet
        self._seen = self._missing = 0
        self._rows = RowLearner()
        self._spreads = {name: Spread() for name in vars(SheetLimits())}

    def add(self, view: SheetView, defocused: SheetView) -> None:
        """Take in what one good part shows of the label, as it was taken and out of focus."""
        self._seen += 1
        if view.pose is None or view.profile is None:
            self._missing += 1
            return
        self._rows.add(view.profile, view.profile if defocused.profile is None else defocused.profile)
        for name, spread in self._spreads.items():
            spread.add(*(getattr(pose, name) for pose in (view.pose, defocused.pose or view.pose)))

    def sheet(self) -> Sheet | None:
        """The label with its limits; None where too many good parts lack it to expect it."""
        if not self._seen or self._missing > (1 - _PRESENT) * self._seen:
            return None
        turn = math.degrees(_PIXEL / (self._sheet.width / 2))
        slack = {"angle": turn, "fill": 0.0}
        limits = {
            name: spread.limits(sigmas=_SIGMAS, slack=slack.get(name, _PIXEL)) for name, spread in self._spreads.items()
        }
        return replace(self._sheet, limits=SheetLimits(**limits), rows=self._rows.limits())


def _ground(bare: Grey, zone: PrintZone) -> NDArray[np.bool_]:
    """What is connected with a zone and about as bright as the zone is without its print; holes are filled."""
    window = bare[zone.window]
    row, column = np.unravel_index(np.argmin(np.abs(window - np.median(window))), window.shape)
    region = np.zeros((bare.shape[0] + 2, bare.shape[1] + 2), np.uint8)
    flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | 255 << 8
    seed = (zone.x + int(column), zone.y + int(row))
    cv2.floodFill(bare.copy(), region, seed, 0, _EVEN, _EVEN, flags)
    outlines, _ = cv2.findContours(region[1:-1, 1:-1], cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(bare.shape, np.uint8)
    cv2.drawContours(filled, outlines, -1, 255, cv2.FILLED)
    return filled > 0


def _is_sheet(bare: Grey, ground: NDArray[np.bool_], width: int, *, dark: bool) -> bool:
    """Whether a region is a bright (or `dark`) rectangle, smaller than the part."""
    if ground.mean() > _LARGEST:
        return False
    outlines, _ = cv2.findContours(ground.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    pose = pose_of(max(outlines, key=cv2.contourArea), (0, 0))
    beside = bare[_frame(ground, width)]
    if not beside.size:
        return False
    step = (np.median(bare[ground]) - np.median(beside)) * (-1 if dark else 1)
    return bool(pose.fill > _RECTANGLE and min(pose.width, pose.height) > 2 * width and step > _STEP)


def _sheet(name: str, bare: Grey, ground: NDArray[np.bool_], width: int, *, dark: bool) -> Sheet:
    x, y, w, h = cv2.boundingRect(ground.astype(np.uint8))
    level = (np.median(bare[ground]) + np.median(bare[_frame(ground, width)])) / 2
    reach = MARGIN * width
    rows, columns = (np.arange(start - reach, start + side + reach) for start, side in ((y, h), (x, w)))
    clamped = np.ix_(rows.clip(0, bare.shape[0] - 1), columns.clip(0, bare.shape[1] - 1))
    outlines, _ = cv2.findContours(ground.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    pose = pose_of(max(outlines, key=cv2.contourArea), (0, 0))
    sides, place = (round(pose.width), round(pose.height)), (pose.x, pose.y, pose.angle)
    return Sheet(name, x, y, w, h, float(level), around(bare[clamped], width), sides, place, dark)


def _frame(ground: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """The pixels beside a region, past its blurred rim."""
    near, far = (np.ones((2 * reach + 1,) * 2, np.uint8) for reach in (width // 2, width))
    region = ground.astype(np.uint8)
    return np.asarray((cv2.dilate(region, far) > 0) & (cv2.dilate(region, near) == 0))
