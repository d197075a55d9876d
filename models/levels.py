"""The levels of residual maps: their strides, and which of their places are compared."""

import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.framing import UNCOMPARED

LEVELS = (8, 4, 4, 4)
"""Strides of the residual maps: distance of features, SSIM, segmentation head, detail head."""

FEATURES, SSIM, SEGMENTED, DETAILED = range(4)
"""Their places in a list of residual maps."""

BESIDE = 9
"""Pixels along a side of what an uncompared pixel keeps from averages."""


def pixels_kept(ignored: Tensor) -> Tensor:
    """Weights, 1 where pixels are compared, of `ignored` as in `Frame`."""
    return (ignored == 0).float()


def features_kept(ignored: Tensor) -> Tensor:
    """Weights, 1 where features are compared, which they are on print too, of `ignored` as in `Frame`."""
    return (ignored != UNCOMPARED).float()


def greys_kept(ignored: Tensor) -> Tensor:
    """As `pixels_kept`, without what lies beside pixels that are not compared for another reason than print."""
    return pixels_kept(ignored) * tints_kept(ignored)


def tints_kept(ignored: Tensor) -> Tensor:
    """As `features_kept`, without what lies beside pixels that are not compared.

    Beside what is burnt out, pixels are dim themselves, by little, but all of them.
    """
    uncompared = 1 - features_kept(ignored)
    return 1 - F.max_pool2d(uncompared, BESIDE, stride=1, padding=BESIDE // 2)


def places_kept(ignored: Tensor) -> list[Tensor]:
    """(N, 1, h, w) for each of LEVELS: the share of each place that is compared; `ignored` as in `Frame`."""
    kept = [pixels_kept(ignored)] * len(LEVELS)
    kept[FEATURES] = features_kept(ignored)
    return [F.avg_pool2d(pixels, stride) for pixels, stride in zip(kept, LEVELS, strict=True)]


def smooth(maps: Tensor) -> Tensor:
    """Means over 3x3 places."""
    return F.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)


def resize(maps: Tensor, size: torch.Size) -> Tensor:
    """Maps of another level's height and width, between whose places they are interpolated."""
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
