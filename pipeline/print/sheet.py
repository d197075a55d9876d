"""The label itself: the bright or dark sheet that carries print, and where it lies on each part.

A sheet is segmented from its own surroundings after a morphological closing (opening, where print is light) took the
print off it; the rectangle of least area around it is its pose. Good parts say how far that may be off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Grey
from pipeline.print.layout import Box
from pipeline.print.rows import RowLimits, row_profile
from pipeline.registration import Registration

Matrix = NDArray[np.float64]
Range = tuple[float, float]
Place = tuple[float, float, float]  # x, y of a centre, px; angle, degrees clockwise

_RING: Final = 3  # stroke widths around a label: near enough to be the part, and farther than labels are moved
_LEAST: Final = 0.25  # share of its usual area: what is smaller is not the label
_CLEAR: Final = 0.75  # of the way to a label that reaches well beyond half way
_FAINTEST: Final = 0.5  # of its usual step to what lies around it, a burnt-out label still shows
MARGIN: Final = 4
"""Stroke widths around a label in which it is looked for."""


@dataclass(frozen=True)
class SheetPose:
    """Where a label lies on one image, in pixels of the reference frame.

    Attributes:
        x, y: centre.
        width, height: sides.
        angle: degrees, -45..45, clockwise.
        fill: share of the rectangle that is label, 0..1.
    """

    x: float
    y: float
    width: float
    height: float
    angle: float
    fill: float

    @property
    def corners(self) -> Matrix:
        """(4, 2) x, y in pixels of the reference frame."""
        return np.asarray(cv2.boxPoints(((self.x, self.y), (self.width, self.height), self.angle)), np.float64)


@dataclass(frozen=True)
class SheetLimits:
    """Lowest and highest of each measure of `SheetPose`, from good parts. The defaults allow everything."""

    x: Range = (-math.inf, math.inf)
    y: Range = (-math.inf, math.inf)
    width: Range = (0.0, math.inf)
    height: Range = (0.0, math.inf)
    angle: Range = (-45.0, 45.0)
    fill: Range = (0.0, 1.0)


@dataclass(frozen=True)
class Sheet:
    """A label that print was found on.

    Attributes:
        name: unique, "label 1", ...
        x, y, width, height: box in pixels of the reference frame.
        level: brightness between the label and what lies around it, grey levels.
        around: brightness of the part around the label, grey levels: what `level` is relative to.
        sides: width and height of the label itself, upright, pixels.
        place: x, y of its centre and its angle in degrees, as good parts have it; None where that was not learned.
        dark: darker than what lies around it; its print is light.
        limits: what good parts show.
        rows: what their print shows; None where too few were seen.
    """

    name: str
    x: int
    y: int
    width: int
    height: int
    level: float
    around: float
    sides: tuple[int, int]
    place: Place | None = None
    dark: bool = False
    limits: SheetLimits = field(default_factory=SheetLimits)
    rows: RowLimits | None = None


@dataclass(frozen=True)
class LabelPose:
    """Where a label lies on one image.

    Attributes:
        registration: brings the label, and not the part, onto its usual place in the reference frame.
        corners: (4, 2) x, y of where it lies, pixels of the reference frame.
    """

    registration: Registration
    corners: Matrix


@dataclass(frozen=True)
class SheetView:
    """What one image shows of a label: its pose, None where it is missing, and its print row by row."""

    pose: SheetPose | None
    profile: NDArray[np.float64] | None


def locate(grey: Grey, registration: Registration, sheet: Sheet, width: int) -> SheetPose | None:
    """Find a label on one image, (H, W) in the original frame; None where it is missing."""
    reach = MARGIN * width
    left, top = sheet.x - reach, sheet.y - reach
    matrix = registration.matrix.copy()
    matrix[:, 2] -= (left, top)
    size = (sheet.width + 2 * reach, sheet.height + 2 * reach)
    crop = np.asarray(cv2.warpAffine(grey, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    bare = bare_of_print(crop, width, dark=sheet.dark)
    level = _level(bare, sheet, width)
    label = np.asarray(bare < level if sheet.dark else bare > level, dtype=np.uint8)
    outline = _largest_in(label, (reach, reach, sheet.width, sheet.height))
    return None if outline is None else pose_of(outline, (left, top))


def _level(bare: Grey, sheet: Sheet, width: int) -> float:
    """The brightness that parts the label from what lies around it: half way, lower where a burnt-out label is near."""
    reach, ground = MARGIN * width, around(bare, width)
    usual = (sheet.level - sheet.around) * max(ground, 1.0) / max(sheet.around, 1.0)
    inside = bare[reach : reach + sheet.height, reach : reach + sheet.width]
    seen = _CLEAR * (float(np.median(inside)) - ground)
    return ground + float(np.clip(seen / usual, _FAINTEST, 1.0)) * usual


def view_sheet(grey: Grey, registration: Registration, sheet: Sheet, width: int) -> SheetView:
    """Look at one label of one image, (H, W) in the original frame; `width` of the widest stroke, pixels."""
    pose = locate(grey, registration, sheet, width)
    if pose is None:
        return SheetView(None, None)
    return SheetView(pose, row_profile(_upright(grey, registration, sheet, pose), width))


def _upright(grey: Grey, registration: Registration, sheet: Sheet, pose: SheetPose) -> Grey:
    """The label cut out in its own frame, so that its print lies alike on every part; ink is dark on it."""
    matrix = upright(registration, sheet, pose)
    crop = np.asarray(cv2.warpAffine(grey, matrix, sheet.sides, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    return 255 - crop if sheet.dark else crop


def upright(registration: Registration, sheet: Sheet, pose: SheetPose) -> Matrix:
    """The (2, 3) matrix from the original image to the label's own frame, which is as large as the label."""
    width, height = sheet.sides
    return _moved(registration.matrix, (pose.x, pose.y, pose.angle), ((width - 1) / 2, (height - 1) / 2, 0.0))


