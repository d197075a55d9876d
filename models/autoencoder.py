"""The denoising autoencoder: frozen features in, the features and the image of a good part out."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.backbone import CHANNELS
from models.norm import SharedNorm


class Autoencoder(nn.Module):
    """Reconstructs a good part's features, and its image, through a bottleneck at stride 16.

    No skip connection carries fine detail past the bottleneck: with one, cracks and scratches are copied into the
    reconstruction. A learned embedding of the position gives back the sharpness that a fixed, registered part allows.

    Args:
        size: width and height of the working frame, pixels; multiples of 32.
        width: channels at stride 16; finer scales have a half and a quarter.
        bottleneck: channels that carry what is seen; few of them cannot carry a fault into the reconstruction.
    """

    def __init__(self, size: tuple[int, int], *, width: int, bottleneck: int) -> None:
        super().__init__()
        columns, rows = size[0] // 16, size[1] // 16
        self.squeeze = nn.Conv2d(sum(CHANNELS), bottleneck, 1)
        self.enter = nn.Conv2d(bottleneck, width, 1)
        self.place = nn.ParameterList(
            nn.Parameter(torch.randn(1, channels, rows * scale, columns * scale) * 0.02)
            for channels, scale in ((width, 1), (16, 2), (8, 4))
        )
        self.coarse = nn.Sequential(Mixer(width), Mixer(width))
        self.context = nn.Sequential(nn.AvgPool2d(2), Mixer(width), Mixer(width), Mixer(width))
        self.join = nn.Sequential(Mixer(width), Mixer(width))
        self.middle = nn.Sequential(nn.Conv2d(width + 16, width // 2, 1), Mixer(width // 2), Mixer(width // 2))
        self.fine = nn.Sequential(nn.Conv2d(width // 2 + 8, width // 4, 1), Mixer(width // 4), Mixer(width // 4))
        self.heads = nn.ModuleList(
            nn.Conv2d(channels, out, 1) for channels, out in zip((width // 4, width // 2, width), CHANNELS, strict=True)
        )
        self.paint = nn.Sequential(Mixer(width // 4), nn.Conv2d(width // 4, 48, 3, padding=1), nn.PixelShuffle(4))

    def forward(self, maps: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Reconstruct.

        Args:
            maps: standardised features of strides 4, 8 and 16, as `Backbone` gives them.

        Returns:
            Reconstructed features, shaped like `maps`, and the image (N, 3, H, W), about 0..1.
        """
        together = torch.cat([F.avg_pool2d(maps[0], 4), F.avg_pool2d(maps[1], 2), maps[2]], dim=1)
        coarse = self.coarse(self.enter(self.squeeze(together)) + self.place[0])
        coarse = self.join(coarse + _double(self.context(coarse)))
        middle = self.middle(self._placed(coarse, 1))
        fine = self.fine(self._placed(middle, 2))
        features = [head(x) for head, x in zip(self.heads, (fine, middle, coarse), strict=True)]
        return features, torch.sigmoid(self.paint(fine))

    def _placed(self, x: Tensor, level: int) -> Tensor:
        place = self.place[level].expand(len(x), -1, -1, -1)
        return torch.cat([_double(x), place], dim=1)


class Mixer(nn.Module):
    """A residual block: depthwise 5x5, then a pointwise bottleneck (ConvNeXt, Liu et al. 2022, arXiv:2201.03545)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False),
            SharedNorm(channels),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.ReLU6(inplace=True),
            nn.Conv2d(2 * channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.body(x)
        return y


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
