"""Teach-in of the print stage: two or three passes over the good parts, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from pipeline.config import ZonesConfig
from pipeline.images import Image
from pipeline.print.codes import Code, read_codes
from pipeline.print.edits import check_boxes, edit_zones
from pipeline.print.findings import LimitsLearner
from pipeline.print.own_frame import learn_on_labels
from pipeline.print.sheet import SheetLearner, find_sheets, view_sheet
from pipeline.print.stage import PrintStage
from pipeline.print.strokes import stroke_width
from pipeline.print.zones import ZoneLearner
from pipeline.registration import Registration

_AS_LEARNED: Final = ZonesConfig()
_CODE_SEARCHES: Final = 24  # images searched whole for codes; enough to see one that half of them show


def teach(
    parts: Iterable[tuple[Image, Registration]], size: tuple[int, int], edits: ZonesConfig = _AS_LEARNED
) -> PrintStage:
    """Learn where print is and what good print looks like.

    Args:
        parts: good parts in the original frame with their registration. Gone through two or three times, so it must be
            re-iterable (a sequence, or an object whose `__iter__` starts again), not a generator. Parts whose
            pose was not found are left out.
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
    for image, registration in parts:
        if not registration.found:
            continue
        codes = _all_codes(image, registration) if searches < _CODE_SEARCHES else ()
        searches += 1
        learner.add(_register(image, registration, size), codes)
    zones, labels = learner.zones()
    sheets = find_sheets(learner.samples, zones, strokes)
    if sheets:
        zones, labels = learn_on_labels(parts, sheets, zones, labels, strokes)
    stage = edit_zones(PrintStage(size, strokes, zones, labels, sheets), edits, learner.samples)
    return _with_limits(stage, parts)


def _with_limits(stage: PrintStage, parts: Iterable[tuple[Image, Registration]]) -> PrintStage:
    """Learn the limits of zones and labels from what the stage sees on the same parts."""
    if not stage.zones and not stage.sheets:
        return stage
    zones = [LimitsLearner() for _ in stage.zones]
    sheets = [SheetLearner(sheet) for sheet in stage.sheets]
    for image, registration in parts:
        if not registration.found:
            continue
        views = tuple(view_sheet(image, registration, sheet, stage.stroke_width) for sheet in stage.sheets)
        for learner, seen in zip(sheets, views, strict=True):
            learner.add(seen)
        for view, limits in zip(stage.view_zones(image, registration, views), zones, strict=True):
            limits.add(view.measure)
    judged = zip(stage.zones, zones, strict=True)
    return replace(
        stage,
        zones=tuple(replace(zone, limits=learner.limits()) for zone, learner in judged),
        sheets=tuple(known for learner in sheets if (known := learner.sheet())),
    )


def _all_codes(image: Image, registration: Registration) -> tuple[Code, ...]:
    """Every code on the image, with its corners in the reference frame."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    linear, shift = registration.matrix[:, :2], registration.matrix[:, 2]
    return tuple(replace(code, corners=code.corners @ linear.T + shift) for code in read_codes(grey))


def _register(image: Image, registration: Registration, size: tuple[int, int]) -> Image:
    warped = cv2.warpAffine(image, registration.matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)
