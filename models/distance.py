"""How far features are off at each position, and all over, measured by how those of good parts vary."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.backbone import CHANNELS
from models.levels import FEATURES, LEVELS, features_kept, resize, smooth
from models.variants import of_variant

JOINT = 64
"""Dimensions that differences of all levels are projected to: those in which faults stand out most from good parts."""

USUAL = 8
"""Directions at each position along which good parts differ, and along which a difference therefore says little."""


class Distance(nn.Module):
    """Mahalanobis distances of features seen from features expected.

    What good parts show is a buffer: at each position the mean and how differences vary about it, principal components
    and the noise around them (Tipping and Bishop 1999, J. R. Stat. Soc. B 61:611); and the same of their mean.

    Args:
        size: width and height of the working frame.
        variants: of the good part; each has means of its own.
    """

    def __init__(self, size: tuple[int, int], variants: int) -> None:
        super().__init__()
        columns, rows = (side // LEVELS[FEATURES] for side in size)
        self.register_buffer("projection", torch.eye(JOINT, sum(CHANNELS))[:, :, None, None])
        self.register_buffer("centre", torch.zeros(variants, JOINT, rows, columns))
        self.register_buffer("directions", torch.zeros(USUAL, JOINT, rows, columns))
        self.register_buffer("discount", torch.zeros(1, USUAL, rows, columns))
        self.register_buffer("noise", torch.ones(1, 1, rows, columns))
        self.register_buffer("whole_centre", torch.zeros(variants, JOINT))
        self.register_buffer("whole_axes", torch.eye(JOINT))

    def project(self, differences: list[Tensor]) -> Tensor:
        """Differences at strides 4, 8 and 16 in the dimensions in which faults stand out, (N, JOINT, H/8, W/8)."""
        return F.conv2d(joined(differences), self.get_buffer("projection"))

    def forward(self, projected: Tensor, variant: Tensor) -> Tensor:
        """(N, 1, H/8, W/8) distances from what good parts of the variants, (N,), show at the same position."""
        off = projected - of_variant(self.get_buffer("centre"), variant)
        for number, direction in enumerate(self.get_buffer("directions").unbind(0)):
            along = (off * direction).sum(1, keepdim=True)
            off = off - self.get_buffer("discount")[:, number, None] * along * direction
        return (off.square().mean(1, keepdim=True) / self.get_buffer("noise") + 1e-6).sqrt()

    def whole(self, mean: Tensor, variant: Tensor) -> Tensor:
        """(N,) distances of `mean_difference`, (N, JOINT), from those of good parts.

        Wear, dirt and another material change little at each place, but the same everywhere.
        """
        return length_of((mean - of_variant(self.get_buffer("whole_centre"), variant)) @ self.get_buffer("whole_axes"))


def joined(differences: list[Tensor]) -> Tensor:
    """Differences at strides 4, 8 and 16 together at stride 8, (N, C, H/8, W/8)."""
    four, eight, sixteen = differences
    return smooth(torch.cat([F.avg_pool2d(four, 2), eight, resize(sixteen, eight.shape[-2:])], dim=1))


def mean_difference(projected: Tensor, ignored: Tensor) -> Tensor:
    """(N, JOINT): the mean over all that is compared of `Distance.project`; `ignored` as in `Frame`, (N, 1, H, W)."""
    kept = F.avg_pool2d(features_kept(ignored), LEVELS[FEATURES])
    return (projected * kept).sum((2, 3)) / (kept.sum((2, 3)) + 1e-6)


def length_of(vectors: Tensor) -> Tensor:
    """(N,) root of the mean square of (N, k)."""
    return (vectors.square().mean(1) + 1e-6).sqrt()
