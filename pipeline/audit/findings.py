"""What is out of the ordinary among all images: each rule names images, how suspicious they are, and why."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.audit.ledger import Ledger

OUTLIER = 6.0
"""Robust deviations beyond which an image is out of the ordinary."""

MEASURES = {
    "brightness": ("too dark", "too bright", 3.0),
    "contrast": ("too little contrast", "too much contrast", 2.0),
    "focus": ("blurred", "sharper or noisier than the others", 1.0),
    "unlike": ("", "looks unlike the others: another part, another side, or a fault", 0.5),
}
"""What is said below and above the usual, and the least deviation that counts, in the unit of the measure."""

NEAR = 0.2
"""Near duplicates: nearer to each other than this share of the usual distance between neighbours, ..."""

NEAR_LEVELS = 0.25
"""... than so many grey levels of the small picture, ..."""

SAME_LIGHT = 1.0
"""... and as bright, within so many grey levels."""

Finding = tuple[int, float, str]
"""Index of an image, how suspicious it is, and why."""


def judge(ledger: Ledger, places: NDArray[np.float32], min_quality: float) -> None:
    """Write down what is out of the ordinary.

    Args:
        ledger: of all images, as they were looked at.
        places: (N, k) where their small pictures lie among each other, in grey levels.
        min_quality: correlation below which a pose is not trusted.
    """
    alike, size = _usual(ledger)
    found: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for rule in (
        _unusable(ledger, alike, size),
        _misplaced(ledger, alike, min_quality),
        _unusual(ledger, alike, min_quality),
        _seen_twice(ledger, alike, places),
    ):
        for index, suspicion, words in rule:
            found[index].append((suspicion, words))
    for index, findings in found.items():
        findings.sort(reverse=True)
        ledger.judge(index, findings[0][0], (words for _, words in findings))


def _usual(ledger: Ledger) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """(N,) whether an image is readable and of the most frequent size, and that size."""
    sizes = np.stack([ledger.numbers["width"], ledger.numbers["height"]], axis=1)
    found, counts = np.unique(sizes[sizes[:, 0] > 0], axis=0, return_counts=True)
    if not len(found):
        return np.zeros(len(ledger), np.bool_), (0, 0)
    usual = found[np.flatnonzero(counts == counts.max())[-1]]
    return (sizes == usual).all(axis=1), (int(usual[0]), int(usual[1]))


def _unusable(ledger: Ledger, alike: NDArray[np.bool_], usual: tuple[int, int]) -> Iterator[Finding]:
    for index, problem in ledger.problems.items():
        yield index, 100.0, problem
    for other in np.flatnonzero(~alike & (ledger.numbers["width"] > 0)):
        width, height = ledger.numbers["width"][other], ledger.numbers["height"][other]
        yield int(other), 50.0, f"of another size than most ({width}x{height}, most {usual[0]}x{usual[1]} px)"


def _misplaced(ledger: Ledger, alike: NDArray[np.bool_], min_quality: float) -> Iterator[Finding]:
    for index in np.flatnonzero(alike & (ledger.numbers["pose"] < min_quality)):
        turned, pose = int(ledger.numbers["turned"][index]), ledger.numbers["pose"][index]
        if turned:
            yield int(index), 40.0, f"the part lies turned by {360 - turned} degrees"
        else:
            words = f"the pose was not found (correlation {pose:.2f}): another part, another side, out of place"
            yield int(index), 30.0, words


def _unusual(ledger: Ledger, alike: NDArray[np.bool_], min_quality: float) -> Iterator[Finding]:
    placed = alike & (ledger.numbers["pose"] >= min_quality)
    for name, (below, above, least) in MEASURES.items():
        values = ledger.numbers[name].astype(np.float64)
        middle, usually = robust(values[placed])
        beyond = (values - middle) / max(usually, least / OUTLIER)
        for index in np.flatnonzero(alike & (np.abs(beyond) > OUTLIER)):
            if words := above if beyond[index] > 0 else below:
                said = f"{words} ({name} {values[index]:.3g}, most {middle:.3g})"
                yield int(index), abs(float(beyond[index])) / OUTLIER, said


def robust(values: NDArray[np.float64]) -> tuple[float, float]:
    """Median, and the deviation that the median absolute one stands for on a normal distribution; 0 of nothing."""
    if not len(values):
        return 0.0, 0.0
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))


def _seen_twice(ledger: Ledger, alike: NDArray[np.bool_], places: NDArray[np.float32]) -> Iterator[Finding]:
    copies, twins = _copies(ledger), _twins(ledger, alike, places)
    for index, first in copies.items():
        yield index, 20.0, f"the same file as {ledger.names[first]}"
    for index, other in twins.items():
        if index not in copies:
            yield index, 2.0, f"nearly the same image as {ledger.names[other]}"


def _copies(ledger: Ledger) -> dict[int, int]:
    """The first image with the same content, of those that have one."""
    digests = ledger.numbers["digest"]
    _, first, kind = np.unique(digests, return_index=True, return_inverse=True)
    again = np.flatnonzero((digests > 0) & (first[kind] != np.arange(len(digests))))
    return {int(index): int(first[kind[index]]) for index in again}


def _twins(ledger: Ledger, alike: NDArray[np.bool_], places: NDArray[np.float32]) -> dict[int, int]:
    """An earlier image that is nearly the same, of those that have one: a part shot twice, a file saved anew.

    Among good parts all images look alike; those are suspicious that are much nearer than neighbours usually are.
    """
    numbers = np.flatnonzero(alike)
    if len(numbers) < 3:
        return {}
    distances, neighbours = cKDTree(places[numbers]).query(places[numbers], k=2)
    own = np.arange(len(numbers))
    other = np.where(neighbours[:, 0] == own, neighbours[:, 1], neighbours[:, 0])
    gaps = distances.max(axis=1)
    light = ledger.numbers["brightness"][numbers]
    near = (gaps < min(NEAR_LEVELS, NEAR * float(np.median(gaps)))) & (np.abs(light - light[other]) < SAME_LIGHT)
    return {int(numbers[index]): int(numbers[other[index]]) for index in np.flatnonzero(near & (other < own))}
