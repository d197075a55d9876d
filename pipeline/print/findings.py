"""What is said about the print itself, each with a tolerance learned from good parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_SIGMAS: Final = 6.0  # a good part in 500 million, were the measure normal
_HEADROOM: Final = 1.5  # ... and it is not: the extremes seen, and half as much again
_BLOT: Final = 0.05  # of a code's contrast: no damage that matters is fainter
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
            f"code in zone '{name}' damaged though readable: {measure.flaw:.0%} of its contrast off in one place, "
            f"at most {limits.flaw:.0%} expected",
        )
    return ()


@dataclass
class Spread:
    """Mean, deviation and extremes of a stream (Welford 1962)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")

    def add(self, value: float) -> None:
        """Take in one value."""
        self.count += 1
        delta = value - self.mean
        self.mean += delta / self.count
        self.squares += delta * (value - self.mean)
        self.low, self.high = min(self.low, value), max(self.high, value)

    def limits(self, *, sigmas: float = _SIGMAS, slack: float = 0.0) -> tuple[float, float]:
        """How far good parts go: `sigmas` deviations or the extremes with headroom, and `slack` more."""
        spread = sigmas * (self.squares / self.count) ** 0.5
        below = max(spread, _HEADROOM * (self.mean - self.low)) + slack
        above = max(spread, _HEADROOM * (self.high - self.mean)) + slack
        return self.mean - below, self.mean + above


@dataclass
class LimitsLearner:
    """Learns the limits of one zone from a stream of good parts' measures."""

    ink: Spread = field(default_factory=Spread)
    contrast: Spread = field(default_factory=Spread)
    flaw: Spread = field(default_factory=Spread)
    readable: int = 0
    symbologies: set[str] = field(default_factory=set)
    lengths: tuple[int, int] = (0, 0)

    def add(self, measure: Measure) -> None:
        """Take in what one good part shows."""
        self.ink.add(measure.ink)
        self.contrast.add(measure.contrast)
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
            readable=self.readable / self.ink.count,
            symbologies=tuple(sorted(self.symbologies)),
            lengths=self.lengths,
            flaw=self.flaw.limits(slack=_BLOT)[1] if self.flaw.count else 1.0,
        )
