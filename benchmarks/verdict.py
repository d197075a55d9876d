"""Does the verdict keep what it promises? `python -m benchmarks.verdict RESULTS...`, at the root.

RESULTS are the `results.csv` of `goodparts inspect MODEL DATASET/test`; good parts lie in `good/`, bad ones in a folder
for each defect. A calibration sees a random part of the good parts of a set; the whole set is the truth that its
promise speaks of. The promise is kept in a split if at most the promised share of the set is called.
"""

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import ndtr

from pipeline.calibration import Calibration, Goal, calibrate_scores, interval
from pipeline.evaluation import defect_of
from pipeline.exceptions import UsageError
from pipeline.groups import find_groups
from pipeline.results import read_rows
from pipeline.rows import Row
from pipeline.verdict import Verdict

SPLITS = 200
DRAWS = 1000
SIZES = (40, 299, 2995)
WANTED = 0.05
"""False-call rate of the splits: with some hundred good parts a lower one allows none above, whatever the method."""

Scores = NDArray[np.float64]
NONE = np.zeros(0)


def good_scores(rows: list[Row]) -> tuple[Scores, NDArray[np.bool_]]:
    """Scores of the good parts, and which are called for another reason."""
    good = [row for row in rows if defect_of(row) is None and row.score is not None]
    return np.array([row.score for row in good]), np.array([bool(row.findings or row.doubts) for row in good])


def share_called(scores: Scores, otherwise: NDArray[np.bool_], calibration: Calibration) -> float:
    """Share of good parts that are not OK at a calibration's threshold."""
    return float(((scores > calibration.threshold) | otherwise).mean())


