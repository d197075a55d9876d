"""What is said about the print itself, each with a tolerance learned from good parts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SIGMAS: Final = 6.0  # a good part in 500 million, were the measure normal
_HEADROOM: Final = 1.5  # ... and it is not: the extremes seen, and half as much again
_SLIPPED_IN: Final = 0.01  # share of the good parts that may not be
_BLOT: Final = 0.02  # of a code's contrast: no damage that matters is fainter
_READABLE: Final = 0.995  # a code that more good parts than this lacked has no right to raise a finding


@dataclass(frozen=True)
class Measure:
    """What one image shows in one zone.

    Attributes:
        ink: share of the zone's varying pixels that are ink, 0..1.
        contrast: of the ink to its ground, grey levels, 0..255.
        symbology: of the decoded code; empty if none was decoded.
        length: characters of the decoded code.
        flaw: how far the worst place of the decoded code is from what it should look like, 0..1; None if not known.
    """

    ink: float
    contrast: float
    symbology: str = ""
    length: int = 0
    flaw: float | None = None


@dataclass(frozen=True)
class Limits:
    """What good parts show in one zone. The defaults allow everything."""

    ink: tuple[float, float] = (0.0, 1.0)
    contrast: tuple[float, float] = (0.0, 255.0)
    readable: float = 0.0
    symbologies: tuple[str, ...] = ()
    lengths: tuple[int, int] = (0, 0)
    flaw: float = 1.0


def judge(name: str, measure: Measure, limits: Limits) -> tuple[str, ...]:
    """Findings in words on the zone called `name`; empty for a good part."""
    return (*_judge_ink(name, measure, limits), *_judge_code(name, measure, limits))


def _judge_ink(name: str, measure: Measure, limits: Limits) -> tuple[str, ...]:
    low, high = limits.ink
    if measure.ink < low:
        return (f"print in zone '{name}' missing: ink {measure.ink:.3f} of the zone, at least {low:.3f} expected",)
    if measure.ink > high:
        return (f"print in zone '{name}' smeared: ink {measure.ink:.3f} of the zone, at most {high:.3f} expected",)
    if measure.contrast < limits.contrast[0]:
        return (
            f"print in zone '{name}' faded: contrast {measure.contrast:.0f}, "
            f"at least {limits.contrast[0]:.0f} expected",
        )
    return ()


def _judge_code(name: str, measure: Measure, limits: Limits) -> tuple[str, ...]:
    if limits.readable < _READABLE:
        return ()
    if not measure.symbology:
        return (f"code in zone '{name}' not readable",)
    if measure.symbology not in limits.symbologies:
        return (f"code in zone '{name}' is a {measure.symbology}, not a {' or '.join(limits.symbologies)}",)
    low, high = limits.lengths
    if not low <= measure.length <= high:
        return (f"code in zone '{name}' has {measure.length} characters, {low} to {high} expected",)
    if measure.flaw is not None and measure.flaw > limits.flaw:
        return (
            f"code in zone '{name}' damaged though readable: {measure.flaw:.1%} of its contrast off in one place, "
            f"at most {limits.flaw:.1%} expected",
        )
    return ()


class Spread:
    """What good parts show of one measure, in each of the same looks: of thousands at most that teach the print."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._values: list[tuple[float, ...]] = []

    def __len__(self) -> int:
        return len(self._values)

    def add(self, *values: float) -> None:
        """Take in what one part shows, a value a look."""
        self._values.append(values)

    def limits(self, *, sigmas: float = _SIGMAS, slack: float = 0.0) -> tuple[float, float]:
        """How far good parts go, in whichever look that is farther: see `_limits`."""
        low, high = np.transpose([_limits(look, sigmas, slack) for look in np.transpose(self._values)])
        return float(low.min()), float(high.max())


def _limits(values: NDArray[np.float64], sigmas: float, slack: float) -> tuple[float, float]:
    """`sigmas` deviations or the extremes with headroom, and `slack` more.

    One value of a hundred is left out, those farthest from the median: of a bad part that slipped in.
    """
    kept = values[np.argsort(np.abs(values - np.median(values)))[: math.ceil((1 - _SLIPPED_IN) * len(values))]]
    mean, spread = kept.mean(), sigmas * kept.std()
    below = max(spread, _HEADROOM * (mean - kept.min())) + slack
    above = max(spread, _HEADROOM * (kept.max() - mean)) + slack
    return float(mean - below), float(mean + above)


@dataclass
class LimitsLearner:
    """Learns the limits of one zone from a stream of good parts' measures."""

    ink: Spread = field(default_factory=Spread)
    contrast: Spread = field(default_factory=Spread)
    flaw: Spread = field(default_factory=Spread)
    readable: int = 0
    symbologies: set[str] = field(default_factory=set)
    lengths: tuple[int, int] = (0, 0)

    def add(self, measure: Measure, defocused: Measure) -> None:
        """Take in what one good part shows, as it was taken and out of focus.

        What its code says, and how clean it is, is learned from the part as it was taken.
        """
        self.ink.add(measure.ink, defocused.ink)
        self.contrast.add(measure.contrast, defocused.contrast)
        if measure.flaw is not None:
            self.flaw.add(measure.flaw)
        if not measure.symbology:
            return
        low, high = self.lengths if self.readable else (measure.length, measure.length)
        self.lengths = (min(low, measure.length), max(high, measure.length))
        self.readable += 1
        self.symbologies.add(measure.symbology)

    def limits(self) -> Limits:
        """The limits so far; needs at least one measure."""
        return Limits(
            ink=self.ink.limits(),
            contrast=self.contrast.limits(),
            readable=self.readable / len(self.ink),
            symbologies=tuple(sorted(self.symbologies)),
            lengths=self.lengths,
            flaw=self.flaw.limits(slack=_BLOT)[1] if len(self.flaw) else 1.0,
        )
