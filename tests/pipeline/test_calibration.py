import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from pipeline.calibration import Calibration, Goal, Scores, calibrate_scores, parts_needed, upper_bound

NONE = np.zeros(0)


def calibrated(good: Scores, bad: Scores = NONE, *, false_calls: float = 0.01, confidence: float = 0.95) -> Calibration:
    return calibrate_scores(good, bad, Goal(false_calls=false_calls, confidence=confidence))


def one_to(count: int) -> Scores:
    """The scores 1..count in an order of their own."""
    return np.random.default_rng(0).permutation(np.arange(1.0, count + 1))


@pytest.mark.parametrize(
    ("count", "false_calls", "confidence", "above"),
    [
        (299, 0.01, 0.95, 0),
        (472, 0.01, 0.95, 0),
        (473, 0.01, 0.95, 1),
        (628, 0.01, 0.95, 2),
        (29, 0.1, 0.95, 0),
        (46, 0.1, 0.95, 1),
        (2995, 0.001, 0.95, 0),
        (459, 0.01, 0.99, 0),
    ],
)
def test_the_threshold_is_an_order_statistic(count: int, false_calls: float, confidence: float, above: int) -> None:
    """The counts are those of nonparametric tolerance limits (Wilks 1941; tables in ISO 16269-6)."""
    found = calibrated(one_to(count), false_calls=false_calls, confidence=confidence)
    assert found.threshold == count - above
    assert found.promised <= false_calls
    assert binom.cdf(above, count, false_calls) <= 1 - confidence  # what the promise means
    assert binom.cdf(above + 1, count, false_calls) > 1 - confidence


@pytest.mark.parametrize(
    ("events", "trials", "confidence", "bound"),
    [
        (0, 299, 0.95, 1 - 0.05 ** (1 / 299)),
        (0, 10, 0.95, 1 - 0.05 ** (1 / 10)),
        (1, 10, 0.95, 0.39416),
        (5, 50, 0.95, 0.19884),
        (10, 10, 0.95, 1.0),
        (0, 0, 0.95, 1.0),
    ],
)
def test_clopper_pearson_as_in_the_tables(events: int, trials: int, confidence: float, bound: float) -> None:
    assert upper_bound(events, trials, confidence) == pytest.approx(bound, abs=1e-4)


@given(trials=st.integers(1, 400), share=st.floats(0, 1), confidence=st.floats(0.5, 0.999))
def test_clopper_pearson_is_the_inverse_of_the_binomial(trials: int, share: float, confidence: float) -> None:
    events = min(trials - 1, int(share * trials))
    bound = upper_bound(events, trials, confidence)
    assert binom.cdf(events, trials, bound) == pytest.approx(1 - confidence, rel=1e-6)


def test_the_promise_is_kept_as_often_as_it_says() -> None:
    """Of 1000 calibrations on 93 parts, about 5 % call more than 5 % of all parts NG: one score above is allowed."""
    rng = np.random.default_rng(7)
    thresholds = np.array([calibrated(rng.exponential(size=93), false_calls=0.05).threshold for _ in range(1000)])
    assert 30 < np.count_nonzero(np.exp(-thresholds) > 0.05) < 70


@pytest.mark.parametrize("count", [2, 18, 100, 298])
def test_too_few_parts_promise_only_what_they_prove(count: int) -> None:
    found = calibrated(one_to(count))
    assert found.promised > 0.01
    assert found.promised >= upper_bound(0, count, 0.95)
    assert found.good_parts == count
    assert found.needed == 299


def test_too_few_parts_still_get_about_the_quantile_that_was_asked_for() -> None:
    rng = np.random.default_rng(1)
    thresholds = [calibrated(rng.exponential(size=100)).threshold for _ in range(300)]
    assert np.mean(np.exp(-np.array(thresholds))) == pytest.approx(0.01, abs=0.006)


