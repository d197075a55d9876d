"""Where the time of an image goes: a stopwatch with laps, and the laps of many images as a table."""

import time
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from rich.table import Column, Table

Steps = Mapping[str, float]
"""Milliseconds of each step of one image, in the order in which the steps were taken."""

TOTAL, PICTURES = "until the verdict", "pictures, after it"


class Stopwatch:
    """Times the steps of one image, one after the other.

    Attributes:
        steps: what was timed so far.
    """

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self._start = self._lap = time.perf_counter()

    def lap(self, step: str) -> None:
        """A step ends here; it began where the one before it ended."""
        now = time.perf_counter()
        self.steps[step] = (now - self._lap) * 1e3
        self._lap = now

    @property
    def ms(self) -> float:
        """Since the start, milliseconds."""
        return (time.perf_counter() - self._start) * 1e3


class Profile:
    """The steps of many images."""

    def __init__(self) -> None:
        self._steps: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, steps: Steps, *, total: float) -> None:
        """Take in the steps of one image and the time until its verdict, milliseconds; no steps: it was not judged."""
        for step, ms in {**steps, TOTAL: total}.items() if steps else ():
            self._steps[step].append(ms)

    def add_picture(self, ms: float) -> None:
        """Take in the time that the pictures of one image took after its verdict, milliseconds; 0: it has none."""
        if ms:
            self._steps[PICTURES].append(ms)

    def table(self) -> Table:
        """A row a step: p50 and p99, milliseconds, and its share of the time until the verdict."""
        numbers = (Column(name, justify="right") for name in ("p50 ms", "p99 ms", "share", "images"))
        table = Table("step", *numbers, box=None, header_style="bold")
        total, last = sum(self._steps[TOTAL]), [name for name in (TOTAL, PICTURES) if self._steps[name]]
        for step in [*(name for name in self._steps if name not in (TOTAL, PICTURES)), *last]:
            values = self._steps[step]
            p50, p99 = np.percentile(values, (50, 99))
            table.add_row(step, f"{p50:.1f}", f"{p99:.1f}", f"{sum(values) / total:.0%}", str(len(values)))
        return table
