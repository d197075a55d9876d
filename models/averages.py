"""Averages over squares: how far a part is off in brightness and in tint, where that is faint but long or wide."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.levels import LEVELS, SSIM, greys_kept, tints_kept
from models.pooling import Pooling
from models.tint import COARSE, OPPONENTS, Tint
from pipeline.lighting import DETAIL

SIDES = (1, 2, 4, 8)
"""Pixels along a side of the squares, of the working frame; of tint, `COARSE` times as many and without the largest."""

KINDS = (len(SIDES), len(OPPONENTS) * len(SIDES[:-1]))
"""How many averages of brightness there are of each place, and how many of tint."""

LESSONS = 3
"""How often `Averages.learn` goes through all parts."""


class Seen(NamedTuple):
    """What averages are made of.

    Attributes:
        image: (N, 3, h, w) RGB, 0..1.
        ignored: (N, 1, h, w) uint8, as in `Frame`.
        off: (N, 1, 2 h, 2 w), deviations of the detail, as `DetailHead` tells them.
        variant: (N,) the number of the variant of each.
    """

    image: Tensor
    ignored: Tensor
    off: Tensor
    variant: Tensor


class Averages(nn.Module):
    """Knows how far averages of good parts are off, and tells it of others.

    Args:
        size: width and height of the working frame, pixels.
        variants: of the good part.
    """

    def __init__(self, size: tuple[int, int], variants: int = 1) -> None:
        super().__init__()
        coarse, stride = (size[0] // COARSE, size[1] // COARSE), LEVELS[SSIM]
        self.tint = Tint(size, variants)
        self.of_greys = Pooling(size, 1, SIDES, stride)
        self.of_tints = Pooling(coarse, len(OPPONENTS), SIDES[:-1], stride // COARSE)

    def learn(self, parts: Callable[[], Iterator[Seen]]) -> None:
        """Set what good parts show, one at a time as they were taken; goes through them `LESSONS` times."""
        self.tint.learn(map(_colours, parts()))
        self.of_greys.learn(map(_greys, parts()))
        self.of_tints.learn(self.tint(*_colours(part)) for part in parts())

    def forward(self, seen: Seen) -> Tensor:
        """(N, sum(KINDS), h / 4, w / 4): how far averages are off, in deviations of good parts; see `Pooling`."""
        return torch.cat([self.of_greys(*_greys(seen)), self.of_tints(*self.tint(*_colours(seen)))], dim=1)


def _greys(seen: Seen) -> tuple[Tensor, Tensor]:
    return F.avg_pool2d(seen.off, DETAIL), greys_kept(seen.ignored)


def _colours(seen: Seen) -> tuple[Tensor, Tensor, Tensor]:
    return seen.image, tints_kept(seen.ignored), seen.variant
