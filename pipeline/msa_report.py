"""The report of a measurement system analysis: a page with all shots in a plot, and its figures as tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import plots
from pipeline.drawing import BLUE, PURPLE, VERMILION
from pipeline.images import write_text
from pipeline.msa import Measure, Part, Repeatability
from pipeline.sheets import render_sheet, write_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = ("measure", "value", "low", "high", "judged")
PART_COLUMNS = ("part", "reference", "shots", "passed", "all right", "mean score", "deviation")


def write_msa(
    out: Path,
    parts: Sequence[Part],
    measures: Sequence[Measure],
    spread: Repeatability,
    *,
    model: str,
    threshold: float,
) -> Path:
    """Write `msa.csv`, `parts.csv` and the page into a folder; returns the page.

    Args:
        out: the folder.
        parts: all shots, part by part.
        measures: what `analyse` found.
        spread: what `repeatability` found.
        model: id of the model that judged.
        threshold: its threshold.
    """
    lines = [_part_line(part) for part in parts]
    write_table(out / "msa.csv", COLUMNS, [_measure_line(measure) for measure in measures])
    write_table(out / "parts.csv", PART_COLUMNS, lines)
    page = render_sheet(
        "msa.html", "Measurement system analysis",
        model=model, parts=parts, measures=measures, spread=spread, threshold=threshold,
        good=sum(part.good for part in parts), shots=sum(len(part.passed) for part in parts),
        wrong=[line for line, part in zip(lines, parts, strict=True) if not part.right.all()], columns=PART_COLUMNS,
        image=plots.plot(_draw(parts, spread, threshold), size=(9.5, 3.2)), missing=plots.MISSING,
    )  # fmt: skip
    write_text(out / "index.html", page)
    return out / "index.html"


def _measure_line(found: Measure) -> list[object]:
    return [found.name, *(f"{value:.4f}" for value in (found.value, found.low, found.high)), found.judged]


def _part_line(part: Part) -> list[object]:
    return [
        part.name, "OK" if part.good else "NG", len(part.passed), int(part.passed.sum()),
        "yes" if part.right.all() else "no", f"{part.scores.mean():.4g}", f"{part.scores.std(ddof=1):.4g}",
    ]  # fmt: skip


def _draw(parts: Sequence[Part], spread: Repeatability, threshold: float) -> plots.Draw:
    """The scores of all shots, part by part, in the order of their mean."""

    def draw(axes: "Axes") -> None:
        axes.axhspan(spread.low, spread.high, color=plots.shade(PURPLE), alpha=0.2, lw=0, label="uncertainty range")
        axes.axhline(threshold, color=plots.shade(PURPLE), lw=1)
        ordered = sorted(parts, key=lambda part: float(np.nanmean(part.scores)))
        for good, colour, name in ((True, BLUE, "good"), (False, VERMILION, "bad")):
            points = [(at, score) for at, p in enumerate(ordered, 1) if p.good is good for score in p.scores]
            axes.plot(*zip(*points, strict=True), "o", ms=3, color=plots.shade(colour), label=f"{name} parts")
        axes.set(xlabel="part, by its mean score", ylabel="score of each shot")
        axes.set_yscale("symlog", linthresh=max(1.0, 2 * abs(threshold)))
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

    return draw