@pytest.mark.parametrize("shares", [(0.001, 0.01, 0.04), (0.05, 0.1, 0.3)], ids=["tail", "order statistic"])
def test_more_false_calls_never_raise_the_threshold(shares: tuple[float, ...]) -> None:
    scores = np.random.default_rng(2).gamma(3, size=60)
    thresholds = [calibrated(scores, false_calls=share).threshold for share in shares]
    assert thresholds == sorted(set(thresholds), reverse=True)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=400, unique=True), st.floats(0.001, 0.5), st.floats(0.5, 0.99)
)
def test_any_scores_give_a_number_and_an_honest_promise(
    scores: list[float], false_calls: float, confidence: float
) -> None:
    good = np.array(scores)
    found = calibrated(good, false_calls=false_calls, confidence=confidence)
    assert math.isfinite(found.threshold)
    assert found.called == (good > found.threshold).sum()
    assert found.promised == upper_bound(found.called, len(good), confidence)
    assert found.reject >= found.threshold
    assert list(found.good_scores) == sorted(found.good_scores)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ([], []),
        ([1.0], []),
        ([1.0, math.nan, 2.0], []),
        ([1.0, math.inf], []),
        ([1.0, 2.0], [math.nan]),
        ([3.25] * 400, []),
    ],
)
def test_no_threshold_without_different_numbers(good: list[float], bad: list[float]) -> None:
    with pytest.raises(ValueError, match="good scores"):
        calibrated(np.array(good), np.array(bad))


@pytest.mark.parametrize(
    ("bad", "found", "bound"),
    [
        ([1000.0] * 10, 10, 0.05 ** (1 / 10)),
        ([1000.0] * 299, 299, 0.99003),
        ([1000.0] * 9 + [1.0], 9, 0.60584),
        ([1.0] * 10, 0, 0.0),
        ([299.0], 0, 0.0),
        ([], 0, 0.0),
    ],
)
def test_bad_parts_prove_a_recall(bad: list[float], found: int, bound: float) -> None:
    calibration = calibrated(one_to(299), np.array(bad))
    assert calibration.threshold == 299
    assert (calibration.bad_parts, calibration.found) == (len(bad), found)
    assert calibration.recall_bound == pytest.approx(bound, abs=1e-4)


def test_ten_of_ten_bad_parts_prove_74_percent() -> None:
    assert f"{calibrated(one_to(299), np.full(10, 500.0)).recall_bound:.0%}" == "74%"


def test_one_equal_score_more_is_within_the_threshold() -> None:
    """Scores above the threshold are called; a part that scores as high as the allowed one is not."""
    found = calibrated(np.array([*range(290), *[500] * 10], float))
    assert found.threshold == 500
    assert found.called == 0


def test_parts_called_for_another_reason_use_up_the_budget() -> None:
    scores, otherwise = one_to(628), np.zeros(628, bool)
    otherwise[np.argsort(scores)[:2]] = True  # two of the lowest scores: for a threshold alone they would not count
    alone = calibrate_scores(scores, NONE, Goal(false_calls=0.01))
    shared = calibrate_scores(scores, NONE, Goal(false_calls=0.01), otherwise=otherwise)
    assert (alone.threshold, alone.called) == (626, 2)
    assert (shared.threshold, shared.called, shared.otherwise) == (628, 2, 2)
    assert shared.promised == alone.promised <= 0.01


@pytest.mark.parametrize(("count", "missed"), [(59, 0), (93, 1), (30, 0)])
def test_a_wanted_recall_sets_the_threshold_by_the_bad_parts(count: int, missed: int) -> None:
    found = calibrate_scores(one_to(50), one_to(count), Goal(recall=0.95))
    assert count - found.found == missed
    assert found.bad_needed == 59
    assert (found.recall_bound >= 0.95) == (count >= 59)


@pytest.mark.parametrize(("rate", "confidence", "needed"), [(0.01, 0.95, 299), (0.1, 0.95, 29), (0.01, 0.99, 459)])
def test_no_fewer_parts_prove_a_rate(rate: float, confidence: float, needed: int) -> None:
    assert parts_needed(rate, confidence) == needed
    assert upper_bound(0, needed, confidence) <= rate < upper_bound(0, needed - 1, confidence)


@given(st.lists(st.floats(0, 10), min_size=2, max_size=60, unique=True), st.floats(-1, 11))
def test_the_p_value_is_that_of_one_part_more(scores: list[float], score: float) -> None:
    p = calibrated(np.array(scores)).p_value(score)
    assert 1 / (len(scores) + 1) <= p <= 1
    assert p == pytest.approx((1 + sum(float(f"{other:.6g}") >= score for other in scores)) / (len(scores) + 1))
