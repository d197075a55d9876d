"""Regions that a person draws: where parts are judged, and where they are not."""

import cv2
import numpy as np

from pipeline.config import Box, RegionsConfig
from pipeline.images import Mask


def unjudged(regions: RegionsConfig, image_size: tuple[int, int], frame_size: tuple[int, int]) -> Mask:
    """(h, w) uint8 in the working frame, 255 where nothing is compared.

    Args:
        regions: boxes in pixels of the image, on the part in its reference pose.
        image_size: width and height of the image.
        frame_size: width and height of the working frame.
    """
    mask = np.full(frame_size[::-1], 255 if regions.interest else 0, np.uint8)
    scale = np.divide(frame_size, image_size)
    for boxes, value in ((regions.interest, 0), (regions.ignored, 255)):
        for box in boxes:
            cv2.rectangle(mask, *_corners(box, scale), value, cv2.FILLED)
    return mask


def outside_image(regions: RegionsConfig, image_size: tuple[int, int]) -> Box | None:
    """The first box that lies beside the image, if there is one."""
    width, height = image_size
    boxes = (*regions.interest, *regions.ignored)
    return next((box for box in boxes if box[0] >= width or box[1] >= height), None)


def _corners(box: Box, scale: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last working pixel of a box."""
    low = np.round(np.array(box[:2]) * scale).astype(int)
    high = np.maximum(np.round(np.add(box[:2], box[2:]) * scale).astype(int) - 1, low)
    return (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))
