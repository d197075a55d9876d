from collections.abc import Iterator

import pytest
import torch

from models.averages import KINDS, LESSONS, Averages, Seen
from pipeline.framing import PRINT

SIZE, PARTS = (64, 48), 20
FIRST = torch.zeros(1, dtype=torch.int64)
FAULT = (slice(None), slice(None), slice(16, 24), slice(32, 40))
LARGE = (slice(None), slice(None), slice(32, 48), slice(64, 80))


def part(number: int) -> Seen:
    """An orange plate with its own grain."""
    draw = torch.Generator().manual_seed(number)
    image = torch.tensor((0.7, 0.5, 0.2))[None, :, None, None] + 0.02 * torch.randn((1, 3, 48, 64), generator=draw)
    off = torch.randn((1, 1, 96, 128), generator=draw)
    return Seen(image, torch.zeros(1, 1, 48, 64, dtype=torch.uint8), off, FIRST)


@pytest.fixture(scope="module")
def averages() -> Averages:
    made, told = Averages(SIZE), [0]

    def parts() -> Iterator[Seen]:
        for number in range(PARTS):
            told[0] += 1
            yield part(number)

    made.learn(parts)
    assert told[0] == LESSONS * PARTS
    return made


def highest(averages: Averages, seen: Seen) -> tuple[float, float]:
    """Of brightness and of tint, of those at the fault's place."""
    found = averages(seen)
    assert found.shape == (1, sum(KINDS), 12, 16)
    grey, tint = found[..., 4:6, 8:10].split(KINDS, dim=1)
    return float(grey.max()), float(tint.max())


def test_a_dent_shows_in_brightness_and_a_stain_in_tint(averages: Averages) -> None:
    good, dented, stained = (part(99) for _ in range(3))
    dented.off[LARGE] += 1.0
    stained.image[FAULT] += torch.tensor((0.03, -0.03, 0.0))[None, :, None, None]
    (grey, tint), dent, stain = (highest(averages, seen) for seen in (good, dented, stained))
    assert dent[0] > 3 * grey
    assert dent[1] == tint
    assert stain[0] == grey
    assert stain[1] > 3 * tint


def test_print_is_not_compared(averages: Averages) -> None:
    printed = part(99)
    printed.ignored[FAULT] = PRINT
    assert highest(averages, printed) == (0, 0)
