"""What the working frame shows: parts that are searched for over the image, with a margin, and not the ground.

What the ground under such a part looks like tells nothing of the part, and takes the pixels that faults are seen in.
Where all good parts have their edges, and run them in the same direction, is the part; the ground's run any way.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from models.good_parts import GoodParts
from pipeline.config import Box, Config
from pipeline.framing import Frame
from pipeline.images import Image, size_within
from pipeline.regions import view_of
from pipeline.registration import DARK, SEARCH_SIDE
from pipeline.view import View

SAMPLE = 64
"""Good parts that tell, at the most."""

SEARCHED = ("far", "any")
"""Motions with which the ground does not belong to the part. Of parts in place all that the camera sees is judged."""

GRAIN, FAINT = 1.0, 0.03
"""Pixels that an edge is smoothed over, and its slope, in logarithms of levels a pixel, that half counts."""

BESIDE = 5
"""Pixels across that one place of the part takes: an edge of its own, not just a line through the ground."""

SHARED = 0.4
"""Of an edge as clear as can be, in the same direction on all parts, what there must be: on the edges of parts it is
0.6 or more, and where ground meets ground up to 0.3."""

SPECK = 0.002
"""Of the image, what is too small to be a piece of the part."""

WORTH = 0.75
"""Of the image, what a view shows at the most: nothing is gained by less."""


def searches(config: Config) -> bool:
    """Whether `choose_view` looks at the parts."""
    return config.registration.motion in SEARCHED and not config.regions.interest


def choose_view(parts: GoodParts, reference: Image, config: Config) -> View:
    """What the working frame shows of the reference: a person's regions of interest, else the part, else all.

    Args:
        parts: a sample of good parts; looked at where they are searched for over the image and nobody has said what is
            of interest.
        reference: (H, W, 3) uint8 RGB.
        config: with a definite motion.
    """
    whole, megapixels = (reference.shape[1], reference.shape[0]), config.image.working_megapixels
    if not searches(config):
        return view_of(config.regions.interest, whole, megapixels=megapixels)
    closer = view_of(_extent(parts, whole), whole, megapixels=megapixels)
    worth = closer.box[2] * closer.box[3] <= WORTH * whole[0] * whole[1]
    return closer if worth else view_of((), whole, megapixels=megapixels)


def _extent(parts: GoodParts, whole: tuple[int, int]) -> tuple[Box, ...]:
    """The box around all edges that good parts share, pixels of the reference; none where they share none."""
    view = View.of_all(whole, size_within(whole, SEARCH_SIDE))
    clear = shared_edges(parts.frames(view), view.size)
    _, _, found, _ = cv2.connectedComponentsWithStats((clear > SHARED).astype(np.uint8))
    pieces = found[1:][found[1:, cv2.CC_STAT_AREA] > SPECK * clear.size]  # the first is all the rest
    if not len(pieces):
        return ()
    scale = np.divide(whole, view.size)
    low = np.floor(pieces[:, :2].min(axis=0) * scale).astype(int)
    high = np.ceil((pieces[:, :2] + pieces[:, 2:4]).max(axis=0) * scale).astype(int)
    return ((int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])),)


def shared_edges(frames: Iterable[Frame], size: tuple[int, int]) -> NDArray[np.float32]:
    """How clear the edges are that all parts have in the same direction; (h, w), 0..1.

    The mean of their double-angle vectors (Granlund 1978, "In search of a general picture processing operator"): an
    edge of a part counts the same before a bright ground and before a dark one.

    Args:
        frames: of registered parts.
        size: their width and height.
    """
    total, seen, count = np.zeros((*size[::-1], 2), np.float32), np.zeros(size[::-1], np.float32), 0
    for frame in frames:
        shown = (frame.ignored == 0).astype(np.float32)
        total, seen, count = total + _edges(frame.image) * shown[..., None], seen + shown, count + 1
    often = np.maximum(seen, max(count, 1) / 2)  # what fewer than half show is not shared
    return np.asarray(cv2.blur(np.hypot(total[..., 0], total[..., 1]) / often, (BESIDE, BESIDE)), np.float32)


def _edges(image: Image) -> NDArray[np.float32]:
    """(h, w, 2) at twice the angle of the slope at each pixel; as long as it is clear, 0..1."""
    grey = np.log(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32) + DARK)
    smooth = cv2.GaussianBlur(grey, (0, 0), GRAIN)
    x, y = (cv2.Sobel(smooth, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    slope = np.hypot(x, y)
    clear = 1 / ((slope + FAINT) * (slope + 1e-9))
    return np.asarray(np.dstack([(x * x - y * y) * clear, 2 * x * y * clear]), np.float32)
