"""Folders that are not on this machine: s3://, gs://, az:// and whatever else fsspec knows.

Inputs are read through `upath` (universal-pathlib of the fsspec project), whose paths read like those of pathlib.
Outputs are written to a folder on this machine and copied as the run goes: a store of objects cannot append to a file.
"""

import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from pipeline.exceptions import UsageError

EVERY = 15.0
"""Seconds between two copies of what is new: so much of a run is lost at most where its machine is."""

EXTRAS = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure"}

RESUMED = "results.csv"
"""The file that an interrupted run continues."""

PROBE = ".goodparts"
"""A file that is written and taken away again before a run, to see whether its results can be written."""

REFUSALS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("azure.core.exceptions", "AzureError"),
    ("aiohttp", "ClientError"),
)
"""What the packages behind URLs raise, beside OSError, where there are no credentials or nobody answers."""


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
def reaching(where: Path) -> Iterator[None]:
    """Turn what a store elsewhere answers, or that it does not, into one line; for this machine, change nothing.

    Raises:
        UsageError: no credentials, no such bucket, no right to read or write there, or nobody answers.
    """
    try:
        yield
    except _refusals(where) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{where}: {reason}; check the URL, the credentials and the network") from error


def _refusals(where: Path) -> tuple[type[BaseException], ...]:
    """Errors of a store; a package that is not loaded has raised none."""
    if not is_remote(where):
        return ()
    loaded = [(sys.modules[module], name) for module, name in REFUSALS if module in sys.modules]
    return (OSError, *(getattr(module, name) for module, name in loaded))


@contextmanager
def local_folder(out: Path) -> Iterator[Path]:
    """A folder on this machine whose files arrive in `out`: while it is used, and when it is left, however that is.

    For a folder of this machine that is the folder itself.

    Raises:
        UsageError: `out` cannot be written; if that shows at the end only, the message says where the files are.
    """
    if not is_remote(out):
        yield out
        return
    mirror = _Mirror(Path(tempfile.mkdtemp(prefix="goodparts-")), out)
    mirror.begin()
    stop = threading.Event()
    beside = threading.Thread(target=mirror.keep, args=(stop,), daemon=True)
    beside.start()
    try:
        yield mirror.folder
    finally:
        stop.set()
        beside.join()
        mirror.finish()


class _Mirror:
    """Copies files that are new or have changed; one that is being written is copied again when it is whole."""

    def __init__(self, folder: Path, out: Path) -> None:
        self.folder, self._out = folder, out
        self._copied: dict[Path, tuple[int, int]] = {}

    def begin(self) -> None:
        """See that the store takes files, before hours are spent on them, and fetch what is to be continued."""
        try:
            with reaching(self._out):
                (self._out / PROBE).write_bytes(b"")
                (self._out / PROBE).unlink()
                if (self._out / RESUMED).exists():
                    (self.folder / RESUMED).write_bytes((self._out / RESUMED).read_bytes())
        except UsageError:
            shutil.rmtree(self.folder)
            raise

    def keep(self, stop: threading.Event) -> None:
        while not stop.wait(EVERY):
            with suppress(OSError, UsageError):  # the store is away for a moment; `finish` says so if it stays away
                self._copy()

    def finish(self) -> None:
        try:
            self._copy()
        except UsageError as error:
            raise UsageError(f"{error}; the files are kept in {self.folder}") from error
        shutil.rmtree(self.folder)

    def _copy(self) -> None:
        for path in sorted(self.folder.rglob("*")):
            if path.is_dir() or path.suffix == ".tmp":
                continue
            stat = path.stat()
            if self._copied.get(path) != (stat.st_size, stat.st_mtime_ns):
                data = path.read_bytes()
                with reaching(self._out):
                    (self._out / path.relative_to(self.folder).as_posix()).write_bytes(data)
                self._copied[path] = (stat.st_size, stat.st_mtime_ns)
