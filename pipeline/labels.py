"""Labels at their usual place: a label is stuck a little elsewhere on each part, and all its print goes with it.

Where labels lie as they come, their rims and their fixed print differ from part to part, and what is wrong beside those
drowns in that. So each label is compared in its own frame: it is moved to where labels usually lie, and the part around
it is continued where it came from. How far it was off is judged by the print stage, which has seen it before.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.framing import Frame
from pipeline.images import Mask, covered
from pipeline.print import LabelPose, PrintMask
from pipeline.registration import Matrix, Registration, between
from pipeline.view import View

Pixels = NDArray[np.uint8]

EDGE = 3
"""Pixels beside a label that show its edge, and the ground beside that: they go with it, and are not left behind."""

REACH = 2
"""Pixels around a gap from which it is filled: less than EDGE, so that a label is not spread into it."""


def labels_in_place(frame: Frame, found: PrintMask, registration: Registration, view: View) -> Frame:
    """Bring labels to their usual place, and keep variable print out of the comparison.

    Args:
        frame: the part, registered, with its labels as they lie.
        found: its print.
        registration: of the part.
        view: what the frame shows.
    """
    image, detail = (_brought(picture, found, registration, view) for picture in (frame.image, frame.detail))
    if frame.burnt is not None and frame.dark is not None:
        burnt, dark = (_carried(mask, found, registration, view) for mask in (frame.burnt, frame.dark))
        frame = replace(frame, burnt=burnt, dark=dark)
    return replace(frame, image=image, detail=detail).behind(print_in_place(found, registration), view)


def print_in_place(found: PrintMask, registration: Registration) -> Mask:
    """(H, W) uint8 in the reference frame, 255 on print, with each label where it usually lies."""
    pixels = found.pixels
    return _carried(pixels, found, registration, View.of_all((pixels.shape[1], pixels.shape[0])))


def _carried(mask: Mask, found: PrintMask, registration: Registration, view: View) -> Mask:
    """A mask of the frame, (h, w), with what lies on each label where the label usually lies."""
    for label in found.labels:
        if not view.shows(label.corners):
            continue
        moved, here, there, window = _moved(mask, label, registration, view, cv2.INTER_NEAREST)
        mask = mask.copy()
        mask[window] = np.where(there > 0, moved, np.where(here > 0, np.uint8(0), mask[window]))
    return mask


def to_original(points: NDArray[np.float64], found: PrintMask, registration: Registration) -> NDArray[np.float64]:
    """Map (N, 2) points (x, y) of the reference frame, in which labels are at their usual place, to the original."""
    mapped = registration.to_original(points)
    for label in found.labels:
        usual = _applied(between(registration, label.registration), label.corners).astype(np.float32)
        inside = np.array([cv2.pointPolygonTest(usual, point.tolist(), False) >= 0 for point in points])
        mapped[inside] = label.registration.to_original(points[inside])
    return mapped


def _brought(picture: Pixels, found: PrintMask, registration: Registration, view: View) -> Pixels:
    """A picture of the frame, (h, w) or (h, w, 3), with each label where it usually lies."""
    view = view.at((picture.shape[1], picture.shape[0]))
    for label in found.labels if picture.size else ():
        if not view.shows(label.corners):
            continue
        moved, here, there, window = _moved(picture, label, registration, view, cv2.INTER_CUBIC)
        placed = covered(picture[window], moved, there)
        gap = np.where(there > 0, np.uint8(0), here)
        picture = picture.copy()
        picture[window] = np.asarray(cv2.inpaint(placed, gap, REACH, cv2.INPAINT_TELEA), np.uint8)
    return picture


def _moved(
    picture: Pixels, label: LabelPose, registration: Registration, view: View, interpolation: int
) -> tuple[Pixels, Mask, Mask, tuple[slice, slice]]:
    """A window around a label: moved with it; 255 where the label lies; 255 where it usually does; and the window."""
    matrix, here = view.between(registration, label.registration), view.seen(label.corners)
    there = _applied(matrix, here)
    (left, top), (right, bottom) = _box(np.vstack([here, there]), view.size)
    corner = np.array((left, top))
    window, shape = (slice(top, bottom), slice(left, right)), (bottom - top, right - left)
    matrix[:, 2] += matrix[:, :2] @ corner - corner
    moved = cv2.warpAffine(
        np.ascontiguousarray(picture[window]), matrix, shape[::-1], flags=interpolation, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.uint8), _filled(here - corner, shape), _filled(there - corner, shape), window


def _applied(matrix: Matrix, points: Matrix) -> Matrix:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def _box(points: Matrix, size: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Left and top, right and bottom of what is looked at around points, inside a picture of `size`."""
    margin = EDGE + REACH + 1
    low = np.clip(np.floor(points.min(axis=0)) - margin, 0, size).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + margin, 0, size).astype(int)
    return (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))


def _filled(corners: Matrix, shape: tuple[int, int]) -> Mask:
    """(h, w) 255 inside a rectangle and on what its edge has darkened."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 255)
    return np.asarray(cv2.dilate(mask, np.ones((2 * EDGE + 1, 2 * EDGE + 1), np.uint8)), np.uint8)
