"""Deviations averaged over squares of several sizes: what is faint but long or wide adds up, and grain does not.

A shallow dent or a hairline on rough casting stands out at none of its pixels, a stain in none of their colours. Its
mean over a square of about its size does, against how far those of good parts are off there; as nobody knows the size,
all are looked at.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.places import Sums, certainty_of
from models.rounding import to_multiples

LEAST_SEEN = 0.3
"""Share of a square that must be compared for its mean to say something."""

LEAST_AROUND = 0.5
"""Share of a place that must be compared for anything there to say something: slivers between what is not are dim."""

PRIOR_IMAGES = 20
"""A square's own variance weighs as much as its neighbourhood's after this many parts."""

FLOOR = 0.3
"""Part of the average deviation that is added everywhere."""


class Pooling(nn.Module):
    """Knows how far means over squares of good parts are off, and tells it of others.

    Args:
        size: width and height of the maps that are averaged, pixels.
        channels: C of the maps.
        sides: of the squares, pixels of the maps; the first is 1, and each twice the one before.
        stride: pixels of the maps along a side of a place that it tells of.
    """

    def __init__(self, size: tuple[int, int], channels: int, sides: Sequence[int], stride: int) -> None:
        super().__init__()
        self._sides, self._stride = tuple(sides), stride
        for side in sides:
            self.register_buffer(f"certainty_{side}", torch.ones(1, channels, size[1] // side, size[0] // side))

    def learn(self, parts: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Set what good parts show, from how far each is off and where it is compared, as in `forward`."""
        sums = [Sums() for _ in self._sides]
        for off, kept in parts:
            for found, mean in zip(sums, self._means(off, kept), strict=True):
                found.add(*mean)
        for side, found in zip(self._sides, sums, strict=True):
            usual, deviation, known = found.usual(PRIOR_IMAGES)
            about_0 = (deviation.square() + usual.square()).sqrt()  # as off is
            self.get_buffer(f"certainty_{side}").copy_(to_multiples(certainty_of(about_0, known, FLOOR)))

    def forward(self, off: Tensor, kept: Tensor) -> Tensor:
        """How far means are off, in deviations of those of good parts; 0 where nothing is compared.

        Args:
            off: (N, C, h, w), how far each pixel is off.
            kept: (N, 1, h, w), the share of it that is compared.

        Returns:
            (N, C len(sides), h / stride, w / stride), for each side and channel the highest there.
        """
        maps = [self._off(side, *mean) for side, mean in zip(self._sides, self._means(off, kept), strict=True)]
        return torch.cat(maps, dim=1) * (F.avg_pool2d(kept, self._stride) >= LEAST_AROUND)

    def _off(self, side: int, mean: Tensor, seen: Tensor) -> Tensor:
        found = mean.abs() * self.get_buffer(f"certainty_{side}") * seen
        if side <= self._stride:
            return F.max_pool2d(found, self._stride // side)
        return F.interpolate(found, scale_factor=float(side // self._stride), mode="nearest")

    def _means(self, off: Tensor, kept: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """For each side, means over what is compared of squares, and 1 where enough of them is, else 0."""
        total, share = off * kept, kept
        for side in self._sides:
            yield total / share.clamp(min=LEAST_SEEN), (share >= LEAST_SEEN).float()
            if side < self._sides[-1]:
                total, share = F.avg_pool2d(total, 2), F.avg_pool2d(share, 2)
