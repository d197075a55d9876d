"""Rows of results whose truth is known."""

import csv
from pathlib import Path

from pipeline.quality import Conditions
from pipeline.results import ResultsFile
from pipeline.rows import COLUMNS, Row
from pipeline.verdict import Verdict

USUAL = Conditions(brightness=120, contrast=30, focus=5, pose=0.95, size=1, masked=0.02)


def row(
    image: str,
    score: float | None = 1.0,
    verdict: Verdict = Verdict.OK,
    *,
    model: str = "m",
    conditions: Conditions = USUAL,
    findings: tuple[str, ...] = (),
) -> Row:
    """A result at a threshold of 5."""
    taken = None if verdict is Verdict.ERROR else conditions
    return Row(
        image, verdict, score, 5.0, None, "", conditions.masked, (), findings, 1.0, model, p_value=0.5, conditions=taken
    )


def write_results(path: Path, rows: list[Row]) -> Path:
    """Write a `results.csv` as `inspect` does."""
    with ResultsFile(path, rows[0].model) as results:
        for each in rows:
            results.append(each)
    return path


def write_reviews(path: Path, rows: list[Row], said: list[str]) -> Path:
    """Write a `results.csv` with what a person says."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*COLUMNS, "reviewed"))
        writer.writerows([*each.to_csv(), word] for each, word in zip(rows, said, strict=True))
    return path
