"""Deviations averaged over squares of several sizes: what is faint but long or wide adds up, and grain does not.

A shallow dent or a hairline on rough casting stands out at none of its pixels. Its mean over a square of about its size
does, against how far those of good parts are off there; as nobody knows the size, all are looked at.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.detail import STRIDE
from models.places import Sums, spread_of
from pipeline.lighting import DETAIL

SIDES = (2, 4, 8, 16)
"""Pixels of the detail along a side of the squares: of a pixel of the working frame, and doubled again and again."""

LEAST_SEEN = 0.3
"""Share of a square that must be compared for its mean to say something."""

LEAST_AROUND = 0.5
"""Share of a place that must be compared for anything there to say something: slivers between what is not are dim."""

UNKNOWN = 1e4
"""Deviation, at the most, that 16 bits are to hold: of squares that no good part shows."""

PRIOR_IMAGES = 20
"""A square's own variance weighs as much as its neighbourhood's after this many parts."""

FLOOR = 0.3
"""Part of the average deviation that is added everywhere."""


class Pooling(nn.Module):
    """Knows how far means over squares of good parts are off, and tells it of others.

    Args:
        size: width and height of the working frame, pixels.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.grid = (DETAIL * size[1] // STRIDE, DETAIL * size[0] // STRIDE)
        for side in SIDES:
            shape = (1, 1, DETAIL * size[1] // side, DETAIL * size[0] // side)
            self.register_buffer(f"spread_{side}", torch.ones(shape))

    def learn(self, parts: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Set what good parts show, from the deviations of each and where its pixels are compared, as in `forward`."""
        sums = [Sums() for _ in SIDES]
        for off, kept in parts:
            for found, mean in zip(sums, _means(off, kept), strict=True):
                found.add(*mean)
        for side, found in zip(SIDES, sums, strict=True):
            usual, deviation, known = found.usual(PRIOR_IMAGES)
            spread = spread_of((deviation.square() + usual.square()).sqrt(), known, FLOOR)  # about 0, as off is
            self.get_buffer(f"spread_{side}").copy_(spread.clamp(max=UNKNOWN).half())

    def forward(self, off: Tensor, kept: Tensor) -> Tensor:
        """How far means are off, in deviations of those of good parts; 0 where nothing is compared.

        Args:
            off: (N, 1, 2 h, 2 w) deviations of the detail's pixels.
            kept: (N, 1, h, w), 1 where pixels are compared, else 0.

        Returns:
            (N, len(SIDES), 2 h / STRIDE, 2 w / STRIDE), for each size the highest there.
        """
        maps = [self._off(side, *mean) for side, mean in zip(SIDES, _means(off, kept), strict=True)]
        return torch.cat(maps, dim=1) * (F.avg_pool2d(kept, STRIDE // DETAIL) >= LEAST_AROUND)

    def _off(self, side: int, mean: Tensor, seen: Tensor) -> Tensor:
        found = mean.abs() / self.get_buffer(f"spread_{side}") * seen
        if side <= STRIDE:
            return F.max_pool2d(found, STRIDE // side)
        return F.interpolate(found, size=self.grid, mode="nearest")


def _means(off: Tensor, kept: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """For each of SIDES, means over the compared pixels of squares, and 1 where enough of them are compared, else 0."""
    total, share = F.avg_pool2d(off, DETAIL) * kept, kept
    for side in SIDES:
        yield total / share.clamp(min=LEAST_SEEN), (share >= LEAST_SEEN).float()
        if side < SIDES[-1]:
            total, share = F.avg_pool2d(total, 2), F.avg_pool2d(share, 2)
