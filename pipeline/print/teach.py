"""Teach-in of the print stage: two or three passes over the good parts, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from pipeline.config import ZonesConfig
from pipeline.images import Grey
from pipeline.print.codes import Code, read_codes
from pipeline.print.edits import check_boxes, edit_zones
from pipeline.print.findings import LimitsLearner, Measure
from pipeline.print.own_frame import learn_on_labels
from pipeline.print.sheet import SheetView, view_sheet
from pipeline.print.sheet_learning import SheetLearner, find_sheets
from pipeline.print.stage import PrintStage
from pipeline.print.strokes import stroke_width
from pipeline.print.zones import ZoneLearner
from pipeline.registration import Registration

_AS_LEARNED: Final = ZonesConfig()
_DEFOCUS: Final = 1.0  # px
_CODE_SEARCHES: Final = 24  # images searched whole for codes; enough to see one that half of them show


def teach(
    parts: Iterable[tuple[Grey, Registration]], size: tuple[int, int], edits: ZonesConfig = _AS_LEARNED
) -> PrintStage:
    """Learn where print is and what good print looks like.

    Args:
        parts: good parts, (H, W) in the original frame and in one light, with their registration. Gone through two or
            three times, so it must be re-iterable (a sequence, or an object whose `__iter__` starts again), not a
            generator. Parts whose pose was not found are left out.
        size: W, H of the reference frame.
        edits: what a person says about the zones; see `edit_zones`.

    Returns:
        The stage; without zones where no print varies.

    Raises:
        ConfigError: edits that do not fit what the parts show.
    """
    check_boxes(edits, size)
    strokes = stroke_width(size)
    learner = ZoneLearner(size, strokes=strokes, slack=strokes // 6)
    searches = 0
    for grey, registration in parts:
        if not registration.found:
            continue
        codes = _all_codes(grey, registration) if searches < _CODE_SEARCHES else ()
        searches += 1
        learner.add(_register(grey, registration, size), codes)
    zones, labels = learner.zones()
    sheets = find_sheets(learner.samples, zones, strokes)
    if sheets:
        zones, labels = learn_on_labels(parts, sheets, zones, labels, strokes)
    stage = edit_zones(PrintStage(size, strokes, zones, labels, sheets), edits, learner.samples)
    return _with_limits(stage, parts)


def _with_limits(stage: PrintStage, parts: Iterable[tuple[Grey, Registration]]) -> PrintStage:
    """Learn the limits of zones and labels from what the stage sees on the same parts, out of focus too."""
    if not stage.zones and not stage.sheets:
        return stage
    zones = [LimitsLearner() for _ in stage.zones]
    sheets = [SheetLearner(sheet) for sheet in stage.sheets]
    for grey, registration in parts:
        if not registration.found:
            continue
        taken, defocused = _seen(stage, grey, registration, (grey,)), _seen(stage, _defocused(grey), registration, ())
        for sheet, *views in zip(sheets, taken[0], defocused[0], strict=True):
            sheet.add(*views)
        for zone, *measures in zip(zones, taken[1], defocused[1], strict=True):
            zone.add(*measures)
    judged = zip(stage.zones, zones, strict=True)
    return replace(
        stage,
        zones=tuple(replace(zone, limits=learner.limits()) for zone, learner in judged),
        sheets=tuple(known for learner in sheets if (known := learner.sheet())),
    )


def _seen(
    stage: PrintStage, grey: Grey, registration: Registration, read_from: Sequence[Grey]
) -> tuple[list[SheetView], list[Measure]]:
    """What a shot shows of each label, and in each zone."""
    labels = [view_sheet(grey, registration, sheet, stage.stroke_width) for sheet in stage.sheets]
    zones = stage.view_zones(grey, registration, stage.on_labels(registration, tuple(labels)), read_from)
    return labels, [view.measure for view in zones]


def _defocused(grey: Grey) -> Grey:
    """As a line may take it before `pipeline.quality` has doubts: that alone must not be taken for bad print."""
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), _DEFOCUS), np.uint8)


def _all_codes(grey: Grey, registration: Registration) -> tuple[Code, ...]:
    """Every code on the image, with its corners in the reference frame."""
    linear, shift = registration.matrix[:, :2], registration.matrix[:, 2]
    return tuple(replace(code, corners=code.corners @ linear.T + shift) for code in read_codes(grey))


def _register(grey: Grey, registration: Registration, size: tuple[int, int]) -> Grey:
    warped = cv2.warpAffine(grey, registration.matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)
