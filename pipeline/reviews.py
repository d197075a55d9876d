"""Results that a person has reviewed: a `results.csv` with a column `reviewed`, OK or NG."""

import csv
from collections.abc import Iterator
from pathlib import Path

from pipeline.exceptions import UsageError
from pipeline.rows import COLUMNS, Row
from pipeline.verdict import Verdict

REVIEWED = "reviewed"


def read_reviews(path: Path, model: str) -> list[tuple[Row, Verdict]]:
    """Read what a person says about each image.

    Every image that was called NG or REVIEW has to be reviewed: with only the surprising half of the good parts the
    thresholds would come out wrong. One that was called OK and not looked at counts as good. Images with the verdict
    ERROR are left out.

    Args:
        path: `results.csv` with the further column `reviewed`; other further columns are allowed.
        model: id of the model that must have judged.

    Raises:
        UsageError: the file cannot be used; the message says why and in which line.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            return list(_reviews(path, csv.DictReader(file), model))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path}: is no results file of goodparts ({error})") from error


def _reviews(path: Path, lines: "csv.DictReader[str]", model: str) -> Iterator[tuple[Row, Verdict]]:
    missing = [name for name in (*COLUMNS, REVIEWED) if name not in (lines.fieldnames or ())]
    if missing:
        raise UsageError(f"{path}: has no column {missing[0]}; add {REVIEWED} (OK or NG) to a results.csv of inspect")
    for line in lines:
        row = Row.from_csv([line[name] for name in COLUMNS])
        if row.model != model:
            raise UsageError(f"{path}: line {lines.line_num}: holds results of model {row.model}, not of {model}")
        if row.verdict is not Verdict.ERROR:
            yield row, _verdict(f"{path}: line {lines.line_num}", row, line[REVIEWED] or "")


def _verdict(where: str, row: Row, said: str) -> Verdict:
    word = said.strip().upper()
    if word in (Verdict.OK, Verdict.NG):
        return Verdict(word)
    if word:
        raise UsageError(f"{where}: reviewed is {said!r}; write OK or NG")
    if row.verdict is not Verdict.OK:
        raise UsageError(f"{where}: {row.image} was called {row.verdict} and is not reviewed; write OK or NG")
    return Verdict.OK
