"""Measurement system analysis of the attributive check: does it judge the same part alike, and rightly?

The measures are those of AIAG MSA (4th edition, 2010, chapter III C); the uncertainty range follows VDA 5 (2021).
Shots of one part are no independent parts: intervals rest on the number of parts, not of images (Clopper-Pearson; for
the kappas with the agreement by chance taken as known).
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.calibration import interval
from pipeline.exceptions import UsageError
from pipeline.groups import group_names
from pipeline.rows import Row
from pipeline.verdict import Verdict


@dataclass(frozen=True)
class Part:
    """All shots of one part.

    Attributes:
        name: as in the reference.
        good: reference verdict.
        passed: (T,) which shots were called OK; REVIEW, NG and ERROR did not pass.
        scores: (T,) of the shots; NaN where there is none.
    """

    name: str
    good: bool
    passed: NDArray[np.bool_]
    scores: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """(T,) which shots agree with the reference."""
        return np.asarray(self.passed == self.good)


@dataclass(frozen=True)
class Measure:
    """One figure of the analysis.

    Attributes:
        name: the standard's term.
        value: shares 0..1, kappas -1..1.
        low: lower end of its 95 % interval.
        high: upper end.
        judged: acceptable, marginal or not acceptable by the limits of AIAG.
        meaning: one line for those who do not know the term.
    """

    name: str
    value: float
    low: float
    high: float
    judged: str
    meaning: str


@dataclass(frozen=True)
class Repeatability:
    """Spread of the score over shots of one part.

    Attributes:
        deviation: pooled standard deviation within the parts nearest to the threshold.
        low: lower end of the uncertainty range about the threshold: threshold - 2 deviations (k = 2).
        high: upper end.
        inside: parts whose mean score lies in that range: another shot may change their verdict.
        share: part of the whole variance of the scores that comes from repetition, 0..1.
    """

    deviation: float
    low: float
    high: float
    inside: tuple[str, ...]
    share: float


def read_parts(rows: Sequence[Row], reference: Path, pattern: str) -> list[Part]:
    """Put the shots of each part together and give them the reference verdict.

    Args:
        rows: results on all shots.
        reference: CSV with the columns `part` and `verdict` (OK or NG), a line a part.
        pattern: regular expression that finds the name of the part in the path of each image.

    Raises:
        UsageError: the reference cannot be used, or lacks a part.
    """
    truth = _read_reference(reference)
    names = group_names(pattern, [row.image for row in rows])
    missing = sorted(set(names) - truth.keys())
    if missing:
        raise UsageError(f"{reference}: has no line for part {missing[0]!r}; add it, or change --part")
    return [
        _part(name, truth[name], [row for row, found in zip(rows, names, strict=True) if found == name])
        for name in dict.fromkeys(names)
    ]


def _part(name: str, good: bool, rows: Sequence[Row]) -> Part:
    passed = np.array([row.verdict is Verdict.OK for row in rows])
    return Part(name, good, passed, np.array([math.nan if row.score is None else row.score for row in rows]))


def _read_reference(path: Path) -> dict[str, bool]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            return {line["part"]: _is_good(path, lines.line_num, line["verdict"]) for line in lines}
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: is no CSV with the columns part and verdict ({error})") from error


def _is_good(path: Path, line: int, word: str | None) -> bool:
    if (word or "").strip().upper() not in (Verdict.OK, Verdict.NG):
        raise UsageError(f"{path}: line {line}: the verdict is {word!r}; write OK or NG")
    return str(word).strip().upper() == Verdict.OK


def analyse(parts: Sequence[Part]) -> list[Measure]:
    """Effectiveness, miss rate, false-alarm rate, and the kappas of Cohen and Fleiss.

    Raises:
        UsageError: there is no good part, no bad part, or a part with a single shot.
    """
    single = next((part.name for part in parts if len(part.passed) < 2), None)
    if single is not None:
        raise UsageError(f"part {single!r} has one image; each part is to be taken two times or more")
    good, bad = ([part for part in parts if part.good is wanted] for wanted in (True, False))
    if not good or not bad:
        raise UsageError(f"{len(good)} good and {len(bad)} bad parts: an analysis needs both")
    wrong = [float(1 - part.right.mean()) for part in parts]
    return [
        _share(
            "effectiveness",
            [float(part.right.all()) for part in parts],
            (0.9, 0.8),
            "parts judged rightly in every shot",
        ),
        _share(
            "miss rate", [w for w, p in zip(wrong, parts, strict=True) if not p.good], (0.02, 0.05), "bad shots passed"
        ),
        _share(
            "false-alarm rate",
            [w for w, p in zip(wrong, parts, strict=True) if p.good],
            (0.05, 0.1),
            "good shots held up",
        ),
        _cohen(parts),
        _fleiss(parts),
    ]


def _share(name: str, values: Sequence[float], limits: tuple[float, float], meaning: str) -> Measure:
    """A mean over parts; `limits` are those of acceptable and marginal, in that order."""
    value = float(np.mean(values))
    sign = 1 if limits[0] > limits[1] else -1
    judged = _judged([sign * value >= sign * limit for limit in limits])
    return Measure(name, value, *interval(value * len(values), len(values)), judged, meaning)


def _judged(kept: Sequence[bool]) -> str:
    return "acceptable" if kept[0] else "marginal" if kept[1] else "not acceptable"


def _cohen(parts: Sequence[Part]) -> Measure:
    """Cohen 1960, Educational and Psychological Measurement 20:37: shots against the reference."""
    passed = np.concatenate([part.passed for part in parts])
    good = np.repeat([part.good for part in parts], [len(part.passed) for part in parts])
    by_chance = passed.mean() * good.mean() + (1 - passed.mean()) * (1 - good.mean())
    agreed = float((passed == good).mean())
    return _kappa("Cohen's kappa", agreed, float(by_chance), len(parts), "agreement with the reference beyond chance")


def _fleiss(parts: Sequence[Part]) -> Measure:
    """Fleiss 1971, Psychological Bulletin 76:378: shots of a part among each other, any number of them."""
    counts = np.array([(part.passed.sum(), (~part.passed).sum()) for part in parts])
    shots = counts.sum(1)
    agreed = float((((counts**2).sum(1) - shots) / (shots * (shots - 1))).mean())
    by_chance = float(((counts.sum(0) / counts.sum()) ** 2).sum())
    return _kappa("Fleiss' kappa", agreed, by_chance, len(parts), "agreement of the shots of a part beyond chance")


def _kappa(name: str, agreed: float, by_chance: float, parts: int, meaning: str) -> Measure:
    """Without any variation chance agrees always, and kappa is 1 by convention."""
    bounds = (agreed, *interval(agreed * parts, parts))
    value, low, high = ((rate - by_chance) / (1 - by_chance) if by_chance < 1 else 1.0 for rate in bounds)
    return Measure(name, value, low, high, _judged([value > 0.75, value > 0.4]), meaning)


def repeatability(parts: Sequence[Part], threshold: float) -> Repeatability:
    """How far the score of one part moves from shot to shot, and whose verdict hangs on that.

    The deviation is that of the half of the parts nearest to the threshold: the spread grows with the score, and far
    from the threshold it matters to no verdict.

    Raises:
        UsageError: too few shots have a score.
    """
    scored = {part.name: part.scores[np.isfinite(part.scores)] for part in parts}
    scored = {name: scores for name, scores in scored.items() if len(scores)}
    means = {name: float(scores.mean()) for name, scores in scored.items()}
    nearest = sorted(scored, key=lambda name: abs(means[name] - threshold))[: (len(scored) + 1) // 2]
    deviation = math.sqrt(_within([scored[name] for name in nearest]))
    low, high = threshold - 2 * deviation, threshold + 2 * deviation
    inside = tuple(name for name, mean in means.items() if low <= mean <= high)
    whole = float(np.var(np.concatenate(list(scored.values())), ddof=1))
    share = min(1.0, _within(list(scored.values())) / whole) if whole else 0.0
    return Repeatability(deviation, low, high, inside, share)


def _within(scores: Sequence[NDArray[np.float64]]) -> float:
    """Pooled variance within parts."""
    freedom = sum(len(shots) - 1 for shots in scores)
    if not freedom:
        raise UsageError("no part has two shots with a score; there is no repeatability to be found")
    return sum(float(((shots - shots.mean()) ** 2).sum()) for shots in scores) / freedom