def on_label(registration: Registration, sheet: Sheet, pose: SheetPose) -> LabelPose | None:
    """Where a label lies; None where good parts did not tell where it usually does."""
    if sheet.place is None:
        return None
    moved = replace(registration, matrix=_moved(registration.matrix, (pose.x, pose.y, pose.angle), sheet.place))
    return LabelPose(moved, pose.corners)


def _moved(matrix: Matrix, place: Place, to: Place) -> Matrix:
    """What `matrix` does, followed by the turn and shift from one place to another."""
    turned = np.asarray(cv2.getRotationMatrix2D(place[:2], place[2] - to[2], 1.0))
    turned[:, 2] += np.subtract(to[:2], place[:2])
    moved = turned[:, :2] @ matrix
    moved[:, 2] += turned[:, 2]
    return np.asarray(moved, np.float64)


def from_upright(sheet: Sheet) -> Matrix:
    """The (2, 3) matrix from the label's own frame to its usual place in the reference frame."""
    width, height = sheet.sides
    place = sheet.place or (sheet.x + (sheet.width - 1) / 2, sheet.y + (sheet.height - 1) / 2, 0.0)
    return _moved(np.eye(2, 3), ((width - 1) / 2, (height - 1) / 2, 0.0), place)


def bare_of_print(grey: Grey, width: int, *, dark: bool) -> Grey:
    """The image without its dark print; without its light print, where the label is `dark`."""
    operation = cv2.MORPH_OPEN if dark else cv2.MORPH_CLOSE
    return np.asarray(cv2.morphologyEx(grey, operation, np.ones((width, width), np.uint8)), np.uint8)


def around(bare: Grey, width: int) -> float:
    """How bright the part is around a label, grey levels: the median of what lies at a few stroke widths from it.

    Args:
        bare: (H, W), the label's box and `MARGIN` stroke widths around it, without print.
        width: of the widest stroke, pixels.
    """
    start = (MARGIN - _RING) * width
    ring = bare[start:-start, start:-start]
    sides = ring[:width], ring[-width:], ring[:, :width], ring[:, -width:]
    return float(np.median(np.concatenate([side.ravel() for side in sides])))


def _largest_in(label: Grey, box: Box) -> NDArray[np.int32] | None:
    """Outline of the region that covers most of a box; None if none covers enough of it."""
    count, regions = cv2.connectedComponents(label)
    x, y, width, height = box
    inside = np.bincount(regions[y : y + height, x : x + width].ravel(), minlength=count)
    inside[0] = 0
    if inside.max() < _LEAST * width * height:
        return None
    region = (regions == inside.argmax()).astype(np.uint8)
    outlines, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(max(outlines, key=cv2.contourArea), dtype=np.int32)


def pose_of(outline: cv2.typing.MatLike, origin: tuple[int, int]) -> SheetPose:
    (x, y), (width, height), angle = cv2.minAreaRect(outline)
    if abs(angle) > 45:
        angle, width, height = angle - math.copysign(90, angle), height, width
    fill = cv2.contourArea(outline) / max(width * height, 1.0)
    return SheetPose(x + origin[0], y + origin[1], width, height, angle, fill)
