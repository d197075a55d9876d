"""What is known of parts on the way to a score: raw residuals, the evidence at each place, and scores."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Residuals(NamedTuple):
    """How far N images are off.

    Attributes:
        levels: one (N, 1, h, w) map for each of `LEVELS`, raw.
        averages: (N, K, h, w), as `models.averages.Averages` tells.
        whole: (N,) how far they are off as a whole.
    """

    levels: list[Tensor]
    averages: Tensor
    whole: Tensor

    @classmethod
    def together(cls, found: Sequence["Residuals"]) -> "Residuals":
        """Those of several images, one after the other."""
        levels, averages, wholes = zip(*found, strict=True)
        return cls([torch.cat(level) for level in zip(*levels, strict=True)], torch.cat(averages), torch.cat(wholes))

    def of(self, images: Tensor | slice) -> "Residuals":
        """Those of some of the images."""
        return Residuals([level[images] for level in self.levels], self.averages[images], self.whole[images])


class Scores(NamedTuple):
    """Scores of N images, (N,) each, and what they are made of.

    Attributes:
        seen: of all that has a place, but for averages of brightness, and texture.
        added: what the parts as a whole add to that, 0 or more.
        brightness: of the averages of brightness.
        texture: what the texture adds to the higher of both, 0 or more.
    """

    seen: Tensor
    added: Tensor
    brightness: Tensor
    texture: Tensor

    @property
    def highest(self) -> Tensor:
        """The score of each image."""
        return torch.maximum(self.seen + self.added, self.brightness) + self.texture

    @property
    def all_over(self) -> Tensor:
        """What of the score the part as a whole makes, 0 or more."""
        return self.highest - torch.maximum(self.seen, self.brightness) - self.texture


class Evidence(NamedTuple):
    """What speaks against N parts, place by place, (N, 1, H/4, W/4) each.

    Attributes:
        total: the sum of levels.
        highest: that or, where it is higher, the detail's evidence: a hairline shows there alone.
        texture: of the texture.
    """

    total: Tensor
    highest: Tensor
    texture: Tensor
