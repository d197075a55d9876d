from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluation import auroc, evaluate, false_calls_at, mistake_in, recall_at, split_scores
from pipeline.exceptions import UsageError
from pipeline.images import write_image
from pipeline.rows import Row
from pipeline.verdict import Verdict

GOOD = np.array([1.0, 2.0, 3.0, 4.0])
BAD = np.array([3.0, 5.0, 6.0, 7.0])


def row(image: str, score: float | None, verdict: Verdict = Verdict.OK, peak: tuple[float, float] | None = None) -> Row:
    return Row(image, verdict, score, 4.5, peak, "", 0.0, (), (), 1.0, "m")


def test_auroc_counts_pairs_and_half_the_ties() -> None:
    assert auroc(GOOD, BAD) == pytest.approx((2 + 0.5 + 4 + 4 + 4) / 16)
    assert auroc(GOOD, GOOD) == 0.5
    assert auroc(GOOD, np.full(2, np.inf)) == 1.0


@pytest.mark.parametrize(("false_calls", "recall"), [(0.0, 0.75), (0.24, 0.75), (0.25, 0.75), (0.5, 1.0)])
def test_recall_counts_bad_parts_above_the_good_ones_that_may_be_called(false_calls: float, recall: float) -> None:
    assert recall_at(GOOD, BAD, false_calls) == recall


@pytest.mark.parametrize(("recall", "false_calls"), [(0.75, 0.0), (0.76, 0.5), (1.0, 0.5)])
def test_false_calls_count_good_parts_at_the_threshold_that_finds_enough(recall: float, false_calls: float) -> None:
    assert false_calls_at(GOOD, BAD, recall) == false_calls


def test_evaluate_on_a_case_counted_by_hand(tmp_path: Path) -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[20, 20] = 255
    for name in ("0", "1", "2"):
        write_image(tmp_path / "ground_truth" / "crack" / f"{name}_mask.png", mask)
    metrics = evaluate(
        [
            row("good/0.png", 1.0),
            row("good/1.png", 5.0, Verdict.NG),
            row("crack/0.png", 6.0, Verdict.NG, (28.0, 20.0)),
            row("crack/1.png", 7.0, Verdict.NG, (29.0, 20.0)),
            row("crack/2.png", None, Verdict.ERROR),
            row("dent/0.png", 2.0, Verdict.OK, (1.0, 1.0)),
        ],
        tmp_path,
    )
    assert (metrics.images, metrics.good, metrics.bad) == (6, 2, 4)
    assert metrics.auroc == pytest.approx(7 / 8)
    assert metrics.recall == {0.0: 0.75, 0.01: 0.75, 0.05: 0.75}
    assert metrics.false_calls == {0.95: 0.5, 0.99: 0.5, 1.0: 0.5}
    assert metrics.recall_by_defect == {"crack": 1.0, "dent": 0.0}
    assert metrics.verdicts_on_good == {"OK": 1, "NG": 1}
    assert metrics.verdicts_on_bad == {"NG": 2, "ERROR": 1, "OK": 1}
    assert (metrics.escape_rate, metrics.false_call_rate) == (0.25, 0.5)
    assert metrics.peak_on_defect == 0.5  # 8 pixels beside the defect still counts, 9 does not


def test_json_has_the_names_that_scores_are_compared_by(tmp_path: Path) -> None:
    report = evaluate([row("good/0.png", 1.0), row("crack/0.png", 2.0)], tmp_path).to_json()
    assert report["auroc"] == 1.0
    assert {"recall@0", "recall@0.01", "recall@0.05", "fpr@0.95", "fpr@0.99", "fpr@1"} <= report.keys()
    assert report["peak on defect"] is None


def test_an_image_without_a_score_counts_as_most_anomalous() -> None:
    good, bad = split_scores([row("good/0.png", 1.0), row("crack/0.png", None)])
    assert good.tolist() == [1.0]
    assert bad.tolist() == [np.inf]


@pytest.mark.parametrize("image", ["good/0.png", "crack/0.png"])
def test_both_kinds_of_parts_are_needed(image: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="test/good"):
        evaluate([row(image, 1.0)], tmp_path)


@pytest.mark.parametrize(
    ("image", "verdict", "word"),
    [
        ("crack/0.png", Verdict.OK, "escape"),
        ("crack/0.png", Verdict.REVIEW, ""),
        ("good/0.png", Verdict.NG, "false call"),
        ("good/0.png", Verdict.OK, ""),
    ],
)
def test_mistakes_have_their_word(image: str, verdict: Verdict, word: str) -> None:
    assert mistake_in(row(image, 1.0, verdict)) == word
