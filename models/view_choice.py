"""What the working frame shows: parts that are searched for over the image, in their outline, and not the ground.

What the ground under such a part looks like tells nothing of the part, and takes the pixels that faults are seen in.
Where all good parts have their edges, and run them in the same direction, is the part; the ground's run any way.
"""

from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models.good_parts import GoodParts
from pipeline.config import Config
from pipeline.edges import directions
from pipeline.framing import Frame
from pipeline.images import Image, size_within
from pipeline.regions import view_of
from pipeline.registration import DARK, SEARCH_SIDE, TURNS
from pipeline.view import Outline, View

SAMPLE = 64
"""Good parts that tell, at the most."""

GRAIN = 1.0
"""Pixels that an edge is smoothed over."""

PLACE = 5
"""Pixels across that one place of the part takes: an edge of its own, not just a line through the ground."""

SHARED = 0.4
"""Of an edge as clear as can be, in the same direction on all parts, what there must be: on the edges of parts it is
0.6 or more, and where ground meets ground up to 0.3."""

SPECK = 0.002
"""Of the image, what is too small to be a piece of the part."""

WORTH = 0.75
"""Of the image, what a view shows at the most: nothing is gained by less."""


def searches(config: Config) -> bool:
    """Whether `choose_view` looks at the parts: of those in place all that the camera sees is judged."""
    return config.registration.motion in TURNS and not config.regions.interest


def choose_view(parts: GoodParts, reference: Image, config: Config) -> View:
    """What the working frame shows of the reference: a person's regions of interest, else the part, else all.

    Args:
        parts: a sample of good parts, as far as they are found before anything is known of them; looked at, twice,
            where they are searched for over the image and nobody has said what is of interest.
        reference: (H, W, 3) uint8 RGB.
        config: with a definite motion.
    """
    whole, megapixels = (reference.shape[1], reference.shape[0]), config.image.working_megapixels
    everything = view_of((), whole, megapixels=megapixels)
    if not searches(config):
        return view_of(config.regions.interest, whole, megapixels=megapixels)
    first = replace(everything, outline=_outline(parts, whole))
    again = parts.found_by(first.registrar(reference, motion=config.registration.motion, min_quality=-1.0))
    outline = _outline(again, whole)  # of parts that are found by themselves, and not by the ground too
    if not outline:
        return everything
    left, top, width, height = cv2.boundingRect(replace(everything, outline=outline).part(whole))
    closer = view_of(((left, top, width, height),), whole, megapixels=megapixels, margin=0.0)
    worth = closer.box[2] * closer.box[3] <= WORTH * whole[0] * whole[1]
    return replace(closer, outline=outline) if worth else everything


def _outline(parts: GoodParts, whole: tuple[int, int]) -> Outline:
    """The convex outline of all edges that good parts share; empty where they share none."""
    view = View.of_all(whole, size_within(whole, SEARCH_SIDE))
    clear = shared_edges(parts.frames(view), view.size)
    _, labels, found, _ = cv2.connectedComponentsWithStats((clear > SHARED).astype(np.uint8))
    pieces = 1 + np.flatnonzero(found[1:, cv2.CC_STAT_AREA] > SPECK * clear.size)  # the first is all the rest
    places = np.argwhere(np.isin(labels, pieces))[:, ::-1].astype(np.int32)
    if not len(places):
        return ()
    corners = view.to_reference(cv2.convexHull(places).reshape(-1, 2).astype(np.float64))
    return tuple((int(x), int(y)) for x, y in np.rint(corners))


def shared_edges(frames: Iterable[Frame], size: tuple[int, int]) -> NDArray[np.float32]:
    """How clear the edges are that all parts have in the same direction; (h, w), 0..1.

    The mean of their double-angle vectors: an edge of a part counts the same before a bright ground and a dark one.

    Args:
        frames: of registered parts.
        size: their width and height.
    """
    total, seen, count = np.zeros((*size[::-1], 2), np.float32), np.zeros(size[::-1], np.float32), 0
    for frame in frames:
        shown = (frame.ignored == 0).astype(np.float32)
        total, seen, count = total + _edges(frame.image) * shown[..., None], seen + shown, count + 1
    often = np.maximum(seen, max(count, 1) / 2)  # what fewer than half show is not shared
    return np.asarray(cv2.blur(np.hypot(total[..., 0], total[..., 1]) / often, (PLACE, PLACE)), np.float32)


def _edges(image: Image) -> NDArray[np.float32]:
    grey = np.log(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32) + DARK)
    return directions(np.asarray(cv2.GaussianBlur(grey, (0, 0), GRAIN), np.float32))
