"""Print on a label, row by row in the label's own frame: how much ink is there, and how sharp it is.

What a line says changes from part to part; that it is there, and that its strokes have edges, does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.print.findings import Spread

Floats = NDArray[np.float64]

_COLUMNS: Final = 2  # halves of a row: a fault in one is not thinned by the other
_MARGIN: Final = 5  # px along the rim, where the label's shadow lies
_SLACK: Final = np.array([0.02, 0.004])[:, None, None]  # of the contrast: ink, and edges a pixel, known no better
_SHARPNESS: Final = 1  # in a profile; 0 is the ink
_LEAST_BLUR: Final = 1e-4  # of the contrast: what takes less from the edges says nothing of the focus
_WARM_UP: Final = 20  # good parts until a deviation means something
_SIGMAS: Final = 5.0  # of the worst row of a part, which has the long tail of extremes
_OUTLYING: Final = 4.0  # deviations
_FEW: Final = 20  # good parts: from few, extremes are underrated


@dataclass(frozen=True)
class RowLimits:
    """What good labels show, as plain values.

    Attributes:
        mean, deviation: of ink and sharpness, each row by row, in halves.
        defocused: the mean in shots as far out of focus as is allowed.
        least: lowest ink and lowest sharpness of any row, in deviations.
        most: highest ink of any row, in deviations.
    """

    mean: tuple[float, ...]
    defocused: tuple[float, ...]
    deviation: tuple[float, ...]
    least: tuple[float, float]
    most: float


def row_profile(label: NDArray[np.uint8], width: int) -> Floats:
    """Ink and sharpness of print, row by row.

    Args:
        label: (H, W) grey, the label cut out upright.
        width: widest stroke, pixels.

    Returns:
        (2, rows, 2): mean darkness, and mean change to the next pixel, as shares of the print's contrast;
        averaged over half the height of a letter, for the left and the right half.
    """
    inner = label[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    soft = cv2.GaussianBlur(inner, (3, 3), 0).astype(np.float32)
    black, white = np.percentile(soft, (2, 80))
    darkness = np.clip((white - soft) / max(white - black, 1.0), 0, 1)
    edges = np.abs(np.diff(darkness, axis=1))
    rows = max(1, len(inner) // max(1, width // 6))
    return np.stack([_rows(darkness, rows), _rows(edges, rows)])


def _rows(values: NDArray[np.float32], rows: int) -> Floats:
    halves = cv2.resize(values, (_COLUMNS, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(halves, (1, 3)), dtype=np.float64)


def judge_rows(name: str, profile: Floats, limits: RowLimits) -> tuple[str, ...]:
    """Findings in words on the print of the label called `name`; empty for a good part."""
    known = (np.reshape(values, profile.shape) for values in (limits.mean, limits.defocused, limits.deviation))
    ink, sharpness = _off(profile, *known)
    if ink.min() < limits.least[0]:
        return (_words(name, "missing", "ink", ink, limits.least[0]),)
    if sharpness.min() < limits.least[1]:
        return (_words(name, "smeared", "sharpness", sharpness, limits.least[1]),)
    if ink.max() > limits.most:
        return (_words(name, "soiled", "ink", -ink, -limits.most),)
    return ()


def _off(profile: Floats, mean: Floats, defocused: Floats, deviation: Floats) -> Floats:
    """Deviations from what a label shows in the focus of its shot.

    A smear blurs some rows, defocus all of them: as far as most rows have gone the way that the allowed defocus takes
    them, it is the shot's.
    """
    blur = defocused - mean
    telling = np.abs(blur[_SHARPNESS]) >= np.median(np.abs(blur[_SHARPNESS]))
    gone = (profile - mean)[_SHARPNESS][telling] / np.minimum(blur[_SHARPNESS][telling], -_LEAST_BLUR)
    return np.asarray((profile - mean - np.clip(np.median(gone), 0, 1) * blur) / deviation)


def _words(name: str, what: str, measure: str, deviations: Floats, limit: float) -> str:
    row, half = np.unravel_index(int(deviations.argmin()), deviations.shape)
    at = f"in its {('left', 'right')[int(half)]} half, {row / len(deviations):.0%} from its top"
    off = f"{measure} off by {abs(deviations.min()):.1f} times what is usual, {abs(limit):.1f} allowed"
    return f"print on {name} {what} {at}: {off}"


class RowLearner:
    """Learns the rows of one label from a stream of good parts' profiles."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._count = 0
        self._mean = self._squares = self._blur = np.zeros(())
        self._spreads = Spread(), Spread(), Spread()

    def add(self, profile: Floats, defocused: Floats) -> None:
        """Take in one good label, as it was taken and out of focus; from the warm-up on they are first compared with
        those before them.

        Then it moves mean and deviation no more than a label at the limits does: a bad one may have slipped in.
        """
        blur = defocused - profile
        if self._count >= _WARM_UP:
            looks = zip(self._extremes(profile), self._extremes(defocused), strict=True)
            for spread, values in zip(self._spreads, looks, strict=True):
                spread.add(*values)
            farthest = _OUTLYING * self._deviation()
            profile = self._mean + np.clip(profile - self._mean, -farthest, farthest)
        self._count += 1
        delta = profile - self._mean
        self._mean = self._mean + delta / self._count
        self._squares = self._squares + delta * (profile - self._mean)
        self._blur = self._blur + (blur - self._blur) / self._count

    def _extremes(self, profile: Floats) -> tuple[float, float, float]:
        """Lowest ink, lowest sharpness and highest ink, in deviations."""
        ink, sharpness = _off(profile, self._mean, self._mean + self._blur, self._deviation())
        return float(ink.min()), float(sharpness.min()), float(ink.max())

    def limits(self) -> RowLimits | None:
        """The limits so far; None until as many parts were compared as the warm-up took."""
        if self._count < 2 * _WARM_UP:
            return None
        sigmas = _SIGMAS * (1 + _FEW / (self._count - _WARM_UP))
        ink, sharpness, most = (spread.limits(sigmas=sigmas) for spread in self._spreads)
        mean, defocused, deviation = map(_plain, (self._mean, self._mean + self._blur, self._deviation()))
        return RowLimits(mean, defocused, deviation, (ink[0], sharpness[0]), most[1])

    def _deviation(self) -> Floats:
        return np.asarray(np.sqrt(self._squares / self._count) + _SLACK)


def _plain(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values.ravel())
