import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.verdict import Verdict, decide, overall_score, place_in_words

DOUBT, FINDING = ("pose not found",), ("code not readable",)


def judged(
    score: float,
    *,
    threshold: float = 2.0,
    reject: float = 2.0,
    doubts: tuple[str, ...] = (),
    findings: tuple[str, ...] = (),
) -> tuple[Verdict, str]:
    return decide(
        score=score, threshold=threshold, reject=reject, where="in the centre", doubts=doubts, findings=findings
    )


@pytest.mark.parametrize(
    ("score", "doubts", "findings", "verdict"),
    [
        (1.9, (), (), Verdict.OK),
        (2.0, (), (), Verdict.OK),
        (2.1, (), (), Verdict.NG),
        (1.9, (), FINDING, Verdict.NG),
        (2.1, (), FINDING, Verdict.NG),
        (1.9, DOUBT, (), Verdict.REVIEW),
        (2.1, DOUBT, (), Verdict.REVIEW),
        (1.9, DOUBT, FINDING, Verdict.REVIEW),
        (math.nan, (), (), Verdict.REVIEW),
        (math.nan, DOUBT, FINDING, Verdict.REVIEW),
        (math.inf, (), (), Verdict.REVIEW),
        (-math.inf, (), (), Verdict.REVIEW),
    ],
)
def test_verdicts(score: float, doubts: tuple[str, ...], findings: tuple[str, ...], verdict: Verdict) -> None:
    assert judged(score, doubts=doubts, findings=findings)[0] is verdict


@pytest.mark.parametrize(
    ("unseen", "reason"),
    [
        (0.0, "like the good parts"),
        (0.049, "like the good parts"),
        (0.12, "like the good parts; 12% of the view lies outside the image and was not judged"),
    ],
)
def test_what_was_not_seen_is_told(unseen: float, reason: str) -> None:
    told = decide(score=1, threshold=2, reject=3, where="", doubts=(), findings=(), unseen=unseen)
    assert told == (Verdict.OK, reason)


@pytest.mark.parametrize(
    ("score", "findings", "verdict"),
    [
        (2.0, (), Verdict.OK),
        (2.1, (), Verdict.REVIEW),
        (3.0, (), Verdict.REVIEW),
        (3.1, (), Verdict.NG),
        (2.1, FINDING, Verdict.NG),
    ],
)
def test_between_the_thresholds_a_person_decides(score: float, findings: tuple[str, ...], verdict: Verdict) -> None:
    assert judged(score, reject=3.0, findings=findings)[0] is verdict


def test_the_reason_names_all_that_is_wrong() -> None:
    _, reason = judged(3.0, doubts=DOUBT, findings=FINDING)
    assert all(words in reason for words in ("pose not found", "code not readable", "differs from good parts"))
    assert judged(3.0)[1] == "differs from good parts in the centre"
    assert judged(1.0, findings=FINDING)[1] == "code not readable"


def test_nothing_that_is_not_a_number_is_ok() -> None:
    special = (math.nan, math.inf, -math.inf, 0.0)
    for score, threshold in itertools.product(special, special):
        if not math.isfinite(score) or not math.isfinite(threshold):
            assert judged(score, threshold=threshold)[0] is Verdict.REVIEW


@given(score=st.floats(), threshold=st.floats(), doubt=st.booleans(), finding=st.booleans())
def test_ok_only_for_a_score_within_the_threshold_and_nothing_else_to_say(
    score: float, threshold: float, doubt: bool, finding: bool
) -> None:
    verdict, reason = judged(score, threshold=threshold, doubts=DOUBT * doubt, findings=FINDING * finding)
    assert reason
    if verdict is Verdict.OK:
        assert score <= threshold
        assert not doubt
        assert not finding


@given(x=st.floats(0, 767), y=st.floats(0, 575))
def test_every_pixel_has_a_place(x: float, y: float) -> None:
    words = place_in_words((x, y), (768, 576))
    assert ("upper" in words) == (y < 192)
    assert ("right" in words) == (x >= 512)
    assert f"(x {x:.0f}, y {y:.0f})" in words


def test_the_middle_is_called_the_centre() -> None:
    assert place_in_words((384, 288), (768, 576)) == "in the centre (x 384, y 288)"
    assert place_in_words((767, 575), (768, 576)).startswith("at the lower right")


@pytest.mark.parametrize("anomaly", [-3.0, 0.0, 1.5, 40.0])
def test_a_finding_puts_the_score_on_the_side_of_its_verdict(anomaly: float) -> None:
    one, two = (overall_score(anomaly, ("smeared",) * count, reject=4.0) for count in (1, 2))
    assert 4.0 < one < two
    assert overall_score(anomaly, (), reject=4.0) == anomaly
    assert math.isnan(overall_score(float("nan"), ("smeared",), reject=4.0))
