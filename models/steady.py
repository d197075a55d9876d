"""Where light is measured: on what all good parts share, where what lies around them changes more than the light does.

A part before another car, or on another tray, looks as if the light had changed, as far as most of the image goes.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.good_parts import GoodParts
from pipeline.config import Config
from pipeline.framing import Frame
from pipeline.gain import DARK, block_levels, block_size, light_gain
from pipeline.images import Image, size_within
from pipeline.lighting import Blocks, Light
from pipeline.regions import unjudged
from pipeline.registration import SEARCH_SIDE, even
from pipeline.view import View

SHARED = 0.5
"""Share of a block's structure, in its variance, that is the same on all good parts, from which on it belongs to what
they share: of edges that lie alike it is nearly all, of what changes from part to part a tenth."""

BESIDE, FAINT = 9, 0.05
"""Pixels around a place whose structure its own is compared with, and the logarithm of levels that noise reaches."""

WORTH = 0.5
"""Part of the spread of levels, of what parts share, that must be left for light to be measured there alone."""


def steady_blocks(parts: GoodParts, reference: Image, view: View, config: Config) -> Blocks:
    """Blocks of the frame in which light is measured; empty where all of it serves.

    Args:
        parts: a sample of good parts.
        reference: (H, W, 3) uint8 RGB, the part in whose light all others are brought.
        view: what the working frame shows of it.
        config: its regions say what is not judged.
    """
    view = view.at(size_within(view.box[2:], SEARCH_SIDE))
    unwanted = unjudged(config.regions, view)
    frames = [frame.without(unwanted) for frame in parts.frames(view)]
    if not frames:
        return ()
    shared = _shared(frames) >= SHARED
    steady = tuple("".join(map(str, row)) for row in shared.astype(int))
    everywhere, there = (_spread(frames, Light.of(reference, view, blocks), shared) for blocks in ((), steady))
    return steady if there < WORTH * everywhere else ()


def _shared(frames: Sequence[Frame]) -> NDArray[np.float32]:
    """(rows, columns) of blocks: how much of their structure all parts share, 0..1; 0 where fewer than half show it."""
    height, width = frames[0].ignored.shape
    total, squares, count = (np.zeros((height, width), np.float32) for _ in range(3))
    for frame in frames:
        seen = (frame.ignored == 0).astype(np.float32)
        structure = seen * _structure(frame.image)
        total, squares, count = total + structure, squares + structure**2, count + seen
    mean, every, often = (
        cv2.resize(found, block_size(width, height), interpolation=cv2.INTER_AREA)
        for found in (total**2 / np.maximum(count, 1), squares, count)
    )
    inside = cv2.morphologyEx(mean / (every + 1e-6), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return np.asarray(inside * (often > len(frames) / 2), np.float32)


def _structure(image: Image) -> NDArray[np.float32]:
    """(h, w) deviations from what lies around, in those that are usual there: a bright ground counts as any other."""
    off = even(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32))
    around = cv2.blur(off**2, (BESIDE, BESIDE))
    return np.asarray(off / np.sqrt(around + FAINT**2), np.float32)


def _spread(frames: Sequence[Frame], light: Light, shared: NDArray[np.bool_]) -> float:
    """How far levels of what parts share vary from part to part once light is taken out, in natural logarithms."""
    size = block_size(*light.view.size)
    expected = np.log(block_levels(light.reference, size) + DARK)
    found = []
    for frame in frames:
        gain = cv2.resize(light_gain(frame.image, light, frame.ignored), size, interpolation=cv2.INTER_AREA)
        off = np.log(block_levels(frame.image, size) + DARK) - expected - np.log(gain).ravel()
        seen = cv2.resize(frame.ignored, size, interpolation=cv2.INTER_AREA).ravel() < 128
        found.append(np.where(seen & shared.ravel(), off, np.nan)[shared.ravel()])
    levels = np.array(found)
    return float(np.nanmedian(np.abs(levels - np.nanmedian(levels, axis=0)))) if levels.size else 0.0
