"""`results.csv`: one row an image, written as the run goes, so that an interrupted run continues."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from pipeline.exceptions import UsageError
from pipeline.rows import COLUMNS, Row

HEADER = (",".join(COLUMNS) + "\r\n").encode()


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
