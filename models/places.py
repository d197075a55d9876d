"""What good parts show at each place of a map, where not every part shows every place."""

import torch
from torch import Tensor
from torch.nn import functional as F


class Sums:
    """Sums over maps of parts, place by place, from which mean and deviation follow."""

    def __init__(self) -> None:
        self._count: Tensor = torch.zeros(())
        self._total: Tensor = torch.zeros(())
        self._squares: Tensor = torch.zeros(())

    def add(self, found: Tensor, kept: Tensor) -> None:
        """Count (N, 1, h, w) maps, each place by the share of it that is compared, `kept`."""
        values, weights = found.double(), kept.double()
        self._count = self._count + weights.sum(0, keepdim=True)
        self._total = self._total + (values * weights).sum(0, keepdim=True)
        self._squares = self._squares + (values.square() * weights).sum(0, keepdim=True)

    def mean(self) -> Tensor:
        """(1, C, h, w) over the parts on which a place is compared; where none shows it, that of its neighbourhood."""
        nearby = _around(self._total) / _around(self._count).clamp(min=1e-6)
        return torch.where(self._count < 1, nearby, self._total / self._count.clamp(min=1e-6))

    def usual(self, prior: float) -> tuple[Tensor, Tensor, Tensor]:
        """Mean and deviation at each place over the parts on which it is compared, and by how many both are known.

        Where few parts show a place, its neighbourhood says more than they do: the variance is the mean of its
        posterior (scaled inverse chi-square; Gelman et al., Bayesian Data Analysis, 2.6), and that of a part yet to
        come.

        Args:
            prior: after how many parts a place's own variance weighs as much as its neighbourhood's.

        Returns:
            (1, 1, h, w) each.
        """
        count = self._count
        free = (count - 1).clamp(min=0)
        squares = (self._squares - self._total.square() / count.clamp(min=1e-6)).clamp(min=0)
        average = squares.sum() / free.sum().clamp(min=1e-6)
        nearby = (_around(squares) + average) / (_around(free) + 1)
        variance = (squares + prior * nearby) / (free + prior)
        deviation = (variance * (1 + 1 / count.clamp(min=1))).sqrt()
        return self.mean().float(), deviation.float(), _around(count).float()


def certainty_of(deviation: Tensor, known: Tensor, floor: float) -> Tensor:
    """What one unit off counts at a place: one over its deviation and a part of the average one.

    No place is certain beyond that part; one that no good part shows, nor anything near it, counts nothing: nobody
    knows what it should look like.

    Args:
        deviation, known: as `Sums.usual` returns them.
        floor: the part.
    """
    average = (deviation * known).sum() / known.sum().clamp(min=1e-6)
    return (known > 0) / (deviation + floor * average + 1e-4)


def _around(maps: Tensor) -> Tensor:
    return F.avg_pool2d(maps, 7, stride=1, padding=3, count_include_pad=False)
