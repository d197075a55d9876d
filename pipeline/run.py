"""Inspect a folder: one row, and where asked for an overlay and a mask, for every image in it."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from pipeline.exceptions import UsageError
from pipeline.images import find_images, read_image, write_image
from pipeline.inspector import Inspection, Inspector
from pipeline.overlays import draw_overlay, print_in_original
from pipeline.results import ResultsFile, Row, severity, summary
from pipeline.storage import is_remote
from pipeline.verdict import Verdict

LISTED = 20

T = TypeVar("T")
R = TypeVar("R")


class Overlays(StrEnum):
    """Which images get an overlay; `ng` means all that are not OK."""

    NONE = "none"
    NG = "ng"
    ALL = "all"


@dataclass(frozen=True)
class Job:
    """What is to be done with each image of a folder.

    Attributes:
        images: The folder.
        out: Where `results.csv`, `overlays/` and `masks/` go.
        overlays: Which images get `out/overlays/<image>.jpg`.
        masks: Whether every image that can be read gets `out/masks/<stem>.png`, 255 = print.
        threads: Images inspected at the same time.
    """

    images: Path
    out: Path
    overlays: Overlays = Overlays.NG
    masks: bool = False
    threads: int = 1

    def overlay(self, image: str) -> Path:
        """Where the overlay of an image goes; under its whole name, so that `a.png` and `a.jpg` differ."""
        return self.out / "overlays" / f"{image}.jpg"

    def mask(self, image: str) -> Path:
        """Where the print mask of an image goes, under the stem of its name, as ground truth usually lies."""
        return (self.out / "masks" / image).with_suffix(".png")

    def picture(self, row: Row) -> Path | None:
        """The file that shows an image best: its overlay, or the image itself; none if it cannot be read."""
        if row.verdict is Verdict.ERROR:
            return None
        overlay = self.overlay(row.image)
        return overlay if overlay.exists() else self.images / row.image


def inspect_folder(
    inspector: Inspector, job: Job, console: Console, *, engine: Callable[[Sequence[str]], Iterator[Row]] | None = None
) -> list[Row]:
    """Inspect what has no row yet in `job.out/results.csv`, and show progress on the console.

    Args:
        inspector: The model.
        job: What to do.
        console: For progress.
        engine: Inspects the images of these names elsewhere, a row each in their order; None: threads, here.

    Returns:
        The rows of all images that the folder holds now, those of an earlier run among them.

    Raises:
        UsageError: No images, results of another model in `job.out`, or a file that cannot be written. The
            rows written so far stay, and the same call continues.
    """
    cv2.setNumThreads(1)  # images run beside each other; threads within one would only wait for each other

    def here(todo: Sequence[str]) -> Iterator[Row]:
        return in_order(partial(inspect_image, inspector, job), todo, job.threads)

    names = [path.relative_to(job.images).as_posix() for path in _images(job)]
    try:
        with ResultsFile(job.out / "results.csv", inspector.model_id) as results:
            todo = [name for name in names if name not in results.rows]
            with progress_bar(console) as progress:
                bar = progress.add_task("inspecting", total=len(names), completed=len(names) - len(todo))
                for row in (engine or here)(todo):
                    results.append(row)
                    progress.advance(bar)
            return [results.rows[name] for name in names]
    except OSError as error:
        raise UsageError(
            f"{error.filename or job.out}: cannot be written ({error.strerror}); "
            "the rows so far are kept, and the same command continues"
        ) from error


def print_summary(rows: Sequence[Row], console: Console) -> None:
    """Print the worst images that are not OK, and how many images got which verdict."""
    worst = sorted((row for row in rows if row.verdict is not Verdict.OK), key=severity)
    table = Table("image", "verdict", Column("score", justify="right"), "reason", box=None, header_style="bold")
    for row in worst[:LISTED]:
        score = "" if row.score is None else f"{row.score:.2f}"
        table.add_row(Text(row.image), row.verdict, score, Text(row.reason))
    if worst:
        console.print(table)
    if len(worst) > LISTED:
        console.print(f"... and {len(worst) - LISTED} more in results.csv")
    console.print(summary(rows), highlight=False)


def _images(job: Job) -> list[Path]:
    """All images of the folder, but not what an earlier run wrote if `out` lies inside it."""
    found = find_images(job.images)
    if not is_remote(job.images):
        out = job.out.resolve()
        found = [path for path in found if not path.resolve().is_relative_to(out)]
    if not found:
        raise UsageError(f"{job.images}: all its images lie in {job.out}, where results go; choose another --out")
    return found


def inspect_image(inspector: Inspector, job: Job, name: str) -> Row:
    """Inspect one image of the folder, and write the pictures that are asked for."""
    path = job.images / name
    inspection = inspector.inspect_file(path, evidence=job.overlays is not Overlays.NONE)
    if inspection.verdict is not Verdict.ERROR:
        _write_pictures(inspector, job, name, inspection)
    return Row.of(name, inspection, inspector.model_id)


def _write_pictures(inspector: Inspector, job: Job, name: str, inspection: Inspection) -> None:
    overlay = job.overlays is Overlays.ALL or (job.overlays is Overlays.NG and inspection.verdict is not Verdict.OK)
    if not overlay and not job.masks:
        return
    image = read_image(job.images / name, max_megapixels=inspector.bundle.config.image.max_megapixels)
    if overlay:
        write_image(job.overlay(name), draw_overlay(image, inspection))
    if job.masks:
        write_image(job.mask(name), print_in_original(inspection, image.shape[:2]))


def in_order(work: Callable[[T], R], items: Sequence[T], threads: int) -> Iterator[R]:
    """Map over `items` on several threads, in order; never more than a few results wait to be taken.

    Threads are enough: ONNX Runtime and OpenCV, where the time goes, release the interpreter's lock.
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def progress_bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
