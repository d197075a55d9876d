"""Inspect a folder: one row, and where asked for an overlay and a mask, for every image in it."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import cv2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from pipeline.engines import in_order
from pipeline.exceptions import UsageError
from pipeline.images import find_images, write_image
from pipeline.inspector import Inspection, Inspector
from pipeline.overlays import draw_overlay, print_in_original
from pipeline.profiling import Profile, Stopwatch
from pipeline.results import ResultsFile
from pipeline.rows import Row, severity, summary
from pipeline.storage import is_remote
from pipeline.verdict import Verdict

LISTED = 20


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

    def wants_overlay(self, verdict: Verdict) -> bool:
        """Whether an image with this verdict gets an overlay."""
        if verdict is Verdict.ERROR:
            return False
        return self.overlays is Overlays.ALL or (self.overlays is Overlays.NG and verdict is not Verdict.OK)

    def wants_mask(self, verdict: Verdict) -> bool:
        """Whether an image with this verdict gets a mask."""
        return self.masks and verdict is not Verdict.ERROR

    def is_done(self, row: Row) -> bool:
        """Whether nothing is left to be done for the image of a row: a killed run may owe its pictures."""
        owed = [self.overlay(row.image)] if self.wants_overlay(row.verdict) else []
        owed += [self.mask(row.image)] if self.wants_mask(row.verdict) else []
        return all(picture.exists() for picture in owed)

    def picture(self, row: Row) -> Path | None:
        """The file that shows an image best: its overlay, or the image itself; none if it cannot be read."""
        if row.verdict is Verdict.ERROR:
            return None
        overlay = self.overlay(row.image)
        return overlay if overlay.exists() else self.images / row.image


def inspect_folder(
    inspector: Inspector,
    job: Job,
    console: Console,
    profile: Profile | None = None,
    *,
    engine: Callable[[Sequence[str]], Iterator[Row]] | None = None,
) -> list[Row]:
    """Inspect what has no row yet in `job.out/results.csv`, and show progress on the console.

    A row is written as soon as its verdict is there; its pictures follow. What an interrupted run owes, and what was
    not asked for before, is drawn when the same call continues.

    Args:
        inspector: The model.
        job: What is to be done.
        console: Where progress is shown.
        profile: Takes in what each step of each image took.
        engine: Inspects the images of these names elsewhere, a row each in their order; None: threads, here.

    Returns:
        The rows of all images that the folder holds now, those of an earlier run among them.

    Raises:
        UsageError: No images, results of another model in `job.out`, or a file that cannot be written. The
            rows written so far stay, and the same call continues.
    """
    cv2.setNumThreads(1)  # images run beside each other; threads within one would only wait for each other
    inspect = engine or partial(_rows, inspector, job, profile or Profile())
    names = [path.relative_to(job.images).as_posix() for path in _images(job)]
    try:
        with ResultsFile(job.out / "results.csv", inspector.model_id) as results:
            done = {name for name, row in results.rows.items() if job.is_done(row)}
            todo = [name for name in names if name not in done]
            with progress_bar(console) as progress:
                bar = progress.add_task("inspecting", total=len(names), completed=len(names) - len(todo))
                for row in inspect(todo):
                    if row.image not in results.rows:
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
    inspection = inspector.inspect_file(job.images / name, evidence=job.overlays is not Overlays.NONE)
    _write_pictures(job, name, inspection)
    return Row.of(name, inspection, inspector.model_id)


def _rows(inspector: Inspector, job: Job, profile: Profile, names: Sequence[str]) -> Iterator[Row]:
    """Inspect on `job.threads` threads and yield in order; draw what was taken, behind what is being inspected.

    Only a few images are held at a time, however slow the pictures are. Threads are enough: ONNX Runtime and OpenCV,
    where the time goes, release the interpreter's lock.
    """
    evidence = job.overlays is not Overlays.NONE
    pictures: deque[Future[float]] = deque()

    def inspect(name: str) -> Inspection:
        return inspector.inspect_file(job.images / name, evidence=evidence)

    with ThreadPoolExecutor(job.threads) as pool:
        try:
            for name, inspection in in_order(pool, inspect, names, ahead=job.threads + 1):
                profile.add(inspection.steps, total=inspection.ms)
                yield Row.of(name, inspection, inspector.model_id)
                pictures.append(pool.submit(_write_pictures, job, name, inspection))
                if len(pictures) > job.threads:
                    profile.add_picture(pictures.popleft().result())
            for late in pictures:
                profile.add_picture(late.result())
        finally:
            pool.shutdown(cancel_futures=True)


def _write_pictures(job: Job, name: str, inspection: Inspection) -> float:
    """Draw and write what is wanted of one image; returns what that took, milliseconds, 0 for nothing."""
    watch, overlay, mask = Stopwatch(), job.wants_overlay(inspection.verdict), job.wants_mask(inspection.verdict)
    if overlay and inspection.image is not None:
        write_image(job.overlay(name), draw_overlay(inspection.image, inspection))
    if mask and inspection.print_mask is not None:
        height, width = inspection.print_mask.pixels.shape
        write_image(job.mask(name), print_in_original(inspection, (height, width)))
    return watch.ms if overlay or mask else 0.0


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
