"""A small segmentation head: which differences between what is seen and what is expected are faults.

Trained on synthetic corruptions, as in DRAEM (Zavrtanik et al. 2021, arXiv:2108.07610), but on differences alone: it
never sees the image itself, so it cannot learn what synthetic faults look like, only how far off the good part is.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.autoencoder import Mixer
from models.backbone import CHANNELS

PATCH = 4
"""Pixels along a side that become one position: the stride of the logits."""


class Segmenter(nn.Module):
    """Logits of a fault at stride 4.

    Args:
        size: width and height of the working frame, pixels; multiples of 32.
        width: channels at stride 4.
    """

    def __init__(self, size: tuple[int, int], *, width: int) -> None:
        super().__init__()
        self.narrow = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in CHANNELS)
        self.pixels = nn.Conv2d(3 * PATCH**2, width, 1)
        self.place = nn.Parameter(torch.zeros(1, width, size[1] // PATCH, size[0] // PATCH))
        self.coarse = nn.Sequential(Mixer(width), Mixer(width))
        self.fine = nn.Sequential(Mixer(width), Mixer(width))
        self.decide = nn.Conv2d(width, 1, 1)
        self.decide.bias = nn.Parameter(torch.tensor([-4.0]))  # faults are rare: start from there

    def forward(self, differences: list[Tensor], unpainted: Tensor) -> Tensor:
        """Judge every position.

        Args:
            differences: features seen minus features expected, strides 4, 8 and 16.
            unpainted: (N, 3, H, W) image minus its reconstruction.

        Returns:
            (N, 1, H/4, W/4) logits.
        """
        four, eight, sixteen = (narrow(found) for narrow, found in zip(self.narrow, differences, strict=True))
        fine = four + self._patches(unpainted) + self.place
        coarse = self.coarse(eight + _double(sixteen) + F.avg_pool2d(fine, 2))
        logits: Tensor = self.decide(self.fine(fine + _double(coarse)))
        return logits

    def _patches(self, unpainted: Tensor) -> Tensor:
        """`pixels` on each patch, as a convolution with its stride: sorting pixels into channels would cost more."""
        kernel = self.pixels.weight.view(-1, 3, PATCH, PATCH)
        return F.conv2d(unpainted, kernel, self.pixels.bias, stride=PATCH)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
