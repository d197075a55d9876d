"""Inspect a folder: one row, and where asked for an overlay and a mask, for every image in it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import cv2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from pipeline.engines import Engine, here
from pipeline.exceptions import UsageError
from pipeline.images import encode_image, find_images, write_bytes
from pipeline.inspector import Inspection, Inspector
from pipeline.overlays import draw_overlay, print_in_original
from pipeline.profiling import Profile, Steps, Stopwatch
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
    """

    images: Path
    out: Path
    overlays: Overlays = Overlays.NG
    masks: bool = False

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


@dataclass(frozen=True)
class Inspected:
    """What comes of one image; small enough to travel between processes.

    Attributes:
        row: Its row of the results.
        steps: What each step took, milliseconds.
        pictures: Files that are to be written, by their path.
        drawing: What they took, milliseconds; 0 where there are none.
    """

    row: Row
    steps: Steps
    pictures: Mapping[Path, bytes]
    drawing: float


def inspect_folder(
    inspector: Inspector,
    job: Job,
    console: Console,
    profile: Profile | None = None,
    *,
    engine: Engine = here,
    shared: Path | None = None,
) -> list[Row]:
    """Inspect what has no row yet in `job.out/results.csv`, and show progress on the console.

    A row is written as soon as it is there; its pictures follow. What an interrupted run owes, and what was not asked
    for before, is drawn when the same call continues.

    Args:
        inspector: The model.
        job: What is to be done.
        console: Where progress is shown.
        profile: Takes in what each step of each image took.
        engine: Inspects the images; files are written here alone.
        shared: The model's folder, where the engine's workers see it under the same name; None: the model travels.

    Returns:
        The rows of all images that the folder holds now, those of an earlier run among them.

    Raises:
        UsageError: No images, results of another model in `job.out`, or a file that cannot be written. The
            rows written so far stay, and the same call continues.
    """
    cv2.setNumThreads(1)  # a small image is done before its threads have met
    profile = profile or Profile()
    names = [path.relative_to(job.images).as_posix() for path in _images(job)]
    try:
        with ResultsFile(job.out / "results.csv", inspector.model_id) as results:
            done = {name for name, row in results.rows.items() if job.is_done(row)}
            todo = [name for name in names if name not in done]
            with progress_bar(console) as progress:
                bar = progress.add_task("inspecting", total=len(names), completed=len(names) - len(todo))
                for found in engine(partial(_inspecting, shared or inspector, job), todo):
                    if found.row.image not in results.rows:
                        results.append(found.row)
                    _write(found.pictures)
                    profile.add(found.steps, total=found.row.ms)
                    profile.add_picture(found.drawing)
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


def _inspecting(model: Inspector | Path, job: Job) -> Callable[[str], Inspected]:
    return partial(inspect_image, Inspector.load(model) if isinstance(model, Path) else model, job)


def inspect_image(inspector: Inspector, job: Job, name: str) -> Inspected:
    """Inspect one image of the folder, and draw the pictures that are asked for."""
    inspection = inspector.inspect_file(job.images / name, evidence=job.overlays is not Overlays.NONE)
    watch = Stopwatch()
    pictures = dict(_pictures(job, name, inspection))
    row = Row.of(name, inspection, inspector.model_id)
    return Inspected(row, inspection.steps, pictures, watch.ms if pictures else 0.0)


def _pictures(job: Job, name: str, inspection: Inspection) -> Iterator[tuple[Path, bytes]]:
    if job.wants_overlay(inspection.verdict) and inspection.image is not None:
        yield job.overlay(name), encode_image(draw_overlay(inspection.image, inspection), ".jpg")
    if job.wants_mask(inspection.verdict) and inspection.print_mask is not None:
        height, width = inspection.print_mask.pixels.shape
        yield job.mask(name), encode_image(print_in_original(inspection, (height, width)), ".png")


def _write(pictures: Mapping[Path, bytes]) -> None:
    for path, data in pictures.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)


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
