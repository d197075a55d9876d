"""Folders that are not on this machine: s3://, gs://, az:// and whatever else fsspec knows.

Inputs are read through `upath` (universal-pathlib of the fsspec project), whose paths read like those of pathlib.
Outputs are written to a folder on this machine and copied as the run goes: a store of objects cannot append to a file.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline.exceptions import UsageError

EVERY = 15.0
"""Seconds between two copies of what is new: so much of a run is lost at most where its machine is."""

EXTRAS = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure"}

RESUMED = "results.csv"
"""The file that an interrupted run continues."""


class PlaceType(click.ParamType[Path]):
    """A path of this machine, or the URL of a folder elsewhere."""

    name = "path or url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: ARG002
        return place(value) if isinstance(value, str) else value


def place(name: str) -> Path:
    """The folder of a path or a URL.

    Raises:
        UsageError: the package for that kind of URL is not installed, or there is no such kind.
    """
    if "://" not in name:
        return Path(name)
    kind = name.split("://")[0]
    try:
        from upath import UPath

        found = UPath(name)
        found.fs  # noqa: B018  # connects, so that a missing package shows here
    except (ImportError, ValueError) as error:
        extra = EXTRAS.get(kind)
        raise UsageError(
            f'{name}: needs another package: pip install "goodparts[{extra}]"' if extra else f"{name}: {error}"
        ) from error
    # It has what the readers use of a Path, but is none by its type: a URL has no place on this machine.
    return found  # type: ignore[return-value]


def is_remote(folder: Path) -> bool:
    """Whether a folder is on another machine."""
    return not isinstance(folder, Path)


@contextmanager
def local_folder(out: Path) -> Iterator[Path]:
    """A folder on this machine whose files arrive in `out`: while it is used, and when it is left, however that is.

    For a folder of this machine that is the folder itself.
    """
    if not is_remote(out):
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="goodparts-") as folder:
        mirror = _Mirror(Path(folder), out)
        mirror.fetch(RESUMED)
        stop = threading.Event()
        beside = threading.Thread(target=mirror.keep, args=(stop,), daemon=True)
        beside.start()
        try:
            yield Path(folder)
        finally:
            stop.set()
            beside.join()
            mirror.copy()


class _Mirror:
    """Copies files that are new or have changed; one that is being written is copied again when it is whole."""

    def __init__(self, folder: Path, out: Path) -> None:
        self._folder, self._out = folder, out
        self._copied: dict[Path, tuple[int, int]] = {}

    def fetch(self, name: str) -> None:
        if (self._out / name).exists():
            (self._folder / name).write_bytes((self._out / name).read_bytes())

    def keep(self, stop: threading.Event) -> None:
        while not stop.wait(EVERY):
            try:
                self.copy()
            except OSError:  # the store is away for a moment; the last copy says so if it stays away
                continue

    def copy(self) -> None:
        for path in sorted(self._folder.rglob("*")):
            if path.is_dir() or path.suffix == ".tmp":
                continue
            stat = path.stat()
            if self._copied.get(path) != (stat.st_size, stat.st_mtime_ns):
                (self._out / path.relative_to(self._folder).as_posix()).write_bytes(path.read_bytes())
                self._copied[path] = (stat.st_size, stat.st_mtime_ns)
