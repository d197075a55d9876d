"""`results.csv`: one row an image, written as the run goes, so that an interrupted run continues."""

import csv
import io
import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from pipeline.exceptions import UsageError
from pipeline.inspector import Inspection
from pipeline.quality import Conditions
from pipeline.verdict import Verdict

COLUMNS = (
    "image",
    "verdict",
    "score",
    "threshold",
    "peak_x",
    "peak_y",
    "reason",
    "masked",
    "codes",
    "print_findings",
    "ms",
    "model",
    "p_value",
    "doubts",
    "brightness",
    "contrast",
    "focus",
    "pose",
    "code_zones",
)
HEADER = (",".join(COLUMNS) + "\r\n").encode()


@dataclass(frozen=True)
class Row:
    """What `results.csv` says about one image.

    Attributes:
        image: Path relative to the inspected folder, with `/` between its parts.
        verdict: OK, NG, REVIEW or ERROR.
        score: Higher is more anomalous; None for ERROR, and wherever no score could be computed.
        threshold: Scores above it are not OK.
        peak: Where the anomaly is strongest, (x, y) in pixels of the original image.
        reason: Why, in words.
        masked: Share 0..1 of the part's pixels that the print mask kept out of the comparison.
        codes: The decoded text of each code.
        findings: What is wrong with the print itself, in words.
        ms: Time for this image, in milliseconds.
        model: The id of the model that judged.
        p_value: Chance that a good part scores as high; None where there is no score.
        doubts: Why the image could not be judged safely, in words.
        conditions: How the image was taken; None for ERROR.
        code_zones: The print zone that each of `codes` lies in.
    """

    image: str
    verdict: Verdict
    score: float | None
    threshold: float
    peak: tuple[float, float] | None
    reason: str
    masked: float
    codes: tuple[str, ...]
    findings: tuple[str, ...]
    ms: float
    model: str
    p_value: float | None = None
    doubts: tuple[str, ...] = ()
    conditions: Conditions | None = None
    code_zones: tuple[str, ...] = ()

    @classmethod
    def of(cls, image: str, inspection: Inspection, model: str) -> Self:
        """Keep of an inspection what a row holds; codes that could not be decoded have no text to keep."""
        score = inspection.score
        decoded = [code for code in inspection.codes if code.text]
        return cls(
            image=image,
            verdict=inspection.verdict,
            score=score if score is not None and math.isfinite(score) else None,
            threshold=inspection.threshold,
            peak=inspection.peak,
            reason=inspection.reason,
            masked=inspection.masked,
            codes=tuple(code.text for code in decoded),
            findings=inspection.findings,
            ms=inspection.ms,
            model=model,
            p_value=inspection.p_value,
            doubts=inspection.doubts,
            conditions=inspection.conditions,
            code_zones=tuple(code.zone for code in decoded),
        )

    def to_csv(self) -> list[str]:
        """Format as the fields of one line, in the order of `COLUMNS`."""
        x, y = (f"{value:.1f}" for value in self.peak) if self.peak else ("", "")
        return [
            self.image,
            self.verdict,
            "" if self.score is None else f"{self.score:.6g}",
            f"{self.threshold:.6g}",
            x,
            y,
            self.reason,
            f"{self.masked:.4f}",
            join_texts(self.codes),
            join_texts(self.findings),
            f"{self.ms:.1f}",
            self.model,
            "" if self.p_value is None else f"{self.p_value:.4g}",
            join_texts(self.doubts),
            *self._conditions(),
            join_texts(self.code_zones),
        ]

    def _conditions(self) -> list[str]:
        found = self.conditions
        values = (found.brightness, found.contrast, found.focus, found.pose) if found else ()
        return [f"{value:.6g}" for value in values] or [""] * 4

    @classmethod
    def from_csv(cls, fields: list[str]) -> Self:
        """Read back what `to_csv` wrote, rounded as it was written. Raises ValueError for anything else."""
        row = dict(zip(COLUMNS, fields, strict=True))
        return cls(
            image=row["image"],
            verdict=Verdict(row["verdict"]),
            score=float(row["score"]) if row["score"] else None,
            threshold=float(row["threshold"]),
            peak=(float(row["peak_x"]), float(row["peak_y"])) if row["peak_x"] else None,
            reason=row["reason"],
            masked=float(row["masked"]),
            codes=split_texts(row["codes"]),
            findings=split_texts(row["print_findings"]),
            ms=float(row["ms"]),
            model=row["model"],
            p_value=float(row["p_value"]) if row["p_value"] else None,
            doubts=split_texts(row["doubts"]),
            conditions=_read_conditions(row),
            code_zones=split_texts(row["code_zones"]),
        )


