"""What the print stage learned, and what it sees on one image, as pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.config import ZoneKind
from pipeline.drawing import BLACK, BLUE, BOLD, ORANGE, PURPLE, WHITE, Colour, text_block, text_width
from pipeline.images import Grey, Image
from pipeline.print.layout import box_corners
from pipeline.print.sheet import locate
from pipeline.print.stage import PrintMask, PrintStage
from pipeline.print.strokes import ink_response
from pipeline.registration import Registration

Points = NDArray[np.float64]
T = TypeVar("T")

_SIZE: Final = 14  # px, of letters
_COLOURS: Final = {ZoneKind.LINEAR_CODE: PURPLE, ZoneKind.MATRIX_CODE: PURPLE}


@dataclass(frozen=True)
class MaskSteps:
    """How the print mask of one image comes about.

    Attributes:
        pictures: by name, in order: "registered", "strokes", "mask" and "findings", each (H + caption, W, 3).
        ms: what each of the first three took, milliseconds; "mask" is the whole print stage.
        found: the mask, the codes and the findings.
    """

    pictures: dict[str, Image]
    ms: dict[str, float]
    found: PrintMask


def zones_picture(reference: Image, stage: PrintStage) -> Image:
    """Outline zones and labels on the reference image, with their names.

    Args:
        reference: (H, W, 3) in the reference frame.
        stage: what was learned.

    Returns:
        (H, W, 3); text blue, codes purple, labels orange.
    """
    picture = reference.copy()
    for sheet in stage.sheets:
        corners = box_corners(sheet.x, sheet.y, sheet.width, sheet.height)
        _outline(picture, [corners], ORANGE)
        _name(picture, sheet.name, (sheet.x + sheet.width, sheet.y + sheet.height), ORANGE)
    for label, zone in enumerate(stage.zones, start=1):
        colour = _COLOURS.get(zone.kind, BLUE)
        shape = (stage.labels == label).astype(np.uint8)
        outlines, _ = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        _outline(picture, outlines, colour)
        _name(picture, f"{zone.name}, always the same" if zone.fixed else zone.name, (zone.x, zone.y), colour)
    return picture


def mask_pictures(grey: Grey, registration: Registration, stage: PrintStage, taken: Grey | None = None) -> MaskSteps:
    """Show the steps from an image to its print mask.

    Args:
        grey: (H, W) in the original frame, as `PrintStage.find` takes it.
        registration: where the part is on it.
        stage: what was learned.
        taken: as `PrintStage.find` takes it.
    """
    upright, to_register = _timed(lambda: _register(grey, registration, stage.size))
    strokes, to_respond = _timed(lambda: _strokes(upright, stage))
    found, to_find = _timed(lambda: stage.find(grey, registration, taken))
    registered = _in_colour(upright)
    masked = registered.copy()
    masked[found.pixels > 0] = BLUE
    share = np.count_nonzero(found.pixels) / found.pixels.size
    words = "; ".join(found.findings) or "nothing wrong with the print"
    pictures = {
        "registered": _captioned(registered, f"registered: {to_register:.1f} ms"),
        "strokes": _captioned(strokes, f"strokes of each zone's ink: {to_respond:.1f} ms"),
        "mask": _captioned(masked, f"mask: {share:.1%} of the image, {to_find:.1f} ms for the whole stage"),
        "findings": _captioned(_codes_and_labels(grey, registration, stage, found), words),
    }
    return MaskSteps(pictures, {"registered": to_register, "strokes": to_respond, "mask": to_find}, found)


def _timed(step: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    return step(), (time.perf_counter() - start) * 1e3


def _register(grey: Grey, registration: Registration, size: tuple[int, int]) -> Grey:
    return np.asarray(cv2.warpAffine(grey, registration.matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _in_colour(grey: Grey) -> Image:
    return np.repeat(grey[..., None], 3, axis=2)


def _strokes(registered: Grey, stage: PrintStage) -> Image:
    """Response of the strokes in each zone, brightest where it reaches twice the level that counts as ink."""
    level = np.zeros(registered.shape, np.float32)
    for label, zone in enumerate(stage.zones, start=1):
        response = ink_response(registered, stage.stroke_width, dark=zone.dark)
        level = np.where(stage.labels == label, response / (2 * zone.level), level).astype(np.float32)
    return _in_colour(np.clip(255 * level, 0, 255).astype(np.uint8))


def _codes_and_labels(grey: Grey, registration: Registration, stage: PrintStage, found: PrintMask) -> Image:
    """The original image with the labels and codes that were found on it."""
    picture = _in_colour(grey)
    for sheet in stage.sheets:
        pose = locate(grey, registration, sheet, stage.stroke_width)
        if pose is not None:
            _outline(picture, [registration.to_original(pose.corners)], ORANGE)
    for code in found.codes:
        _outline(picture, [code.corners], PURPLE)
        x, y = np.rint(code.corners.max(axis=0)).astype(int)
        _name(picture, code.text or f"{code.symbology}, not readable", (int(x), int(y)), PURPLE)
    return picture


def _outline(picture: Image, outlines: list[Points] | tuple[cv2.typing.MatLike, ...], colour: Colour) -> None:
    shapes = [np.rint(outline).astype(np.int32) for outline in outlines]
    cv2.polylines(picture, shapes, True, WHITE, 3, cv2.LINE_AA)
    cv2.polylines(picture, shapes, True, colour, 1, cv2.LINE_AA)


def _name(picture: Image, text: str, corner: tuple[int, int], colour: Colour) -> None:
    """Write in white on a plate of a colour, left of and below a corner, kept inside the picture."""
    plate = text_block(text, text_width(text, _SIZE, BOLD) + _SIZE, _SIZE, ink=WHITE, paper=colour, weight=BOLD)
    height, width = plate.shape[:2]
    left = max(0, min(corner[0] - width, picture.shape[1] - width))
    top = max(0, min(corner[1], picture.shape[0] - height))
    view = picture[top : top + height, left : left + width]
    view[:] = plate[: view.shape[0], : view.shape[1]]


def _captioned(picture: Image, words: str) -> Image:
    return np.vstack([text_block(words, picture.shape[1], _SIZE, ink=BLACK), picture])
