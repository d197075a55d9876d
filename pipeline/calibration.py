"""The threshold: how many false calls it makes, and how sure one can be of that."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Scores = NDArray[np.float64]

TAIL = 0.25
"""Share of the good scores that the tail is fitted to where there are too few for an order statistic."""


@dataclass(frozen=True)
class Calibration:
    """A threshold and what it promises.

    Attributes:
        threshold: scores above it are NG.
        false_calls: the wanted share of good parts called NG, 0..1.
        confidence: the wanted confidence, 0..1.
        promised: the share that these good parts certify at that confidence; larger than `false_calls` where there
            are too few of them.
        good_parts: how many good parts it rests on.
        needed: how many would certify `false_calls`, none of them above the threshold.
        good_scores: 101 percentiles of the good scores.
        bad_parts: how many bad parts it was checked on.
        found: how many of those lie above the threshold.
        recall_bound: the recall that they prove at that confidence.
    """

    threshold: float
    false_calls: float
    confidence: float
    promised: float
    good_parts: int
    needed: int
    good_scores: tuple[float, ...]
    bad_parts: int = 0
    found: int = 0
    recall_bound: float = 0.0


def set_threshold(good: Scores, bad: Scores, *, false_calls: float, confidence: float) -> Calibration:
    """Choose the lowest threshold that keeps a false-call rate.

    With enough good parts it is an order statistic whose Clopper-Pearson bound (1934, Biometrika 26:404) keeps the
    rate. With fewer it is the wanted quantile of an exponential fitted to the upper quarter of the scores (peaks over
    threshold, Pickands 1975), and `promised` says what is certain all the same.

    Args:
        good: (N,) scores of good parts that were not trained on, N at least 2.
        bad: (M,) scores of bad parts, M may be 0.
        false_calls: wanted share of good parts above the threshold, 0..1.
        confidence: wanted confidence, 0..1.

    Raises:
        ValueError: fewer than two good scores, or one that is not finite.
    """
    if len(good) < 2 or not np.isfinite(good).all() or not np.isfinite(bad).all():
        raise ValueError(f"a threshold needs at least two finite good scores, not {len(good)}")
    ordered = np.sort(good)
    allowed = _allowed_above(len(good), false_calls, confidence)
    threshold = _tail_quantile(ordered, false_calls) if allowed is None else float(ordered[-1 - allowed])
    above = int((ordered > threshold).sum())
    found = int((bad > threshold).sum())
    return Calibration(
        threshold=threshold,
        false_calls=false_calls,
        confidence=confidence,
        promised=upper_bound(above, len(good), confidence),
        good_parts=len(good),
        needed=math.ceil(math.log(1 - confidence) / math.log(1 - false_calls)),
        good_scores=tuple(float(q) for q in np.percentile(ordered, np.arange(101))),
        bad_parts=len(bad),
        found=found,
        recall_bound=1 - upper_bound(len(bad) - found, len(bad), confidence) if len(bad) else 0.0,
    )


def upper_bound(events: int, trials: int, confidence: float) -> float:
    """One-sided Clopper-Pearson upper bound of a probability after `events` in `trials`.

    >>> round(upper_bound(0, 299, 0.95), 4)
    0.01
    """
    return 1.0 if events >= trials else float(beta.ppf(confidence, events + 1, trials - events))


def _allowed_above(count: int, false_calls: float, confidence: float) -> int | None:
    """How many good scores may lie above the threshold; None where not even zero keeps the promise."""
    most = math.floor(false_calls * count)
    kept = [k for k in range(most + 1) if upper_bound(k, count, confidence) <= false_calls]
    return kept[-1] if kept else None


def _tail_quantile(ordered: Scores, false_calls: float) -> float:
    start = float(np.quantile(ordered, 1 - TAIL))
    beyond = ordered[ordered >= start] - start
    return start + float(beyond.mean()) * math.log(max(1.0, TAIL / false_calls))
