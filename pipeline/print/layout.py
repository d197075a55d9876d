"""From a map of where good parts differ to blocks of print: lines, codes, numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_REACH: Final = 3.0  # x the part's noise: print ends where its strength falls below this
_PEAK: Final = 4.5  # x the part's noise: strength of marks beyond doubt
_MARKED: Final = 0.1  # of a block of print are marks beyond doubt
_RECURRENT: Final = 4.0  # kurtosis of strokes that come on at least every fourth part; dirt comes on fewer
_BIMODAL: Final = 2.5  # kurtosis of a block: ink or ground is two values (1 to 2), texture is Gaussian (3)
_VALLEY: Final = 0.7  # of the lower of the two sides: how empty the gap between two lines is
_LINE: Final = 0.2  # of a line's ink must vary for the rest to belong to it
_TAIL: Final = 2  # x the widest stroke: two letters more than a quarter of the parts have
MAX_BLOCKS: Final = 255  # what a uint8 label map can name

Box = tuple[int, int, int, int]  # x, y, width, height


def box_corners(x: int, y: int, width: int, height: int) -> NDArray[np.float64]:
    """(4, 2) corners x, y of an upright box, clockwise from the upper left."""
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], np.float64)


def find_blocks(
    strength: NDArray[np.float32],
    kurtosis: NDArray[np.float32],
    width: int,
    codes: Sequence[NDArray[np.bool_]] = (),
    *,
    noise: float,
    ink: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Label the blocks of variable print.

    Args:
        strength: (H, W) variation of strokes between good parts beyond misregistration, grey levels.
        kurtosis: (H, W) of the strokes' contrast over good parts: 1/p for a mark that p of the parts show.
        width: widest stroke, pixels.
        codes: (H, W) each, where a matrix code was read; each that varies is a block, whatever stands beside it.
        noise: strength where there is no print, grey levels.
        ink: (H, W) where good parts have ink more often than not; then a block takes in the whole of its line.

    Returns:
        (H, W) 0 where nothing is variable, 1, 2, ... inside the blocks, in reading order.
    """
    varies = ((strength > _REACH * noise) & (kurtosis < _RECURRENT)).astype(np.uint8)
    half = np.ones((width // 2, width // 2), np.uint8)
    varies = np.asarray(cv2.morphologyEx(varies, cv2.MORPH_OPEN, half), dtype=np.uint8)
    for code in codes:
        varies[_near(code, width // 2) & ~code] = 0  # parted from its neighbours
    rest = np.where(np.any(codes, axis=0), 0, varies) if len(codes) else varies
    groups = _groups(rest.astype(np.uint8), width)
    blocks = [block for group in groups for block in _cut_group(group, strength, width)]
    blocks += [code & (varies > 0) for code in codes]
    marks = (kurtosis < _BIMODAL) & (strength > _PEAK * noise)
    blocks = [block for block in blocks if _is_print(block, marks, width)]
    labels = _label(blocks, varies.shape)
    if ink is not None:
        labels = _whole_lines(labels, ink & ~_near(np.any(codes, axis=0), 2) if len(codes) else ink, width)
    return _grow(_with_tails(labels, strength > _REACH * noise, _TAIL * width), width // 2)


def box_of(pixels: NDArray[np.bool_]) -> Box:
    """The bounding box of the pixels that are set; at least one must be."""
    x, y, width, height = cv2.boundingRect(pixels.astype(np.uint8))
    return int(x), int(y), int(width), int(height)


def xy_cut(strength: NDArray[np.float32], min_gap: int) -> list[Box]:
    """Split a block into lines and columns at its emptiest gaps (recursive X-Y cut; Nagy and Seth 1984).

    Args:
        strength: (H, W) >= 0, how much print is where.
        min_gap: narrowest gap between columns, pixels; narrower ones are between letters or words.

    Returns:
        Boxes that cover the block, in reading order.
    """
    return _xy_cut(strength, (0, 0, strength.shape[1], strength.shape[0]), min_gap)


def _xy_cut(strength: NDArray[np.float32], box: Box, min_gap: int) -> list[Box]:
    x, y, width, height = box
    part = strength[y : y + height, x : x + width]
    row = _valley(part.sum(axis=1), 0)
    if row is not None:
        halves: tuple[Box, Box] = (x, y, width, row), (x, y + row, width, height - row)
    else:
        column = _valley(part.sum(axis=0), min_gap)
        if column is None:
            return [box]
        halves = (x, y, column, height), (x + column, y, width - column, height)
    return [block for half in halves for block in _xy_cut(strength, half, min_gap)]


def _valley(profile: NDArray[np.float32], min_gap: int) -> int | None:
    """Where the profile falls deepest, over `min_gap`, below the peaks on both sides; None if nowhere."""
    window = max(1, math.ceil(min_gap / (1 - _VALLEY)))  # an empty gap of min_gap lowers its mean to _VALLEY
    if len(profile) <= window:
        return None
    level = np.convolve(profile, np.full(window, 1 / window), mode="same")
    banks = np.minimum(np.maximum.accumulate(level), np.maximum.accumulate(level[::-1])[::-1])
    depth = level / np.maximum(banks, np.finfo(np.float32).tiny)
    at = int(np.argmin(depth))
    return at if depth[at] < _VALLEY and 0 < at < len(profile) - 1 else None


def _near(pixels: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    return cv2.dilate(pixels.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0


def _groups(varies: NDArray[np.uint8], width: int) -> list[NDArray[np.bool_]]:
    joined = cv2.morphologyEx(varies, cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))
    count, labels = cv2.connectedComponents(joined)
    groups = [(labels == label) & (varies > 0) for label in range(1, count)]
    return [group for group in groups if group.any()]


def _cut_group(group: NDArray[np.bool_], strength: NDArray[np.float32], width: int) -> list[NDArray[np.bool_]]:
    x, y, w, h = box_of(group)
    solid = (strength * group)[y : y + h, x : x + w]
    blocks = []
    for left, top, columns, rows in xy_cut(solid, width):
        block = np.zeros_like(group)
        inside = np.s_[y + top : y + top + rows, x + left : x + left + columns]
        block[inside] = group[inside]
        blocks.append(block)
    return blocks


def _is_print(block: NDArray[np.bool_], marks: NDArray[np.bool_], width: int) -> bool:
    """Whether at least a tenth of a block, and a square of the widest stroke, is marks beyond doubt."""
    area = np.count_nonzero(block & marks)
    return bool(area >= max(width * width, _MARKED * np.count_nonzero(block)))


def _label(blocks: list[NDArray[np.bool_]], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    largest = sorted(blocks, key=np.count_nonzero, reverse=True)[:MAX_BLOCKS]
    labels = np.zeros(shape, np.uint8)
    for label, block in enumerate(sorted(largest, key=lambda block: box_of(block)[1::-1]), start=1):
        labels[block] = label
    return labels


def _whole_lines(labels: NDArray[np.uint8], ink: NDArray[np.bool_], gap: int) -> NDArray[np.uint8]:
    """Add to each block what is printed in one line with it, however little that changes: "S/N", a year."""
    joined = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8))
    count, lines = cv2.connectedComponents(joined)
    whole = labels.copy()
    for line in range(1, count):
        pixels = lines == line
        shares = np.bincount(labels[pixels], minlength=2)
        if shares[1:].sum() >= _LINE * pixels.sum():
            whole[pixels & (labels == 0)] = int(shares[1:].argmax()) + 1
    return whole


def _with_tails(labels: NDArray[np.uint8], rare: NDArray[np.bool_], reach: int) -> NDArray[np.uint8]:
    """Continue each block along its line to where any part has print: a text is longer on some, its letters wider."""
    continued = labels.copy()
    for label in range(1, int(labels.max()) + 1):
        x, y, width, height = box_of(labels == label)
        beyond_x, beyond_y = (reach, 0) if width >= height else (0, reach)
        window = (
            slice(max(y - beyond_y, 0), y + height + beyond_y),
            slice(max(x - beyond_x, 0), x + width + beyond_x),
        )
        own, free = labels[window] == label, continued[window] == 0
        _, joined = cv2.connectedComponents((own | (free & rare[window])).astype(np.uint8))
        continued[window][np.isin(joined, joined[own]) & free] = label
    return continued


def _grow(labels: NDArray[np.uint8], reach: int) -> NDArray[np.uint8]:
    """Widen the blocks into the empty space beside them, for print that is placed a little differently."""
    grown = cv2.dilate(labels, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    return np.where(labels > 0, labels, grown).astype(np.uint8)
