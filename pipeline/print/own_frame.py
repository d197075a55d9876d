"""Zones on a label, learned in the label's own frame: there, print that only moves with its label does not vary.

In the part's frame a label that is stuck a few pixels elsewhere each time blurs the mean of its own print, and lines
whose text changes little drown in that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Grey
from pipeline.print.codes import read_codes
from pipeline.print.layout import MAX_BLOCKS, box_of
from pipeline.print.sheet import Sheet, from_upright, locate, upright
from pipeline.print.zones import Ink, PrintZone, ZoneLearner
from pipeline.registration import Registration

Labels = NDArray[np.uint8]

_SLACK: Final = 0.5  # px that the pose of a label may be off
_QUIET: Final = 0.25  # of a label, at least, is paper
_RIM: Final = 3  # px along the rim of a label, where no print is looked for
_CODE_SEARCHES: Final = 24  # labels searched for codes; enough to see one that half of them show


class LabelLearner:
    """Learns where print varies on one label, from a stream of good parts."""

    def __init__(self, sheet: Sheet, strokes: int) -> None:
        """Start with nothing seen of `sheet`; `strokes` is the widest stroke, pixels."""
        self.sheet = sheet
        self._strokes, self._seen = strokes, 0
        width, height = sheet.sides
        inside = np.zeros((height, width), bool)
        inside[_RIM:-_RIM, _RIM:-_RIM] = True
        ink: Ink = "light" if sheet.dark else "dark"
        self._learner = ZoneLearner(sheet.sides, strokes=strokes, slack=_SLACK, quiet=_QUIET, ink=ink, where=inside)

    def add(self, grey: Grey, registration: Registration) -> None:
        """Take in the label of one good part, (H, W) in the original frame; one that lacks it tells nothing."""
        pose = locate(grey, registration, self.sheet, self._strokes)
        if pose is None:
            return
        matrix = upright(registration, self.sheet, pose)
        label = np.asarray(cv2.warpAffine(grey, matrix, self.sheet.sides, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        self._learner.add(label, read_codes(label) if self._seen < _CODE_SEARCHES else ())
        self._seen += 1

    def zones(self) -> tuple[tuple[PrintZone, ...], Labels]:
        """The zones on the label and their map, as `ZoneLearner.zones`, in the label's own frame."""
        return self._learner.zones()

    def usual_ink(self) -> Labels:
        """Where the label has the same ink on most parts, and the pixel beside it, (h, w) 0 or 1 in its own frame."""
        ink = self._learner.usual_ink()
        usual = np.zeros(self.sheet.sides[::-1], np.uint8) if ink is None else ink.astype(np.uint8)
        return np.asarray(cv2.dilate(usual, np.ones((3, 3), np.uint8)), np.uint8)


def learn_on_labels(
    parts: Iterable[tuple[Grey, Registration]],
    sheets: Sequence[Sheet],
    zones: tuple[PrintZone, ...],
    labels: Labels,
    strokes: int,
) -> tuple[tuple[PrintZone, ...], Labels]:
    """Replace the zones on labels by those that each label shows in its own frame.

    Args:
        parts: good parts in the original frame with their registration.
        sheets: the labels.
        zones, labels: as learned in the part's frame.
        strokes: widest stroke, pixels.

    Returns:
        Zones and their (H, W) map in the reference frame, with each label at its usual place.
    """
    learners = [LabelLearner(sheet, strokes) for sheet in sheets]
    for grey, registration in parts:
        for learner in learners if registration.found else ():
            learner.add(grey, registration)
    kept = {zone.name: (zone, labels == label) for label, zone in enumerate(zones, start=1)}
    blocks: list[Block] = []
    for learner in learners:
        own, own_map = learner.zones()
        if own:
            before = [kept.pop(zone.name) for zone in zones if zone.name in kept and carries(learner.sheet, zone)]
            varying = _on_part(learner.sheet, own, own_map, labels.shape)
            blocks += varying + _unchanging(learner, before, varying, labels.shape)
    return _number([*kept.values(), *blocks], labels.shape)


def carries(sheet: Sheet, zone: PrintZone) -> bool:
    """Whether the middle of a zone lies on a label."""
    x, y = zone.x + zone.width / 2 - sheet.x, zone.y + zone.height / 2 - sheet.y
    return 0 <= x < sheet.width and 0 <= y < sheet.height


Block = tuple[PrintZone, NDArray[np.bool_]]


def _on_part(sheet: Sheet, zones: tuple[PrintZone, ...], own_map: Labels, shape: tuple[int, ...]) -> list[Block]:
    """Zones that vary on a label, with their pixels in the reference frame."""
    placed = cv2.warpAffine(own_map, from_upright(sheet), shape[::-1], flags=cv2.INTER_NEAREST)
    return [
        (replace(zone, sheet=sheet.name), placed == label)
        for label, zone in enumerate(zones, start=1)
        if not zone.fixed and (placed == label).any()
    ]


def _unchanging(
    learner: LabelLearner, before: list[Block], varying: list[Block], shape: tuple[int, ...]
) -> list[Block]:
    """Print that only moved with its label: a zone is no larger than its strokes, since those are known."""
    usual = cv2.warpAffine(learner.usual_ink(), from_upright(learner.sheet), shape[::-1], flags=cv2.INTER_NEAREST) > 0
    free = usual & ~np.any([pixels for _, pixels in varying], axis=0)
    strokes = [(replace(zone, sheet=learner.sheet.name), pixels & free) for zone, pixels in before if zone.fixed]
    return [block for block in strokes if block[1].any()]


def _number(blocks: list[Block], shape: tuple[int, ...]) -> tuple[tuple[PrintZone, ...], Labels]:
    """Number and name zones in reading order; pixels belong to the first that claims them."""
    labels, zones, names = np.zeros(shape, np.uint8), [], Counter[str]()
    for zone, pixels in sorted(blocks, key=lambda block: box_of(block[1])[1::-1])[:MAX_BLOCKS]:
        free = pixels & (labels == 0)
        if not free.any():
            continue
        stem = zone.name.rsplit(" ", 1)[0]
        names[stem] += 1
        x, y, width, height = box_of(free)
        zones.append(replace(zone, name=f"{stem} {names[stem]}", x=x, y=y, width=width, height=height))
        labels[free] = len(zones)
    return tuple(zones), labels
