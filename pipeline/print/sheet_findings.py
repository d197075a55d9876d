"""What is said about a label: missing, out of place, turned, torn or doubled, and its print row by row."""

from __future__ import annotations

import math

from pipeline.print.rows import judge_rows
from pipeline.print.sheet import Range, Sheet, SheetLimits, SheetPose, SheetView


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
