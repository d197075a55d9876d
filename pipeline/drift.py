"""Drift: do today's images still look like those that the thresholds were set on, and if not, which stage moved?

Every window of consecutive images is compared with the good parts by the two-sample Kolmogorov-Smirnov distance. It
depends on ranks alone, so that its distribution without drift needs no assumption: the alarm limit is the distance that
the worst window of a whole shift exceeds by chance as seldom as was asked for, found by simulation. The rate is shared
out between the stages (Bonferroni).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline import plots
from pipeline.bundle import Bundle
from pipeline.drawing import BLUE, GREY, VERMILION
from pipeline.exceptions import UsageError
from pipeline.plots import shade
from pipeline.rows import Row
from pipeline.sheets import render_sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = NDArray[np.float64]

STAGES = {
    "light": ("brightness", "contrast"),
    "focus": ("focus",),
    "pose": ("pose", "size"),
    "print": ("masked",),
    "score": ("score",),
}
"""The way of an image, and what is watched of each stage."""

COLUMNS = ("stage", "measure", "image", "median", "distance", "limit", "alarm")

WINDOW = 50
STEP = 5
LEAST = 20
"""Images without which nothing is said."""
SHIFTS = 1000
"""Shifts without drift that are simulated for the alarm limit."""


@dataclass(frozen=True)
class Track:
    """One measure over time.

    Attributes:
        stage: stage of inspection that it watches.
        measure: what is measured, as in `results.csv`.
        usual: 5th, 50th and 95th percentile of good parts.
        ends: (W,) number of the image that ends each window, from 1 on.
        medians: (W,) median in each window.
        distances: (W,) Kolmogorov-Smirnov distance of each window from the good parts, 0..1.
        limit: distance above which it alarms.
    """

    stage: str
    measure: str
    usual: tuple[float, float, float]
    ends: NDArray[np.int64]
    medians: Values
    distances: Values
    limit: float

    @property
    def alarm(self) -> int | None:
        """Number of the image at which it first alarms; None if it does not."""
        above = np.flatnonzero(self.distances > self.limit)
        return int(self.ends[above[0]]) if len(above) else None

    @property
    def words(self) -> str:
        """What happened, for a person."""
        if self.alarm is None:
            return "as on the good parts"
        worst = self.medians[int(np.argmax(self.distances))]
        way = "higher" if worst > self.usual[1] else "lower"
        return f"{way} than on the good parts from image {self.alarm} on: {worst:.3g} instead of {self.usual[1]:.3g}"

    def to_csv(self) -> list[list[object]]:
        """A line a window, in the order of `COLUMNS`."""
        return [
            [self.stage, self.measure, end, f"{median:.6g}", f"{far:.4f}", f"{self.limit:.4f}", int(far > self.limit)]
            for end, median, far in zip(self.ends, self.medians, self.distances, strict=True)
        ]


def watch(rows: Sequence[Row], bundle: Bundle, *, false_alarms: float) -> list[Track]:
    """Compare the results of a shift with the good parts of a model's calibration.

    Args:
        rows: results of the model in the order of time. Almost all parts should be good: many bad ones move the score,
            and that alarms as it should.
        bundle: the model.
        false_alarms: share of shifts without any drift that may alarm, 0..1.

    Raises:
        UsageError: results of another model, or fewer than twenty images that were judged.
    """
    strangers = {row.model for row in rows} - {bundle.model_id}
    if strangers:
        raise UsageError(f"the results are of model {strangers.pop()}, not of {bundle.model_id}; inspect with this one")
    judged = [row for row in rows if row.score is not None and row.conditions is not None]
    if len(judged) < LEAST:
        raise UsageError(f"the results hold {len(judged)} judged images; drift needs at least {LEAST}")
    measures = [(stage, name) for stage, names in STAGES.items() for name in names]
    reference = bundle.calibration.good_parts
    limit = alarm_limit(reference, len(judged), false_alarms / len(measures))
    good = {**bundle.usual, "score": bundle.calibration.good_scores}
    return [
        _track(stage, name, np.array([_value(row, name) for row in judged]), np.array(good[name]), limit)
        for stage, name in measures
    ]


def alarm_limit(reference: int, images: int, rate: float) -> float:
    """Distance that the worst window of a shift of `images` exceeds with a chance of `rate`, nothing having moved.

    Args:
        reference: number of good parts that are compared with.
        images: number of images of the shift, 20 or more.
        rate: 0..1; below 1 in 1000 the largest of the simulated distances is taken.
    """
    rng = np.random.default_rng(0)
    worst = [distances(rng.random(images), rng.random(reference)).max() for _ in range(SHIFTS)]
    return float(np.quantile(worst, 1 - rate, method="higher"))


def distances(values: Values, good: Values) -> Values:
    """Kolmogorov-Smirnov distance of every window of consecutive `values` from the `good` ones, (W,) of 0..1."""
    good = np.sort(good)
    windows = np.sort(_windows(values), axis=1)
    count = windows.shape[1]
    up_to = np.searchsorted(good, windows, "right") / len(good)
    below = np.searchsorted(good, windows, "left") / len(good)
    ranks = np.arange(count)
    return np.asarray(np.maximum((ranks + 1) / count - up_to, below - ranks / count).max(1), np.float64)


def _windows(values: Values) -> Values:
    width = min(WINDOW, len(values))
    return np.lib.stride_tricks.sliding_window_view(values, width)[::STEP]


def _track(stage: str, name: str, values: Values, good: Values, limit: float) -> Track:
    windows = _windows(values)
    ends = np.arange(len(windows)) * STEP + windows.shape[1]
    low, middle, high = (float(q) for q in np.percentile(good, (5, 50, 95)))
    return Track(stage, name, (low, middle, high), ends, np.median(windows, 1), distances(values, good), limit)


def _value(row: Row, name: str) -> float:
    if name == "score":
        return float(row.score or 0.0)
    return float(row.masked if name == "masked" else getattr(row.conditions, name))


def render_drift(tracks: Sequence[Track], bundle: Bundle, *, images: int, false_alarms: float) -> str:
    """Write the page: what moved, and a plot over time of each measure."""
    return render_sheet(
        "drift.html", "Drift",
        model=bundle.model_id, images=images, false_alarms=false_alarms, good_parts=bundle.calibration.good_parts,
        tracks=[(track, plots.plot(_draw(track), size=(9.5, 1.9))) for track in tracks],
        moved=sorted({track.stage for track in tracks if track.alarm}, key=list(STAGES).index), missing=plots.MISSING,
        window=WINDOW,
    )  # fmt: skip


def _draw(track: Track) -> plots.Draw:
    def draw(axes: "Axes") -> None:
        low, middle, high = track.usual
        axes.axhspan(low, high, color=shade(GREY), alpha=0.18, lw=0, label="90 % of good parts")
        axes.axhline(middle, color=shade(GREY), lw=1, ls="--")
        axes.plot(track.ends, track.medians, color=shade(BLUE), lw=1.5, label="median of the window")
        above = track.distances > track.limit
        axes.plot(track.ends[above], track.medians[above], "o", color=shade(VERMILION), ms=4, label="alarm")
        axes.set(xlabel="image", ylabel=track.measure)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))

    return draw
