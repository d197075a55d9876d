"""The report of an evaluation: what was found on one page, and the same numbers as a table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline import plots
from pipeline.calibration import Calibration, interval
from pipeline.drawing import SKY
from pipeline.evaluation import Metrics, defect_of, mistake_in, split_scores
from pipeline.images import Image, read_image
from pipeline.info import promise
from pipeline.inspector import Inspector
from pipeline.overlays import draw_overlay, stroke
from pipeline.rows import Row, summary
from pipeline.sheets import data_uri, render_sheet
from pipeline.verdict import Verdict

SHOWN = 12
"""Mistakes of a kind that are shown as pictures."""

COLUMNS = ("class", "images", *Verdict, "mistake", "wrong", "share", "low", "high")


@dataclass(frozen=True)
class ClassTally:
    """The verdicts on one class of parts.

    Attributes:
        name: the class; `good`, a defect, or `all bad`.
        images: number of its images.
        verdicts: how many of them got which verdict.
        mistake: the word for a wrong verdict on it.
        wrong: how many verdicts are wrong.
        bounds: 95 % interval of their share, 0..1.
        total: whether it sums up other classes.
    """

    name: str
    images: int
    verdicts: dict[Verdict, int]
    mistake: str
    wrong: int
    bounds: tuple[float, float]
    total: bool = False

    @property
    def share(self) -> float:
        """Share of wrong verdicts, 0..1."""
        return self.wrong / self.images

    @property
    def words(self) -> str:
        """The interval in words."""
        return f"{self.bounds[0]:.1%} to {self.bounds[1]:.1%}"

    def to_csv(self) -> list[object]:
        """Its fields in the order of `COLUMNS`."""
        counts = [self.verdicts[verdict] for verdict in Verdict]
        rates = [f"{rate:.4f}" for rate in (self.share, *self.bounds)]
        return [self.name, self.images, *counts, self.mistake, self.wrong, *rates]


def tally(rows: Sequence[Row]) -> list[ClassTally]:
    """Count verdicts: a line for the good parts, one a defect class, and one for all bad parts."""
    by_class: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (defect_of(row) or "", row.image)):
        by_class.setdefault(defect_of(row) or "good", []).append(row)
    bad = [row for row in rows if defect_of(row)]
    return [*(_tally(name, found) for name, found in by_class.items()), _tally("all bad", bad, total=True)]


def _tally(name: str, rows: Sequence[Row], *, total: bool = False) -> ClassTally:
    counts = Counter(row.verdict for row in rows)
    wrong = sum(bool(mistake_in(row)) for row in rows)
    verdicts = {verdict: counts[verdict] for verdict in Verdict}
    mistake = "false call" if name == "good" else "escape"
    return ClassTally(name, len(rows), verdicts, mistake, wrong, interval(wrong, len(rows)), total)


def render_report(
    rows: Sequence[Row], metrics: Metrics, inspector: Inspector, dataset: Path, *, classes: Sequence[ClassTally]
) -> str:
    """Write the page.

    Args:
        rows: results on all images of `dataset/test`.
        metrics: what `evaluate` made of them.
        inspector: the model; the worst mistakes are inspected again for their pictures.
        dataset: in MVTec AD's layout.
        classes: what `tally` counted.
    """
    good = next(found for found in classes if found.name == "good")
    calibration = inspector.bundle.calibration
    return render_sheet(
        "report.html", f"Evaluation on {dataset.resolve().name}",
        summary=summary(rows), model=rows[0].model, facts=metrics.facts()[:2] + metrics.facts()[-1:],
        verdicts=list(Verdict), tally={"classes": classes, "good": good, "bad": classes[-1]},
        promise=list(promise(calibration)), verdict_on_promise=_compare(good, calibration),
        plots=_plots(rows, calibration), missing=plots.MISSING,
        mistakes=[_mistakes(word, rows, inspector, dataset) for word in ("escape", "false call")],
    )  # fmt: skip


def _compare(good: ClassTally, calibration: Calibration) -> str:
    said = f"Promised were at most {calibration.promised:.2%} false calls; seen were {good.share:.2%} ({good.words})."
    if good.bounds[0] > calibration.promised:
        return f"{said} That breaks the promise: these parts are not like the calibrating ones. Calibrate on them."
    return f"{said} That does not contradict the promise."


def _plots(rows: Sequence[Row], calibration: Calibration) -> list[tuple[str, str]]:
    good, bad = split_scores(rows)
    threshold, reject = calibration.threshold, calibration.reject
    drawn = [
        (plots.plot(plots.histogram(good, bad, threshold, reject)), "Scores of good and bad parts."),
        (
            plots.plot(plots.trade_off(good, bad, threshold, reject)),
            "What another threshold would cost; the scale is linear up to 1 %, logarithmic above.",
        ),
        (plots.plot(plots.roc(good, bad, threshold)), "ROC curve; the point is the threshold in use."),
    ]
    return [(image, words) for image, words in drawn if image]


def _mistakes(
    word: str, rows: Sequence[Row], inspector: Inspector, dataset: Path
) -> tuple[str, list[tuple[Row, str | None]], int]:
    """Heading, the worst mistakes with their pictures, and how many there are in all."""
    found = [row for row in rows if mistake_in(row) == word]
    lowest_first = word == "escape"
    found.sort(key=lambda row: (1 if lowest_first else -1) * (np.inf if row.score is None else row.score))
    pictures = [(row, _picture(row, inspector, dataset)) for row in found[:SHOWN]]
    return f"{word.capitalize()}s", pictures, len(found)


def _picture(row: Row, inspector: Inspector, dataset: Path) -> str | None:
    """The image with what the model saw; a known defect is outlined in light blue."""
    if row.verdict is Verdict.ERROR:
        return None
    path = dataset / "test" / row.image
    image = read_image(path, max_megapixels=inspector.bundle.config.image.max_megapixels).copy()
    truth = (dataset / "ground_truth" / row.image).with_name(f"{path.stem}_mask.png")
    if truth.exists():
        _outline(image, truth)
    return data_uri(draw_overlay(image, inspector.inspect_file(path, evidence=True)))


def _outline(image: Image, truth: Path) -> None:
    mask = read_image(truth, max_megapixels=1000)[..., 0]
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, contours, -1, SKY, 2 * stroke(image), cv2.LINE_AA)
