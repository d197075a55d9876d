"""Tint: the colour of a part without its brightness, where stains, rust and another paint show.

Two differences of colour channels tell it (the opponent colours of van de Sande et al. 2010, IEEE TPAMI 32:1582,
section 3.1). What light changes is mostly brightness: it does not stand out in them as a fault does.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.places import Sums
from models.variants import of_variant

OPPONENTS = ((1.0, -1.0, 0.0), (0.5, 0.5, -1.0))
"""Weights of red, green and blue: red against green, and yellow against blue."""

COARSE = 2
"""Pixels of the working frame along a side of one of the tint: cameras and JPEG know colour no finer."""

WHITE = 255
"""Grey level of white; black is 0."""


class Tint(nn.Module):
    """Knows the tint of good parts at each place.

    Args:
        size: width and height of the working frame, pixels.
        variants: of the good part; each has its own.
    """

    def __init__(self, size: tuple[int, int], variants: int = 1) -> None:
        super().__init__()
        self.register_buffer("opponents", torch.tensor(OPPONENTS)[:, :, None, None] * WHITE)
        self.register_buffer("usual", torch.zeros(variants, len(OPPONENTS), size[1] // COARSE, size[0] // COARSE))

    def learn(self, parts: Iterable[tuple[Tensor, Tensor, Tensor]]) -> None:
        """Set the mean of good parts: of each what `forward` takes."""
        sums = [Sums() for _ in self.get_buffer("usual")]
        for image, kept, variant in parts:
            sums[int(variant)].add(*self._seen(image, kept))
        for usual, found in zip(self.get_buffer("usual"), sums, strict=True):
            usual.copy_(found.mean()[0].half())

    def forward(self, image: Tensor, kept: Tensor, variant: Tensor) -> tuple[Tensor, Tensor]:
        """How far tints are off, in grey levels, and what of each place is compared.

        Args:
            image: (N, 3, h, w) RGB, 0..1.
            kept: (N, 1, h, w), 1 where pixels are compared, else 0.
            variant: (N,) the number of the variant of each.

        Returns:
            (N, 2, h / COARSE, w / COARSE) and (N, 1, h / COARSE, w / COARSE), 0..1.
        """
        tint, share = self._seen(image, kept)
        return tint - of_variant(self.get_buffer("usual"), variant), share

    def _seen(self, image: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        share = F.avg_pool2d(kept, COARSE)
        tint = F.conv2d(F.avg_pool2d(image * kept, COARSE), self.get_buffer("opponents"))
        return tint / share.clamp(min=1 / COARSE**2), share
