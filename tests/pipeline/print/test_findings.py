from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.print.findings import Limits, LimitsLearner, Measure, Spread, judge

GOOD = Limits((0.1, 0.3), (80.0, 200.0), 1.0, ("DataMatrix",), (10, 12), 0.2)


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        (Measure(0.05, 100, "DataMatrix", 11), "missing"),
        (Measure(0.40, 100, "DataMatrix", 11), "smeared"),
        (Measure(0.20, 50, "DataMatrix", 11), "faded"),
        (Measure(0.20, 100), "not readable"),
        (Measure(0.20, 100, "QRCode", 11), "is a QRCode, not a DataMatrix"),
        (Measure(0.20, 100, "DataMatrix", 3), "has 3 characters"),
        (Measure(0.20, 100, "DataMatrix", 11, 0.45), "damaged though readable: 45.0% of its contrast"),
    ],
)
def test_names_what_is_wrong_and_where(measure: Measure, words: str) -> None:
    (finding,) = judge("code 1", measure, GOOD)
    assert words in finding
    assert "'code 1'" in finding


BLURRED = Measure(0.2, 100)


def test_good_print_has_no_findings() -> None:
    assert judge("code 1", Measure(0.2, 100, "DataMatrix", 12), GOOD) == ()


def test_code_that_good_parts_lack_too_is_not_missed() -> None:
    learner = LimitsLearner()
    for index in range(100):
        seen = Measure(0.2, 100, "Code128" if index else "", 8 if index else 0)
        learner.add(seen, seen)
    assert judge("code 1", Measure(0.2, 100), learner.limits()) == ()


def test_flaws_are_limited_by_what_good_parts_show_and_not_where_they_show_none() -> None:
    known, unknown = LimitsLearner(), LimitsLearner()
    for flaw in (0.05, 0.06, 0.1):
        known.add(Measure(0.2, 100, "QRCode", 8, flaw), BLURRED)
        unknown.add(Measure(0.2, 100, "QRCode", 8), BLURRED)
    assert 0.1 < known.limits().flaw < 0.3
    assert unknown.limits().flaw == 1.0


def test_limits_hold_every_good_part_with_headroom() -> None:
    learner = LimitsLearner()
    inks = [0.18, 0.20, 0.22, 0.19, 0.26]
    for length, ink in enumerate(inks, start=10):
        learner.add(Measure(ink, 100 * ink, "DataMatrix", length), BLURRED)
    limits = learner.limits()
    assert limits.ink[0] < min(inks)
    assert limits.ink[1] > max(inks)
    assert (limits.symbologies, limits.lengths, limits.readable) == (("DataMatrix",), (10, 14), 1.0)
    json.dumps([*limits.ink, *limits.contrast])


def test_what_good_print_looks_like_out_of_focus_is_within_the_limits() -> None:
    learner = LimitsLearner()
    for ink in (0.18, 0.20, 0.22):
        learner.add(Measure(ink, 100), Measure(ink - 0.1, 60))
    limits = learner.limits()
    assert judge("text 1", Measure(0.08, 60), limits) == ()
    assert "missing" in judge("text 1", Measure(0.0, 60), limits)[0]
    assert limits.ink[1] < 0.3


def test_a_bad_part_among_a_hundred_widens_no_limit() -> None:
    rng = np.random.default_rng(0)
    clean, spoilt = Spread(), Spread()
    for value in rng.normal(10, 1, 200):
        clean.add(value)
        spoilt.add(value)
    for value in (90.0, -70.0):
        spoilt.add(value)
    np.testing.assert_allclose(spoilt.limits(), clean.limits(), atol=0.5)