def _read_conditions(row: dict[str, str]) -> Conditions | None:
    if not row["brightness"]:
        return None
    names = ("brightness", "contrast", "focus", "pose", "masked")
    return Conditions(**{name: float(row[name]) for name in names})


def join_texts(texts: Iterable[str]) -> str:
    r"""Join with `|`; inside a text, `|` becomes `\|` and a backslash is doubled.

    >>> join_texts(["A1", "x|y"])
    'A1|x\\|y'
    """
    return "|".join(text.replace("\\", "\\\\").replace("|", "\\|") for text in texts)


def split_texts(joined: str) -> tuple[str, ...]:
    """Undo `join_texts`.

    >>> split_texts("A1|B2")
    ('A1', 'B2')
    """
    if not joined:
        return ()
    texts, escaped = [""], False
    for char in joined:
        if char == "|" and not escaped:
            texts.append("")
        elif char != "\\" or escaped:
            texts[-1] += char
        escaped = char == "\\" and not escaped
    return tuple(texts)


def severity(row: Row) -> tuple[int, float]:
    """Sort key that puts first what a person should look at first."""
    order = [Verdict.NG, Verdict.REVIEW, Verdict.ERROR, Verdict.OK]
    return order.index(row.verdict), -(row.score or 0.0)


def summary(rows: Sequence[Row]) -> str:
    """How many images got which verdict, and the time one took, in one line."""
    counts = Counter(row.verdict for row in rows)
    shares = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
    ms = sorted(row.ms for row in rows)[len(rows) // 2]
    return f"{len(rows)} images: {shares}; {ms:.0f} ms an image"


class ResultsFile:
    """Appends to a `results.csv`, a line at a time; a context manager.

    Opening it reads the rows of an earlier, interrupted run, and drops a last line that is only half there.
    File names that are not valid UTF-8 are kept byte for byte.

    Attributes:
        rows: All rows of the file by image, in the order in which they were written.
    """

    def __init__(self, path: Path, model: str) -> None:
        """Open `path`, or start it.

        Raises:
            UsageError: The file holds something else, or rows of another model.
        """
        self.rows = {row.image: row for row in _resume(path)}
        for row in self.rows.values():
            if row.model != model:
                raise UsageError(
                    f"{path}: holds results of model {row.model}, not of {model}; "
                    "choose another --out, or delete that file"
                )
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("a", encoding="utf-8", errors="surrogateescape", newline="")
        self._writer = csv.writer(self._file)
        if not self._file.tell():
            self._write(COLUMNS)

    def append(self, row: Row) -> None:
        """Write a row, and hand it to the operating system before returning: a killed process loses none."""
        self._write(row.to_csv())
        self.rows[row.image] = row

    def _write(self, fields: Iterable[str]) -> None:
        self._writer.writerow(fields)
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_results(path: Path) -> list[Row]:
    """Read the complete rows of a `results.csv`; none if there is no such file.

    Raises:
        UsageError: The file is no `results.csv`.
    """
    return _parse(path, path.read_bytes()) if path.exists() else []


def read_rows(paths: Sequence[Path]) -> list[Row]:
    """Read the rows of results files that are there already, one after the other.

    Raises:
        UsageError: a file is missing, is no `results.csv`, or they hold results of several models, or none.
    """
    missing = next((path for path in paths if not path.is_file()), None)
    if missing:
        raise UsageError(f"{missing}: no such file; give the results.csv of an inspection")
    rows = [row for path in paths for row in read_results(path)]
    models = sorted({row.model for row in rows})
    if len(models) != 1:
        raise UsageError(f"{paths[0]}: holds results of {len(models)} models {models}; give those of one")
    return rows


def _resume(path: Path) -> list[Row]:
    """Read the rows, and cut a last line off the file that a killed run left half written."""
    rows = read_results(path)
    if path.exists():
        os.truncate(path, len(_complete(path.read_bytes())))
    return rows


def _parse(path: Path, data: bytes) -> list[Row]:
    try:
        if not (data.startswith(HEADER) or HEADER.startswith(data)):
            raise ValueError("other columns")
        text = _complete(data)[len(HEADER) :].decode("utf-8", errors="surrogateescape")
        return [Row.from_csv(fields) for fields in csv.reader(io.StringIO(text, newline=""))]
    except (ValueError, csv.Error) as error:
        raise UsageError(
            f"{path}: is no results file of goodparts ({error}); choose another --out, or delete that file"
        ) from error


def _complete(data: bytes) -> bytes:
    """Cut off a last record without its line end. A line end inside quotes does not end a record."""
    end = data.rfind(b"\n") + 1
    while data.count(b'"', 0, end) % 2:
        end = data.rfind(b"\n", 0, end - 1) + 1
    return data[:end]
