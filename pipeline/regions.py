"""Regions that a person draws: where parts are judged, and where they are not."""

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.config import Box, RegionsConfig
from pipeline.framing import GRID, working_size
from pipeline.images import Mask
from pipeline.view import View

MARGIN = 0.1
"""Of the sides of what is of interest, that is shown around it: what lies beside a fault tells whether it is one."""

LEAST = 64
"""Pixels of the reference along a side that a view shows, at the least, where there are as many."""


def view_of(boxes: Sequence[Box], image_size: tuple[int, int], *, megapixels: float, margin: float = MARGIN) -> View:
    """What the working frame shows: the whole reference, or the surroundings of what is of interest, seen larger.

    Args:
        boxes: of interest, in pixels of the image, on the part in its reference pose; none where all is.
        image_size: width and height of the image.
        megapixels: of the working frame, at the most.
        margin: of the sides of what is of interest, shown around it.
    """
    box = _around(boxes, image_size, margin) if boxes else (0, 0, *image_size)
    if boxes and box[2] * box[3] < megapixels * 1e6:
        box = _as_it_is(box, image_size)
    return View(box, working_size(box[2:], megapixels=megapixels))


def _around(boxes: Sequence[Box], image_size: tuple[int, int], share: float) -> Box:
    """The box around boxes and a margin, as far as it lies in the image."""
    low = np.min([box[:2] for box in boxes], axis=0)
    high = np.max([np.add(box[:2], box[2:]) for box in boxes], axis=0)
    margin = np.maximum(share * (high - low), (LEAST - (high - low)) / 2)
    left, top = np.clip(np.floor(low - margin), 0, image_size).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high + margin), 0, image_size).astype(int).tolist()
    return (left, top, right - left, bottom - top)


def _as_it_is(box: Box, image_size: tuple[int, int]) -> Box:
    """The box, and as much around it as lets a working frame, whose sides are multiples of `GRID`, show each pixel as
    one, where the image has that.
    """
    start, sides = np.array(box[:2]), np.array(box[2:])
    rounded = -(-sides // GRID) * GRID
    rounded = np.where(rounded <= image_size, rounded, sides)
    left, top = np.clip(start - (rounded - sides) // 2, 0, image_size - rounded).tolist()
    return (left, top, *rounded.tolist())


def unjudged(regions: RegionsConfig, view: View) -> Mask:
    """(h, w) uint8 in the working frame, 255 where nothing is compared.

    Args:
        regions: boxes in pixels of the image, on the part in its reference pose.
        view: what the working frame shows.
    """
    mask = np.full(view.size[::-1], 255 if regions.interest else 0, np.uint8)
    for boxes, value in ((regions.interest, 0), (regions.ignored, 255)):
        for box in boxes:
            cv2.rectangle(mask, *_corners(box, view), value, cv2.FILLED)
    return mask


def outside_image(regions: RegionsConfig, image_size: tuple[int, int]) -> Box | None:
    """The first box that lies beside the image, if there is one."""
    width, height = image_size
    boxes = (*regions.interest, *regions.ignored)
    return next((box for box in boxes if box[0] >= width or box[1] >= height), None)


def _corners(box: Box, view: View) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last working pixel of a box."""
    corner, scale = np.array(view.box[:2]), np.divide(view.size, view.box[2:])
    low = np.round((np.array(box[:2]) - corner) * scale).astype(int)
    high = np.maximum(np.round((np.add(box[:2], box[2:]) - corner) * scale).astype(int) - 1, low)
    return (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))
