"""What is known of many images: of a hundred thousand all are in memory, so numbers are kept in one array."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one image.

    Attributes:
        image: path relative to the folder, with `/`.
        day, camera: when and by what it was taken, as far as its metadata, its path or the file's date tell.
        problem: why it cannot be used at all; empty where it can.
        digest: the first 64 bits of the file's SHA-256; 0 where there is a problem.
        width, height: pixels.
        brightness, contrast, focus: see `pipeline.quality.Conditions`.
        pose: correlation with the reference after registration, -1..1.
        unlike: grey levels by which its small picture departs from what the sample shows.
        turned: degrees by which its image has to be turned to register; 0 where that does not help.
        suspicion: 0 for an ordinary image; from 1 on, look at it.
        findings: what is wrong with it, in words.
    """

    image: str
    day: str
    camera: str
    problem: str = ""
    digest: int = 0
    width: int = 0
    height: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    focus: float = 0.0
    pose: float = 0.0
    unlike: float = 0.0
    turned: int = 0
    suspicion: float = 0.0
    findings: tuple[str, ...] = ()


NUMBERS = np.dtype(
    [("digest", np.uint64), ("width", np.uint32), ("height", np.uint32), ("turned", np.uint16)]
    + [(name, np.float32) for name in ("brightness", "contrast", "focus", "pose", "unlike", "suspicion")]
)
"""What `Seen` holds in numbers."""


class Ledger:
    """What is known of each image: numbers in one array, words only where there are any.

    Attributes:
        names: of the images, in their order.
        numbers: (N,) of NUMBERS.
        problems: why some images cannot be used at all, by their index.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.numbers = np.zeros(len(names), NUMBERS)
        self.problems: dict[int, str] = {}
        self._findings: dict[int, tuple[str, ...]] = {}
        self._shot = np.zeros(len(names), np.uint32)
        self._shots: list[tuple[str, str]] = []
        self._place: dict[tuple[str, str], int] = {}  # of each in that list

    @classmethod
    def of(cls, seen: Sequence[Seen]) -> "Ledger":
        """A ledger with an entry an image."""
        ledger = cls([one.image for one in seen])
        for index, one in enumerate(seen):
            ledger.enter(index, one)
        return ledger

    def enter(self, index: int, seen: Seen) -> None:
        """Write down what was seen of an image."""
        self.numbers[index] = tuple(getattr(seen, name) for name in NUMBERS.names or ())
        shot = (seen.day, seen.camera)
        if shot not in self._place:
            self._place[shot] = len(self._shots)
            self._shots.append(shot)
        self._shot[index] = self._place[shot]
        if seen.problem:
            self.problems[index] = seen.problem

    def judge(self, index: int, suspicion: float, findings: Iterable[str]) -> None:
        """Write down what is wrong with an image."""
        self.numbers["suspicion"][index] = suspicion
        self._findings[index] = tuple(findings)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Seen]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> Seen:
        day, camera = self._shots[self._shot[index]]
        numbers = dict(zip(NUMBERS.names or (), self.numbers[index].item(), strict=True))
        problem, findings = self.problems.get(index, ""), self._findings.get(index, ())
        return Seen(self.names[index], day, camera, problem=problem, findings=findings, **numbers)

    def members(self) -> Iterator[tuple[str, str, NDArray[np.void]]]:
        """Day, camera and numbers of the images that were taken together, in the order of days."""
        for (day, camera), place in sorted(self._place.items()):
            yield day, camera, self.numbers[self._shot == place]


@dataclass(frozen=True)
class Group:
    """Images of one day and camera: how many, how many are suspicious, and the median of each measure."""

    day: str
    camera: str
    images: int
    suspicious: int
    brightness: float
    contrast: float
    focus: float
    pose: float


MEDIANS = ("brightness", "contrast", "focus", "pose")


def groups(ledger: Ledger) -> list[Group]:
    """The groups by day and camera, in the order of days."""
    return [_group(*members) for members in ledger.members()]


def _group(day: str, camera: str, numbers: NDArray[np.void]) -> Group:
    placed = numbers[numbers["pose"] != 0]
    medians = [float(np.median(placed[name])) if len(placed) else 0.0 for name in MEDIANS]
    return Group(day, camera, len(numbers), int((numbers["suspicion"] >= 1).sum()), *medians)
