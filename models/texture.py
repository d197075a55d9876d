"""Texture: what the frozen network sees of the detail, place by place, beside what good parts show there.

At the working size the features of a thin scratch, or of a bubble under a label, are those of the grain around it. At
one and a half times that size they are not, once all that goes together on good parts at a place is known: the whole
covariance of features (PaDiM: Defard et al. 2021, arXiv:2011.08785), here of a few places beside each other, which have
means of their own. No reconstruction is needed for it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.backbone import CHANNELS, Backbone
from models.levels import LEVELS, SSIM, smooth
from models.variants import of_variant
from pipeline.lighting import DETAIL

ZOOM = 1.5
"""How much larger than the working frame it is looked at: twice as large takes twice as long and finds no more."""

STRIDE = 8
"""Pixels of that size along a side of a place."""

EARLY_CHANNELS = sum(CHANNELS[:2])
"""Of the features at strides 4 and 8; those at 16 have lost what is fine."""

BESIDE = 2
"""Places along a side of a block, which share a covariance: all features in blocks tell more than half of them at each
place, in as much room."""

BANDS = 8
"""Bands of rows that lower triangles are kept in, each without the zeros that all its rows end with: more of them take
less room, but longer."""


class Texture(nn.Module):
    """Knows the texture of good parts at each place, and tells how far that of others is off.

    Args:
        size: width and height of the working frame, pixels; multiples of 32.
        variants: of the good part; each has means of its own.
    """

    def __init__(self, size: tuple[int, int], variants: int = 1) -> None:
        super().__init__()
        columns, rows = (round(ZOOM * side) // STRIDE for side in size)
        self._finest = torch.Size(side // LEVELS[SSIM] for side in reversed(size))
        self.register_buffer("whitening", torch.eye(EARLY_CHANNELS)[:, :, None, None])
        self.register_buffer("centre", torch.zeros(variants * EARLY_CHANNELS, 1, rows, columns))
        for number, band in enumerate(in_bands(torch.eye(EARLY_CHANNELS).expand(rows * columns // BESIDE**2, -1, -1))):
            self.register_buffer(f"axes_{number}", band.contiguous())

    @property
    def axes(self) -> list[Tensor]:
        """Lower triangles that make the features of good parts white in each block, as `in_bands` cuts them."""
        return [self.get_buffer(f"axes_{number}") for number in range(BANDS)]

    def features(self, backbone: Backbone, detail: Tensor) -> Tensor:
        """Features of the detail, (N, EARLY_CHANNELS, rows, columns), white over all places.

        Args:
            backbone: the frozen network.
            detail: (N, 1, 2 h, 2 w) uint8, as in `Frame`.
        """
        return F.conv2d(features_of(backbone, detail), self.get_buffer("whitening"))

    def forward(self, features: Tensor, variant: Tensor) -> Tensor:
        """(N, 1, h / 4, w / 4) Mahalanobis distances from what good parts of the variants, (N,), show there."""
        centre = self.get_buffer("centre").view(-1, *features.shape[1:])
        blocks = _in_blocks(features - of_variant(centre, variant))
        along = torch.cat([band[:, 0] @ blocks[:, : band.shape[-1]] for band in self.axes], dim=1)
        lengths = torch.linalg.vector_norm(along, dim=1) / EARLY_CHANNELS**0.5
        maps = _out_of_blocks(lengths, features.shape[2:])
        return F.interpolate(maps, size=self._finest, mode="nearest")  # what lies between two places is no less far off


def features_of(backbone: Backbone, detail: Tensor) -> Tensor:
    """(N, EARLY_CHANNELS, rows, columns): features of the detail, (N, 1, 2 h, 2 w) uint8, at strides 4 and 8."""
    zoomed = F.interpolate(detail.float() / 255, scale_factor=ZOOM / DETAIL, mode="bilinear", align_corners=False)
    four, eight = backbone.early(zoomed)
    return smooth(torch.cat([F.avg_pool2d(four, 2), eight], dim=1))


def in_bands(axes: Tensor) -> list[Tensor]:
    """Lower triangles, (P, D, D), as BANDS tensors, (P, 1, D / BANDS, ...): all of the rows but what is 0 in a band."""
    height = axes.shape[1] // BANDS
    return [band[:, None, :, : height * (number + 1)] for number, band in enumerate(axes.split(height, dim=1))]


def _in_blocks(maps: Tensor) -> Tensor:
    """(N, C, rows, columns) as (blocks, C, places of a block and images)."""
    placed: Tensor = F.pixel_unshuffle(maps, BESIDE).unflatten(1, (-1, BESIDE**2))
    return placed.flatten(3).permute(3, 1, 2, 0).flatten(2)


def _out_of_blocks(lengths: Tensor, size: torch.Size) -> Tensor:
    """(blocks, places of a block and images) as (N, 1, rows, columns)."""
    rows, columns = (side // BESIDE for side in size)
    placed = lengths.unflatten(1, (BESIDE**2, -1)).permute(2, 1, 0).unflatten(2, (rows, columns))
    return F.pixel_shuffle(placed, BESIDE)
