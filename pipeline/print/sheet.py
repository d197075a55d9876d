"""The label itself: the bright or dark sheet that carries print. Where it lies on each part, and whether it is whole.

A sheet is segmented from its own surroundings after a morphological closing (opening, where print is light) took the
print off it; the rectangle of least area around it is its pose. Good parts say how far that may be off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Image
from pipeline.print.findings import Spread
from pipeline.print.layout import Box
from pipeline.print.rows import RowLearner, RowLimits, judge_rows, row_profile
from pipeline.print.zones import PrintZone
from pipeline.registration import Registration

Grey = NDArray[np.uint8]
Matrix = NDArray[np.float64]
Range = tuple[float, float]
Place = tuple[float, float, float]  # x, y of a centre, px; angle, degrees clockwise

_EVEN: Final = 30  # grey levels that light and texture may change across a sheet
_STEP: Final = 30  # grey levels that a sheet must differ from what lies around it
_RECTANGLE: Final = 0.93  # share of its rectangle that a sheet fills; round corners cost little
_LARGEST: Final = 0.4  # share of the image; more is the part itself
_PRESENT: Final = 0.995  # of the good parts: a label that more of them lack may be missing
_LEAST: Final = 0.25  # share of its usual area: what is smaller is not the label
_MARGIN: Final = 4  # stroke widths around the label in which it is looked for
_SIGMAS: Final = 4.0
_PIXEL: Final = 1.0  # px: a rim is found no better


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
class SheetView:
    """What one image shows of a label: its pose, None where it is missing, and its print row by row."""

    pose: SheetPose | None
    profile: NDArray[np.float64] | None


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
    return np.asarray(np.median([_bare(grey, width, dark=dark) for grey in samples], axis=0), dtype=np.uint8)


def locate(image: Image, registration: Registration, sheet: Sheet, width: int) -> SheetPose | None:
    """Find a label on one image, (H, W, 3) in the original frame; None where it is missing."""
    reach = _MARGIN * width
    left, top = sheet.x - reach, sheet.y - reach
    matrix = registration.matrix.copy()
    matrix[:, 2] -= (left, top)
    size = (sheet.width + 2 * reach, sheet.height + 2 * reach)
    crop = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    bare = _bare(np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8), width, dark=sheet.dark)
    level = sheet.level * np.median(_rim(bare, width)) / max(sheet.around, 1.0)
    label = np.asarray(bare < level if sheet.dark else bare > level, dtype=np.uint8)
    outline = _largest_in(label, (reach, reach, sheet.width, sheet.height))
    return None if outline is None else _pose(outline, (left, top))


def view_sheet(image: Image, registration: Registration, sheet: Sheet, width: int) -> SheetView:
    """Look at one label of one image, (H, W, 3) in the original frame; `width` of the widest stroke, pixels."""
    pose = locate(image, registration, sheet, width)
    if pose is None:
        return SheetView(None, None)
    return SheetView(pose, row_profile(_upright(image, registration, sheet, pose), width))


def _upright(image: Image, registration: Registration, sheet: Sheet, pose: SheetPose) -> Grey:
    """The label cut out in its own frame, so that its print lies alike on every part; ink is dark on it."""
    matrix = upright(registration, sheet, pose)
    crop = cv2.warpAffine(image, matrix, sheet.sides, borderMode=cv2.BORDER_REPLICATE)
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    return 255 - grey if sheet.dark else grey


def upright(registration: Registration, sheet: Sheet, pose: SheetPose) -> Matrix:
    """The (2, 3) matrix from the original image to the label's own frame, which is as large as the label."""
    width, height = sheet.sides
    return _moved(registration.matrix, (pose.x, pose.y, pose.angle), ((width - 1) / 2, (height - 1) / 2, 0.0))


def on_label(registration: Registration, sheet: Sheet, pose: SheetPose) -> Registration:
    """The registration that brings a label, and not the part, onto its usual place in the reference frame."""
    if sheet.place is None:
        return registration
    return replace(registration, matrix=_moved(registration.matrix, (pose.x, pose.y, pose.angle), sheet.place))


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


def is_whole(sheet: Sheet, pose: SheetPose) -> bool:
    """Whether a label is as large as on good parts, so that its pose can be trusted."""
    sizes = (pose.width, sheet.limits.width), (pose.height, sheet.limits.height)
    return not any(_beyond(value, limits) for value, limits in sizes)


def judge_sheet(sheet: Sheet, view: SheetView) -> tuple[str, ...]:
    """Findings in words on a label; empty for a good part."""
    if view.pose is None or view.profile is None:
        return (f"{sheet.name} missing",)
    faults = _judge_pose(sheet, view.pose)
    if faults or sheet.rows is None:  # rows of a label that is torn or doubled tell nothing more
        return faults
    return judge_rows(sheet.name, view.profile, sheet.rows)


def _judge_pose(sheet: Sheet, pose: SheetPose) -> tuple[str, ...]:
    limits = sheet.limits
    if pose.width > limits.width[1] or pose.height > limits.height[1]:
        return (f"{sheet.name} doubled or larger: {_sides(pose)}, at most {_limit(limits, 1)} expected",)
    if pose.width < limits.width[0] or pose.height < limits.height[0]:
        return (f"{sheet.name} torn or smaller: {_sides(pose)}, at least {_limit(limits, 0)} expected",)
    return (*_judge_place(sheet, pose), *_judge_angle(sheet, pose), *_judge_fill(sheet, pose))


