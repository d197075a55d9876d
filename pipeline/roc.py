"""The ROC curve as a picture: what each threshold would cost in false calls, and what it would find."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.drawing import BLUE, VERMILION, Colour, write
from pipeline.images import Image

SIZE, MARGIN, LETTERS = 720, 104, 18
SIDE = SIZE - 2 * MARGIN
GRID: Colour = (225, 225, 225)


def draw_roc(good: NDArray[np.float64], bad: NDArray[np.float64], threshold: float, title: str) -> Image:
    """Draw the share of bad parts found over the share of false calls, and the model's own threshold on it.

    Args:
        good: (N,) scores of good parts.
        bad: (M,) scores of bad parts.
        threshold: The score above which the model calls NG.
        title: One line above the curve.

    Returns:
        (720, 720, 3).
    """
    sheet = np.full((SIZE, SIZE, 3), 255, np.uint8)
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        _grid(sheet, tick)
    thresholds = np.unique(np.concatenate([good, bad]))[::-1]
    points = [_at(0, 0), *(_at((good >= t).mean(), (bad >= t).mean()) for t in thresholds)]
    cv2.polylines(sheet, [np.array(points)], isClosed=False, color=BLUE, thickness=3, lineType=cv2.LINE_AA)
    here = (good > threshold).mean(), (bad > threshold).mean()
    cv2.circle(sheet, _at(*here), 9, VERMILION, -1, cv2.LINE_AA)
    words = f"threshold {threshold:.2f}: {here[1]:.1%} found, {here[0]:.1%} false calls"
    write(sheet, words, (SIZE // 2, SIZE - MARGIN - 40), LETTERS, ink=VERMILION)
    write(sheet, title, (SIZE // 2, MARGIN // 2), LETTERS)
    write(sheet, "good parts called NG (false calls)", (SIZE // 2, SIZE - MARGIN // 3), LETTERS)
    turned = np.rot90(sheet, -1).copy()
    write(turned, "bad parts found", (SIZE // 2, MARGIN // 5), LETTERS)
    return np.rot90(turned).copy()


def _at(false_calls: float, found: float) -> tuple[int, int]:
    """The pixel of a point of the curve."""
    return MARGIN + round(false_calls * SIDE), SIZE - MARGIN - round(found * SIDE)


def _grid(sheet: Image, tick: float) -> None:
    cv2.line(sheet, _at(tick, 0), _at(tick, 1), GRID)
    cv2.line(sheet, _at(0, tick), _at(1, tick), GRID)
    (x, _), (_, y) = _at(tick, 0), _at(0, tick)
    write(sheet, f"{tick:.0%}", (x, SIZE - MARGIN + LETTERS), LETTERS)
    write(sheet, f"{tick:.0%}", (MARGIN - 2 * LETTERS, y), LETTERS)
