"""The progress of a training on the terminal: what is done, loss, images per second, time left."""

from collections.abc import Callable
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from models.detail_learning import detail_passes
from models.statistics import passes
from pipeline.config import TrainingConfig


class Steps:
    """A progress bar for each part of a training; to be used as a context manager."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )

    def __enter__(self) -> "Steps":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def stage(self, total: int) -> Callable[[str], None]:
        """A bar for the passes over the images before the training."""
        task = self._progress.add_task("reading", total=total, note="")
        return lambda name: self._progress.update(task, advance=1, description=name)

    def variants(self, count: int) -> Callable[[], None]:
        """A bar for the look at all parts that tells their variants."""
        self._complete()
        task = self._progress.add_task("variants", total=count, note="")
        return lambda: self._progress.advance(task)

    def _complete(self) -> None:
        """A pass that was not needed, for parts without labels, is done too."""
        for before in self._progress.tasks:
            self._progress.update(before.id, completed=before.total)

    def fitting(self, config: TrainingConfig) -> Callable[[int, float], None]:
        """A bar for the steps of the optimisation, with loss and speed."""
        task = self._progress.add_task("training", total=config.steps, note="")
        bar = self._progress.tasks[-1]

        def report(step: int, loss: float) -> None:
            speed = (bar.speed or 0.0) * config.batch_size
            self._progress.update(task, completed=step, note=f"loss {loss:.3f}, {speed:.0f} images/s")

        return report

    def detail(self, count: int, config: TrainingConfig) -> Callable[[], None]:
        """A bar for the training of the detail head."""
        task = self._progress.add_task("detail", total=detail_passes(count, config), note="")
        return lambda: self._progress.advance(task)

    def statistics(self, learned: int, held: int, rest: int) -> Callable[[], None]:
        """A bar for the statistics from learned and held-back parts, and for the scores of the rest and the former."""
        task = self._progress.add_task("statistics", total=passes(learned, held) + rest + learned, note="")
        return lambda: self._progress.advance(task)