def _judge_fill(sheet: Sheet, pose: SheetPose) -> tuple[str, ...]:
    least = sheet.limits.fill[0]
    if pose.fill >= least:
        return ()
    return (f"{sheet.name} torn: {pose.fill:.1%} of its rectangle, at least {least:.1%} expected",)


def _judge_place(sheet: Sheet, pose: SheetPose) -> tuple[str, ...]:
    off_x, off_y = _beyond(pose.x, sheet.limits.x), _beyond(pose.y, sheet.limits.y)
    if not off_x and not off_y:
        return ()
    across, down = pose.x - sum(sheet.limits.x) / 2, pose.y - sum(sheet.limits.y) / 2
    allowed = math.hypot(*((high - low) / 2 for low, high in (sheet.limits.x, sheet.limits.y)))
    return (f"{sheet.name} shifted by {math.hypot(across, down):.0f} px, at most {allowed:.0f} expected",)


def _judge_angle(sheet: Sheet, pose: SheetPose) -> tuple[str, ...]:
    low, high = sheet.limits.angle
    if not _beyond(pose.angle, (low, high)):
        return ()
    return (f"{sheet.name} rotated to {pose.angle:.1f} degrees, {low:.1f} to {high:.1f} expected",)


def _beyond(value: float, limits: Range) -> bool:
    return not limits[0] <= value <= limits[1]


def _sides(pose: SheetPose) -> str:
    return f"{pose.width:.0f} x {pose.height:.0f} px"


def _limit(limits: SheetLimits, which: int) -> str:
    return f"{limits.width[which]:.0f} x {limits.height[which]:.0f}"


class SheetLearner:
    """Learns the limits of one label from a stream of good parts."""

    def __init__(self, sheet: Sheet) -> None:
        """Start with nothing seen of `sheet`."""
        self._sheet = sheet
        self._seen = self._missing = 0
        self._rows = RowLearner()
        self._spreads = {name: Spread() for name in vars(SheetLimits())}

    def add(self, view: SheetView) -> None:
        """Take in what one good part shows of the label."""
        self._seen += 1
        if view.pose is None or view.profile is None:
            self._missing += 1
            return
        self._rows.add(view.profile)
        for name, spread in self._spreads.items():
            spread.add(getattr(view.pose, name))

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


def _bare(grey: Grey, width: int, *, dark: bool) -> Grey:
    """The image without its dark print; without its light print, where the label is `dark`."""
    operation = cv2.MORPH_OPEN if dark else cv2.MORPH_CLOSE
    return np.asarray(cv2.morphologyEx(grey, operation, np.ones((width, width), np.uint8)), np.uint8)


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
    pose = _pose(max(outlines, key=cv2.contourArea), (0, 0))
    beside = bare[_frame(ground, width)]
    if not beside.size:
        return False
    step = (np.median(bare[ground]) - np.median(beside)) * (-1 if dark else 1)
    return bool(pose.fill > _RECTANGLE and min(pose.width, pose.height) > 2 * width and step > _STEP)


def _sheet(name: str, bare: Grey, ground: NDArray[np.bool_], width: int, *, dark: bool) -> Sheet:
    x, y, w, h = cv2.boundingRect(ground.astype(np.uint8))
    level = (np.median(bare[ground]) + np.median(bare[_frame(ground, width)])) / 2
    reach = _MARGIN * width
    rows, columns = (np.arange(start - reach, start + side + reach) for start, side in ((y, h), (x, w)))
    clamped = np.ix_(rows.clip(0, bare.shape[0] - 1), columns.clip(0, bare.shape[1] - 1))
    around = float(np.median(_rim(bare[clamped], width)))
    outlines, _ = cv2.findContours(ground.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    pose = _pose(max(outlines, key=cv2.contourArea), (0, 0))
    sides, place = (round(pose.width), round(pose.height)), (pose.x, pose.y, pose.angle)
    return Sheet(name, x, y, w, h, float(level), around, sides, place, dark)


def _frame(ground: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """The pixels beside a region, past its blurred rim."""
    near, far = (np.ones((2 * reach + 1,) * 2, np.uint8) for reach in (width // 2, width))
    region = ground.astype(np.uint8)
    return np.asarray((cv2.dilate(region, far) > 0) & (cv2.dilate(region, near) == 0))


def _rim(crop: Grey, width: int) -> Grey:
    """The outermost pixels of a crop, which no label reaches that is somewhere near its place."""
    return np.concatenate(
        [crop[:width].ravel(), crop[-width:].ravel(), crop[:, :width].ravel(), crop[:, -width:].ravel()]
    )


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


def _pose(outline: cv2.typing.MatLike, origin: tuple[int, int]) -> SheetPose:
    (x, y), (width, height), angle = cv2.minAreaRect(outline)
    if abs(angle) > 45:
        angle, width, height = angle - math.copysign(90, angle), height, width
    fill = cv2.contourArea(outline) / max(width * height, 1.0)
    return SheetPose(x + origin[0], y + origin[1], width, height, angle, fill)
