"""Plots for the reports, drawn by matplotlib as SVG: sharp on screen and on paper.

matplotlib is an extra. Without it a report has its tables and pictures, and says in place of the plots how to get them.
"""

import base64
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.drawing import BLUE, GREY, PURPLE, VERMILION, Colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scores = NDArray[np.float64]
Draw = Callable[["Axes"], None]

MISSING = 'plots need matplotlib: pip install "goodparts[report]"'
STYLE: dict[Any, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "goodparts",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e0e0e0",
    "axes.axisbelow": True,
    "legend.frameon": False,
}
POINTS = 1000


def available() -> bool:
    """Whether plots can be drawn."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


def plot(draw: Draw, *, size: tuple[float, float] = (3.7, 3.5)) -> str | None:
    """Draw one plot of `size` inches, as a data URI of an SVG; None where matplotlib is not installed."""
    if not available():
        return None
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        data = io.BytesIO()
        figure.savefig(data, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(data.getvalue()).decode()


def roc(good: Scores, bad: Scores, threshold: float) -> Draw:
    """Share of bad parts found over the share of false calls, and the working point on it."""

    def draw(axes: "Axes") -> None:
        at = _thresholds(good, bad)
        axes.plot(_above(good, at), _above(bad, at), color=shade(BLUE), lw=2, drawstyle="steps-post")
        here = _above(good, [threshold])[0], _above(bad, [threshold])[0]
        axes.plot(
            *here, "o", color=shade(VERMILION), ms=8, label=f"threshold: {here[1]:.1%} found, {here[0]:.1%} called"
        )
        axes.set(xlabel="good parts called (score alone)", ylabel="bad parts found", xlim=(-0.01, 1), ylim=(0, 1.02))
        _legend(axes)
        _percent(axes, "xy")

    return draw


def trade_off(good: Scores, bad: Scores, threshold: float, reject: float) -> Draw:
    """False calls and escapes over the threshold: what moving it would buy and cost."""

    def draw(axes: "Axes") -> None:
        with _score_axis(axes, good, bad, threshold, reject) as edges:
            axes.plot(edges, _above(good, edges), color=shade(BLUE), lw=2, label="false calls")
            axes.plot(edges, 1 - _above(bad, edges), color=shade(VERMILION), lw=2, ls="--", label="escapes")
            axes.set(xlabel="threshold", ylabel="share of good / bad parts", yscale="symlog")
            axes.set_yscale("symlog", linthresh=0.01)
            axes.set(ylim=(0, 1.1), yticks=[0, 0.005, 0.01, 0.05, 0.1, 0.5, 1])
            _percent(axes, "y")

    return draw


def histogram(good: Scores, bad: Scores, threshold: float, reject: float) -> Draw:
    """How the scores of good and bad parts lie about the thresholds."""

    def draw(axes: "Axes") -> None:
        with _score_axis(axes, good, bad, threshold, reject) as edges:
            bins = np.linspace(edges[0], edges[-1], 41)
            for scores, colour, name in ((good, BLUE, "good"), (bad, VERMILION, "bad")):
                shown = np.clip(scores, bins[0], bins[-1])
                weights = np.full(len(shown), 1 / len(shown))
                axes.hist(shown, list(bins), weights=weights, color=shade(colour), alpha=0.65, label=name)
            axes.set(xlabel="score (last bar: and above)", ylabel="share of good / bad parts")
            _percent(axes, "y")

    return draw


@contextmanager
def _score_axis(
    axes: "Axes", good: Scores, bad: Scores, threshold: float, reject: float
) -> Iterator[NDArray[np.float64]]:
    """Lay out an axis of scores with the grey zone; yields scores from the lowest to well above the zone."""
    every = np.concatenate([good, bad])
    low = float(every[np.isfinite(every)].min(initial=0.0))
    yield np.linspace(low, reject + 1.5 * (reject - low), POINTS)
    axes.axvspan(threshold, reject, color=shade(PURPLE), alpha=0.25, lw=0, label="REVIEW")
    axes.axvline(threshold, color=shade(GREY), lw=1)
    axes.axvline(reject, color=shade(GREY), lw=1)
    _legend(axes)


def shade(colour: Colour) -> tuple[float, float, float]:
    """A colour as matplotlib wants it."""
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def _thresholds(good: Scores, bad: Scores) -> Scores:
    every = np.unique(np.concatenate([good, bad]))[::-1]
    kept = every[np.unique(np.linspace(0, len(every) - 1, POINTS).astype(int))]
    return np.concatenate([[np.inf], kept, [-np.inf]])


def _above(scores: Scores, thresholds: Scores | Sequence[float]) -> Scores:
    """Share of the scores above each threshold."""
    return np.asarray(1 - np.searchsorted(np.sort(scores), thresholds, "right") / len(scores), np.float64)


def _legend(axes: "Axes") -> None:
    """Above the plot, where it hides nothing."""
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=1.2, columnspacing=1.0)


def _percent(axes: "Axes", which: str) -> None:
    for name in which:
        getattr(axes, f"{name}axis").set_major_formatter(lambda share, _: f"{100 * share:g} %")
