"""The levels of residual maps: their strides, and which of their places are compared."""

import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.framing import CLIPPED, PRINT, UNCOMPARED

LEVELS = (8, 4, 4, 4, 4)
"""Strides of the residual maps: distance of features, SSIM, segmentation head, detail head, texture."""

FEATURES, SSIM, SEGMENTED, DETAILED, TEXTURED = range(5)
"""Their places in a list of residual maps."""

FINE = (DETAILED, TEXTURED)
"""Those of the detail. What blur and grain change of it, they change everywhere, and by far more than a fault does."""

BESIDE, FAR_BESIDE = 9, 26
"""Pixels along a side of what an uncompared pixel keeps from averages of brightness, and of tint: where a label is
burnt out but for its print, each channel is so to another degree."""


def pixels_kept(ignored: Tensor) -> Tensor:
    """Weights, 1 where pixels are compared, of `ignored` as in `Frame`."""
    return (ignored < PRINT).float()


def features_kept(ignored: Tensor) -> Tensor:
    """Weights, 1 where features are compared, which they are on print too, of `ignored` as in `Frame`."""
    return (ignored != UNCOMPARED).float()


def greys_kept(ignored: Tensor) -> Tensor:
    """As `pixels_kept`, without what lies beside pixels that are not compared for another reason than print.

    Beside what is burnt out, pixels are dim themselves, by little, but all of them.
    """
    uncompared = 1 - features_kept(ignored)
    return pixels_kept(ignored) * (1 - F.max_pool2d(uncompared, BESIDE, stride=1, padding=BESIDE // 2))


def tints_kept(ignored: Tensor) -> Tensor:
    """As `greys_kept`, without what lies farther beside them, to two pixels."""
    uncompared, reach = F.max_pool2d(1 - features_kept(ignored), 2), FAR_BESIDE // 2
    beside = F.max_pool2d(uncompared, reach, stride=1, padding=reach // 2)
    return (ignored == 0).float() * (1 - F.interpolate(beside, scale_factor=2.0, mode="nearest"))


def textures_kept(ignored: Tensor) -> Tensor:
    """As `features_kept`, but nothing of a shot that is burnt out somewhere: its texture is another one all around."""
    burnt_out = (ignored == CLIPPED).float().amax((2, 3), keepdim=True)
    return features_kept(ignored) * (1 - burnt_out)


def places_kept(ignored: Tensor) -> list[Tensor]:
    """(N, 1, h, w) for each of LEVELS: the share of each place that is compared; `ignored` as in `Frame`."""
    kept = [pixels_kept(ignored)] * len(LEVELS)
    kept[FEATURES], kept[TEXTURED] = features_kept(ignored), textures_kept(ignored)
    return [F.avg_pool2d(pixels, stride) for pixels, stride in zip(kept, LEVELS, strict=True)]


def smooth(maps: Tensor) -> Tensor:
    """Means over 3x3 places."""
    return F.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)


def resize(maps: Tensor, size: torch.Size) -> Tensor:
    """Maps of another level's height and width, between whose places they are interpolated."""
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
