"""The thresholds: how many false calls they make, and how sure one can be of that."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.groups import Groups, effective_number
from pipeline.special import special

Scores = NDArray[np.float64]

TAIL = 0.25
"""Share of the good scores that the tail is fitted to where there are too few for an order statistic."""

LEAST_SHARE = 0.1
"""Part of the budget that the score keeps even where print and image check use up all of it."""


@dataclass(frozen=True)
class Goal:
    """What the thresholds are to keep.

    Attributes:
        false_calls: wanted share of good parts that are not called OK, for whatever reason, 0..1.
        rejects: wanted share of good parts called NG outright; between the two thresholds lies REVIEW. As large as
            `false_calls` there is no grey zone.
        confidence: wanted confidence, 0..1.
        recall: wanted share of bad parts found; None to keep `false_calls` instead.
    """

    false_calls: float = 0.01
    rejects: float = 0.001
    confidence: float = 0.95
    recall: float | None = None


@dataclass(frozen=True)
class Calibration:
    """Thresholds and what they promise.

    Attributes:
        threshold: scores above it are not OK.
        reject: scores above it are NG; between the two they are REVIEW.
        goal: what was wanted.
        promised: largest share of good parts not called OK that these parts leave possible at the confidence; larger
            than wanted where there are too few of them.
        good_parts: how many good parts it rests on.
        worth: how many independent parts they are worth; less than `good_parts` where they come in groups.
        called: how many of them are not called OK.
        otherwise: how many of those for another reason than the score: print, pose, image.
        needed: how many independent good parts would certify the goal, none of them called.
        good_scores: all good scores, in ascending order.
        bad_parts: how many bad parts it was checked on.
        found: how many of those are not called OK.
        recall_bound: the recall that they prove at the confidence.
        bad_needed: how many bad parts, all found, would prove the wanted recall; 0 where none is wanted.
    """

    threshold: float
    reject: float
    goal: Goal
    promised: float
    good_parts: int
    worth: float
    called: int
    otherwise: int
    needed: int
    good_scores: tuple[float, ...]
    bad_parts: int = 0
    found: int = 0
    recall_bound: float = 0.0
    bad_needed: int = 0

    def p_value(self, score: float) -> float:
        """Chance that a good part scores this high or higher; conformal, so never 0 (Vovk 2005, ALRW).

        A good part gets a p-value of at most x with a chance of at most x.
        """
        higher = len(self.good_scores) - int(np.searchsorted(self.good_scores, score, "left"))
        return (higher + 1) / (len(self.good_scores) + 1)


def calibrate_scores(
    good: Scores,
    bad: Scores,
    goal: Goal,
    *,
    otherwise: NDArray[np.bool_] | None = None,
    groups: Groups | None = None,
) -> Calibration:
    """Choose the lowest thresholds that keep a goal.

    A part that is called for another reason counts as if its score were infinite: there is one budget. With enough
    good parts a threshold is an order statistic whose Clopper-Pearson bound (1934, Biometrika 26:404) keeps the rate;
    for parts in groups the bound is taken at the number of independent parts they are worth (Korn and Graubard 1998,
    Survey Methodology 24:193). With fewer it is the wanted quantile of an exponential fitted to the upper quarter of
    the scores (peaks over threshold, Pickands 1975), and `promised` says what is certain all the same.

    Args:
        good: (N,) scores of good parts that were not trained on, N at least 2.
        bad: (M,) scores of bad parts, infinite where they are found for another reason; M may be 0.
        goal: what to keep; a wanted recall sets the threshold by the bad parts alone.
        otherwise: (N,) good parts that are not OK whatever their score; None if there are none.
        groups: (N,) numbers of the groups of the good parts; None if all are independent.

    Raises:
        ValueError: fewer than two good scores, one that is not finite, all equal, or a recall without bad parts.
        UsageError: all good parts are in one group.
    """
    _check(good, bad, goal)
    otherwise = np.zeros(len(good), bool) if otherwise is None else otherwise
    worth = float(len(good)) if groups is None else effective_number(good, groups, confidence=goal.confidence)
    ordered = np.sort(np.where(otherwise, np.inf, good))
    if goal.recall is None:
        threshold = _threshold(ordered, worth, goal.false_calls, goal.confidence)
    else:
        threshold = min(_threshold_for_recall(bad, goal.recall, goal.confidence), float(good.max()))
    called = int((ordered > threshold).sum())
    found = int((bad > threshold).sum())
    return Calibration(
        threshold=threshold,
        reject=max(threshold, _threshold(ordered, worth, min(goal.rejects, goal.false_calls), goal.confidence)),
        goal=goal,
        promised=upper_bound(called * worth / len(good), worth, goal.confidence),
        good_parts=len(good),
        worth=worth,
        called=called,
        otherwise=int(otherwise.sum()),
        needed=parts_needed(goal.false_calls, goal.confidence),
        good_scores=tuple(float(f"{score:.6g}") for score in np.sort(good)),
        bad_parts=len(bad),
        found=found,
        recall_bound=1 - upper_bound(len(bad) - found, len(bad), goal.confidence) if len(bad) else 0.0,
        bad_needed=parts_needed(1 - goal.recall, goal.confidence) if goal.recall else 0,
    )


def parts_needed(rate: float, confidence: float) -> int:
    """How many independent parts without an event prove that its rate is at most `rate`.

    >>> parts_needed(0.001, 0.95)
    2995
    """
    return math.ceil(math.log(1 - confidence) / math.log(1 - rate))


def upper_bound(events: float, trials: float, confidence: float) -> float:
    """One-sided Clopper-Pearson upper bound of a probability after `events` in `trials`.

    >>> round(upper_bound(0, 299, 0.95), 4)
    0.01
    """
    return 1.0 if events >= trials else float(special().betaincinv(events + 1, trials - events, confidence))


def interval(events: float, trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided Clopper-Pearson interval of a probability after `events` in `trials`.

    >>> low, high = interval(0, 10)
    >>> low, round(high, 3)
    (0.0, 0.308)
    """
    side = (1 + confidence) / 2
    return 1 - upper_bound(trials - events, trials, side), upper_bound(events, trials, side)