def splits(rows: list[Row], group: str | None, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Promised rate, rate on the whole set and rate on the parts held out, in each of `SPLITS` random halves."""
    scores, otherwise = good_scores(rows)
    names = [row.image for row in rows if defect_of(row) is None and row.score is not None]
    groups = np.arange(len(names)) if group is None else find_groups(group, names)
    found = []
    for _ in range(SPLITS):
        side = rng.permutation(groups.max() + 1) % 2 == 0
        seen = side[groups]
        calibration = calibrate_scores(
            scores[seen], NONE, Goal(false_calls=WANTED), otherwise=otherwise[seen], groups=groups[seen]
        )
        rest = share_called(scores[~seen], otherwise[~seen], calibration)
        found.append((calibration.promised, share_called(scores, otherwise, calibration), rest))
    return found


def coverage_table(sets: dict[str, list[Row]], group: str | None) -> Table:
    """How often the promise is kept over random halves of the good parts of each set."""
    title = f"{SPLITS} random halves{f', groups by {group}' if group else ''}; goal {WANTED:.0%} false calls"
    table = Table("set", "good", "promised", "kept in", "95 % interval", "seen in the set", "in the rest", title=title)
    for name, rows in sets.items():
        found = np.array(splits(rows, group, np.random.default_rng(0)))
        kept = int((found[:, 1] <= found[:, 0]).sum())
        low, high = interval(kept, SPLITS)
        promised, seen, rest = found.mean(0)
        count = len(good_scores(rows)[0])
        cells = (f"{promised:.2%}", f"{kept / SPLITS:.1%}", f"{low:.1%} to {high:.1%}", f"{seen:.2%}", f"{rest:.2%}")
        table.add_row(name, str(count), *cells)
    return table


def size_table(sets: dict[str, list[Row]]) -> Table:
    """What a number of good parts promises at the default setting, and what happens then.

    Parts are drawn with replacement where the set is too small. The drawn set has scores of a known distribution:
    the bound rests on ranks, so that it does not matter which.
    """
    drawn = np.random.default_rng(1).gumbel(size=1_000_000)
    pools = {name: good_scores(rows) for name, rows in sets.items()} | {"drawn": (drawn, np.zeros(len(drawn), bool))}
    table = Table("set", "calibrated on", "promised", "seen, mean", "seen, worst of 20", title="Number of good parts")
    for name, (scores, otherwise) in pools.items():
        for size in SIZES:
            rng = np.random.default_rng(size)
            picks = [rng.choice(len(scores), size, replace=size > len(scores)) for _ in range(20)]
            found = [calibrate_scores(scores[pick], NONE, Goal(), otherwise=otherwise[pick]) for pick in picks]
            seen = [share_called(scores, otherwise, calibration) for calibration in found]
            promised = float(np.mean([calibration.promised for calibration in found]))
            note = "" if size <= len(scores) else ", with replacement"
            table.add_row(name, f"{size}{note}", f"{promised:.2%}", f"{np.mean(seen):.2%}", f"{max(seen):.2%}")
    return table


def drawn_table() -> Table:
    """How often the promise is kept where the truth is known exactly: normal scores, with likeness within groups."""
    table = Table("groups", "parts in each", "likeness", "kept in", "kept if groups are ignored", title="Drawn parts")
    for number, size, likeness in ((75, 1, 0.0), (299, 1, 0.0), (20, 10, 0.3), (40, 10, 0.7), (10, 30, 0.3)):
        rng, groups = np.random.default_rng(number), np.repeat(np.arange(number), size)
        kept = np.zeros(2)
        for _ in range(DRAWS):
            shared = rng.normal(size=number)[groups]
            scores = np.sqrt(likeness) * shared + np.sqrt(1 - likeness) * rng.normal(size=len(groups))
            for which, known in enumerate((groups, None)):
                calibration = calibrate_scores(scores, NONE, Goal(false_calls=WANTED), groups=known)
                kept[which] += ndtr(-calibration.threshold) <= calibration.promised
        table.add_row(str(number), str(size), f"{likeness}", *(f"{share:.1%}" for share in kept / DRAWS))
    return table


def mistake_table(sets: dict[str, list[Row]]) -> Table:
    """Escapes and false calls as the model set its thresholds, with and without the grey zone."""
    columns = ("set", "grey zone", "escapes", "95 % interval", "false calls", "95 % interval", "for review")
    table = Table(*columns, title="Escapes and false calls at the setting of the model")
    for name, rows in sets.items():
        good = [row for row in rows if defect_of(row) is None]
        bad = [row for row in rows if defect_of(row) is not None]
        for zone in (True, False):
            escaped = sum(_passed(row, zone) for row in bad)
            called = sum(not _passed(row, zone) for row in good)
            review = sum(row.verdict is Verdict.REVIEW for row in rows) if zone else 0
            cells = (cell for hits, of in ((escaped, bad), (called, good)) for cell in _rate(hits, len(of)))
            table.add_row(name, "on" if zone else "off", *cells, f"{review} of {len(rows)}")
    return table


def _passed(row: Row, zone: bool) -> bool:
    """Whether a part passes: with the grey zone only if it is OK, without it unless it is NG."""
    return row.verdict is Verdict.OK or (not zone and row.verdict is Verdict.REVIEW)


def _rate(events: int, trials: int) -> tuple[str, str]:
    if not trials:
        return "-", "-"
    low, high = interval(events, trials)
    return f"{events} of {trials} = {events / trials:.1%}", f"{low:.1%} to {high:.1%}"


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--group", help="Regular expression for grouped splits as well.")
def main(results: tuple[Path, ...], group: str | None) -> None:
    """Measure coverage over random splits, what numbers of good parts promise, and the mistakes made."""
    console = Console(width=140)
    try:
        sets = {path.parent.as_posix(): read_rows([path]) for path in results}
        console.print(coverage_table(sets, None))
        if group:
            console.print(coverage_table(sets, group))
        console.print(drawn_table())
        console.print(size_table(sets))
        console.print(mistake_table(sets))
    except UsageError as error:
        raise SystemExit(f"benchmarks.verdict: {error}") from error


if __name__ == "__main__":
    main()
