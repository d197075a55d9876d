"""How well a model judges a data set whose truth is known: escapes, false calls, and what is behind them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.exceptions import UsageError
from pipeline.images import read_image
from pipeline.rows import Row
from pipeline.verdict import Verdict

Scores = NDArray[np.float64]

FALSE_CALLS_ALLOWED = (0.0, 0.01, 0.05)
RECALLS_DEMANDED = (0.95, 0.99, 1.0)
PEAK_TOLERANCE = 17
"""A peak is on a defect if it lies within a square of this many pixels around one of the defect's pixels."""


@dataclass(frozen=True)
class Metrics:
    """What an evaluation found. All rates and recalls are shares 0..1.

    Attributes:
        images: Number of test images.
        good: Number of good ones among them.
        bad: Number of faulty ones.
        auroc: Area under the ROC curve over images.
        recall: By share of false calls allowed: the share of bad parts found.
        false_calls: By share of bad parts to be found: the share of good parts called NG on the way.
        recall_by_defect: By class of defect: the share found at 1 % false calls.
        verdicts_on_good: How many good parts got which verdict.
        verdicts_on_bad: How many bad parts got which verdict.
        escape_rate: Share of bad parts called OK.
        false_call_rate: Share of good parts not called OK.
        peak_on_defect: Share of bad parts with a known defect region whose peak lies on it; None without any.
    """

    images: int
    good: int
    bad: int
    auroc: float
    recall: dict[float, float]
    false_calls: dict[float, float]
    recall_by_defect: dict[str, float]
    verdicts_on_good: dict[str, int]
    verdicts_on_bad: dict[str, int]
    escape_rate: float
    false_call_rate: float
    peak_on_defect: float | None

    def to_json(self) -> dict[str, Any]:
        """Name the metrics as `metrics.json` does."""
        return {
            "images": self.images,
            "good": self.good,
            "bad": self.bad,
            "auroc": self.auroc,
            **{f"recall@{share:g}": value for share, value in self.recall.items()},
            **{f"fpr@{share:g}": value for share, value in self.false_calls.items()},
            "recall@0.01 by defect": self.recall_by_defect,
            "verdicts on good": self.verdicts_on_good,
            "verdicts on bad": self.verdicts_on_bad,
            "escape rate": self.escape_rate,
            "false call rate": self.false_call_rate,
            "peak on defect": self.peak_on_defect,
        }

    def facts(self) -> list[tuple[str, str]]:
        """The metrics that a quality engineer asks for first, as names and values."""
        return [
            ("AUROC", f"{self.auroc:.4f}"),
            ("found at 1 % false calls", f"{self.recall[0.01]:.1%}"),
            ("escapes", f"{self.escape_rate:.1%} of {self.bad} bad parts"),
            ("false calls", f"{self.false_call_rate:.1%} of {self.good} good parts"),
            (
                "peak on the defect",
                "unknown" if self.peak_on_defect is None else f"{self.peak_on_defect:.1%}",
            ),
        ]


def defect_of(row: Row) -> str | None:
    """The defect class that MVTec AD's layout gives a test image by its folder; None for a good part."""
    folder = row.image.split("/")[0]
    return None if folder == "good" else folder


def mistake_in(row: Row) -> str:
    """The word for a wrong verdict, or nothing."""
    bad, ok = defect_of(row) is not None, row.verdict is Verdict.OK
    return "escape" if bad and ok else "" if bad or ok else "false call"


def evaluate(rows: Sequence[Row], dataset: Path) -> Metrics:
    """Compare results with the truth.

    Args:
        rows: Of all images of `dataset/test`. Images without a score count as the most anomalous.
        dataset: In MVTec AD's layout; `ground_truth` may be missing.

    Raises:
        UsageError: There is no good, or no bad, test image.
    """
    good, bad = split_scores(rows)
    good_rows = [row for row in rows if defect_of(row) is None]
    bad_rows = [row for row in rows if defect_of(row) is not None]
    return Metrics(
        images=len(rows),
        good=len(good),
        bad=len(bad),
        auroc=auroc(good, bad),
        recall={share: recall_at(good, bad, share) for share in FALSE_CALLS_ALLOWED},
        false_calls={share: false_calls_at(good, bad, share) for share in RECALLS_DEMANDED},
        recall_by_defect=_recall_by_defect(good, bad_rows),
        verdicts_on_good=dict(Counter(row.verdict.value for row in good_rows)),
        verdicts_on_bad=dict(Counter(row.verdict.value for row in bad_rows)),
        escape_rate=_share([row.verdict is Verdict.OK for row in bad_rows]),
        false_call_rate=_share([row.verdict is not Verdict.OK for row in good_rows]),
        peak_on_defect=_peak_on_defect(bad_rows, dataset / "ground_truth"),
    )


def split_scores(rows: Sequence[Row]) -> tuple[Scores, Scores]:
    """The scores of the good and of the bad parts, (N,) each; infinite where an image has none.

    Raises:
        UsageError: One of the two is empty.
    """
    good, bad = (_scores([row for row in rows if (defect_of(row) is None) is wanted]) for wanted in (True, False))
    if not len(good) or not len(bad):
        raise UsageError(
            f"{len(good)} good and {len(bad)} bad images: an evaluation needs test/good and a test/<defect>"
        )
    return good, bad


def auroc(good: Scores, bad: Scores) -> float:
    """Area under the ROC curve: the chance that a bad part scores above a good one; ties count half.

    >>> auroc(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.875
    """
    order = np.sort(good)
    below = np.searchsorted(order, bad, "left")
    ties = np.searchsorted(order, bad, "right") - below
    return float((below + 0.5 * ties).sum() / (len(good) * len(bad)))


def recall_at(good: Scores, bad: Scores, false_calls: float) -> float:
    """Share of bad parts above the threshold that at most a share `false_calls` of the good parts exceeds."""
    return float((bad > _threshold_for(good, false_calls)).mean())


def false_calls_at(good: Scores, bad: Scores, recall: float) -> float:
    """Share of good parts that score at least as high as the threshold that catches a share `recall`."""
    needed = int(np.ceil(recall * len(bad)))
    return float((good >= np.sort(bad)[len(bad) - needed]).mean())


def _threshold_for(good: Scores, false_calls: float) -> float:
    return float(np.sort(good)[len(good) - 1 - int(np.floor(false_calls * len(good)))])


def _scores(rows: Sequence[Row]) -> Scores:
    return np.array([np.inf if row.score is None else row.score for row in rows])


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)


def _recall_by_defect(good: Scores, bad: Sequence[Row]) -> dict[str, float]:
    threshold = _threshold_for(good, 0.01)
    by_defect: dict[str, list[Row]] = {}
    for row in bad:
        by_defect.setdefault(row.image.split("/")[0], []).append(row)
    return {name: float((_scores(rows) > threshold).mean()) for name, rows in sorted(by_defect.items())}


def _peak_on_defect(bad: Sequence[Row], truth: Path) -> float | None:
    hits = [
        _hits(row.peak, mask)
        for row in bad
        if row.peak and (mask := (truth / row.image).with_name(f"{Path(row.image).stem}_mask.png")).exists()
    ]
    return _share(hits) if hits else None


def _hits(peak: tuple[float, float], mask_file: Path) -> bool:
    mask = read_image(mask_file, max_megapixels=1000)[..., 0]
    near = cv2.dilate(mask, np.ones((PEAK_TOLERANCE, PEAK_TOLERANCE), np.uint8))
    x, y = int(peak[0]), int(peak[1])
    return 0 <= y < near.shape[0] and 0 <= x < near.shape[1] and bool(near[y, x])