def _check(good: Scores, bad: Scores, goal: Goal) -> None:
    if len(good) < 2 or not np.isfinite(good).all() or np.isnan(bad).any():
        raise ValueError(f"a threshold needs at least two finite good scores, not {np.isfinite(good).sum()}")
    if np.ptp(good) == 0:
        raise ValueError(f"all {len(good)} good scores are the same; give different good parts")
    if goal.recall is not None and not len(bad):
        raise ValueError("a wanted recall needs bad parts")


def _threshold(ordered: Scores, worth: float, rate: float, confidence: float) -> float:
    """The lowest threshold that keeps `rate`; scores of parts that are called anyway are infinite."""
    allowed = _allowed_above(len(ordered), worth, rate, confidence)
    lost = int(np.isinf(ordered).sum())
    if allowed is not None and allowed >= lost:
        return float(ordered[-1 - allowed])
    left = max(rate - lost / len(ordered), LEAST_SHARE * rate)
    return _tail_quantile(ordered[np.isfinite(ordered)], left)


def _allowed_above(count: int, worth: float, rate: float, confidence: float) -> int | None:
    """How many of `count` scores may lie above the threshold; None where not even zero keeps the rate."""
    events = np.arange(math.floor(rate * count) + 1) * worth / count
    kept = int((special().betaincinv(events + 1, worth - events, confidence) <= rate).sum())
    return kept - 1 if kept else None


def _tail_quantile(ordered: Scores, rate: float) -> float:
    start = float(np.quantile(ordered, 1 - TAIL))
    beyond = ordered[ordered >= start] - start
    return start + float(beyond.mean()) * math.log(max(1.0, TAIL / rate))


def _threshold_for_recall(bad: Scores, recall: float, confidence: float) -> float:
    """Just under the bad part that must still be found; under all of them where they are too few to prove it."""
    ordered = np.sort(bad)
    allowed = _allowed_above(len(bad), len(bad), 1 - recall, confidence) or 0
    return float(np.nextafter(ordered[allowed], -np.inf))
