"""From raw residuals to a score, in units of what good parts show."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.levels import DETAILED, LEVELS, SSIM, places_kept, resize

WEIGHTS = (1.0, 0.25, 0.25)
"""What a deviation in each of `LEVELS` but the last counts; how much one there does is learned from good parts."""

BACKGROUND = 0.25
"""Quantile of an image's evidence that tells how much of it is there all over: no fault covers three quarters."""

EDGES, EVERY = 0.05, 2
"""Share of the places that tell how far the detail of a whole image is off, and of how many rows and columns one is
looked at for that: where the shot is out of focus all edges are off, far more places than a hairline has."""

BROAD = 0.02
"""Share of the places that tell how far the pooled deviations of a whole image are off."""

SUMMARIES = 4
"""What is scored of an image: its highest evidence, its mean evidence, how far it is off as a whole, and the highest of
its pooled deviations."""

WHOLE, POOLED = 2, 3
"""Places of the last two."""

MEAN_WEIGHT = 0.25
"""Weight of the mean evidence of an image beside that of one place."""

POOLED_WEIGHT = 1.0
"""Weight of the highest pooled deviation."""


class Residuals(NamedTuple):
    """How far N images are off.

    Attributes:
        levels: one (N, 1, h, w) map for each of `LEVELS`, raw.
        pooled: (N, K, h, w), as `models.pooling.Pooling` tells.
        whole: (N,) how far they are off as a whole.
    """

    levels: list[Tensor]
    pooled: Tensor
    whole: Tensor

    @classmethod
    def together(cls, found: Sequence["Residuals"]) -> "Residuals":
        """Those of several images, one after the other."""
        levels, pooled, wholes = zip(*found, strict=True)
        return cls([torch.cat(level) for level in zip(*levels, strict=True)], torch.cat(pooled), torch.cat(wholes))

    def of(self, images: Tensor | slice) -> "Residuals":
        """Those of some of the images."""
        return Residuals([level[images] for level in self.levels], self.pooled[images], self.whole[images])


class Scoring(nn.Module):
    """Residuals in, score out. Buffers keep how high on good parts residuals are at each position, and evidence is.

    Args:
        size: width and height of the working frame.
        sizes: K, over how many sizes deviations are pooled.
    """

    def __init__(self, size: tuple[int, int], sizes: int) -> None:
        super().__init__()
        for level, stride in enumerate(LEVELS):
            shape = (1, 1, size[1] // stride, size[0] // stride)
            self.register_buffer(f"usual_{level}", torch.zeros(shape))
            self.register_buffer(f"spread_{level}", torch.ones(shape))
        for name in ("detail_usual", "detail_most", "detail_share"):
            self.register_buffer(name, torch.ones(()))
        self.register_buffer("pooled_usual", torch.zeros(1, sizes, 1, 1))
        for name in ("pooled_spread", "pooled_level", "pooled_most"):
            self.register_buffer(name, torch.ones(1, sizes, 1, 1))
        for name in ("background_usual", "background_most"):
            self.register_buffer(name, torch.zeros(()))
        self.register_buffer("background_share", torch.zeros(SUMMARIES))
        self.register_buffer("summary_usual", torch.zeros(SUMMARIES))
        self.register_buffer("summary_spread", torch.ones(SUMMARIES))

    def in_deviations(self, residuals: list[Tensor], ignored: Tensor) -> list[Tensor]:
        """Residuals in deviations from what good parts show at the same position; 0 where nothing is compared.

        Args:
            residuals: raw, one (N, 1, h, w) map for each of LEVELS.
            ignored: (N, 1, H, W) uint8, as in `Frame`.
        """
        return [
            (found - self.get_buffer(f"usual_{level}")) / self.get_buffer(f"spread_{level}") * kept
            for level, (found, kept) in enumerate(zip(residuals, places_kept(ignored), strict=True))
        ]

    def standardise(self, residuals: list[Tensor], ignored: Tensor) -> list[Tensor]:
        """As `in_deviations`, without what the shot, and not the part, has done to the detail.

        Defocus and noise multiply all of it.
        """
        *levels, detail = self.in_deviations(residuals, ignored)
        raised = _raised(detail_level(detail), self.get_buffer("detail_usual"), self.get_buffer("detail_most"))
        return [*levels, detail / raised[:, None, None, None]]

    def steady(self, pooled: Tensor) -> Tensor:
        """Pooled deviations, (N, K, h, w), without what the shot, and not the part, has done to all of them."""
        return pooled / _raised(pooled_level(pooled), self.get_buffer("pooled_level"), self.get_buffer("pooled_most"))

    def joined(self, pooled: Tensor) -> Tensor:
        """(N, 1, h, w): the farthest off of all sizes; their highest on good parts have median 0, 90th percentile 1."""
        in_spreads = (self.steady(pooled) - self.get_buffer("pooled_usual")) / self.get_buffer("pooled_spread")
        return in_spreads.amax(1, keepdim=True)

    def evidence(self, standardised: list[Tensor], pooled: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
        """What speaks against the part, as a map and in numbers.

        Args:
            standardised: residual maps, one for each of LEVELS.
            pooled: as `joined` returns it.
            whole: (N,) how far the images are off as a whole.

        Returns:
            (N, 1, H/4, W/4), the sum of levels, or where it is higher the detail's evidence: a hairline shows there
            alone; and (N, SUMMARIES + 1), the highest of it, which any small fault raises, the sum's mean, which large
            ones raise, the whole, the highest pooled deviation, and the sum's background.
        """
        total = sum_of_levels(standardised)
        places = total.flatten(1)
        lowest = places.topk(int(BACKGROUND * places.shape[1]), dim=1, largest=False).values
        found = torch.maximum(total, self.get_buffer("detail_share") * standardised[DETAILED])
        return found, torch.stack(
            [found.flatten(1).amax(1), places.mean(1), whole, pooled.flatten(1).amax(1), lowest.amax(1)], dim=1
        )

    def settle(self, summaries: Tensor) -> Tensor:
        """(N, SUMMARIES) without what the shot, and not the part, has put there.

        Light, noise or compression raise the evidence everywhere, the background too, and the highest by so much for
        each unit of it. Beyond what disturbed good parts show, a background is the part's own.
        """
        raised = summaries[:, SUMMARIES] - self.get_buffer("background_usual")
        raised = torch.minimum(raised.clamp(min=0), self.get_buffer("background_most"))
        return summaries[:, :SUMMARIES] - raised[:, None] * self.get_buffer("background_share")

    def score(self, summaries: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of summaries; for each of them, settled, good parts have median 0, 90th percentile 1.

        The whole says nothing about most faults, and counts where it is farther off than good parts are.

        Returns:
            (N,) scores, and what of each the part as a whole has added, (N,), 0 or more.
        """
        settled = self.settle(summaries)
        in_spreads = (settled - self.get_buffer("summary_usual")) / self.get_buffer("summary_spread")
        peak, overall, whole, pooled = in_spreads.unbind(1)
        all_over = (whole - 1).clamp(min=0)
        return peak + MEAN_WEIGHT * overall + all_over + POOLED_WEIGHT * pooled, all_over

    def spread_out(self, evidence: Tensor, pooled: Tensor, score: Tensor) -> Tensor:
        """(N, h, w): evidence and pooled deviations, (N, 1, h, w), as a map whose highest place has the score."""
        spread = self.get_buffer("summary_spread")
        together = (evidence / spread[0] + POOLED_WEIGHT * pooled / spread[POOLED])[:, 0]
        return score[:, None, None] + (together - together.amax((1, 2), keepdim=True))


def sum_of_levels(standardised: list[Tensor]) -> Tensor:
    """(N, 1, H/4, W/4): the weighted sum of all levels but the detail's; a fault shows in each, noise in one."""
    finest = standardised[SSIM].shape[-2:]
    weighted = [w * resize(level, finest) for w, level in zip(WEIGHTS, standardised[:DETAILED], strict=True)]
    return torch.stack(weighted).sum(0)


def detail_level(detail: Tensor) -> Tensor:
    """(N,) what a twentieth of all places exceed, of the detail in deviations, (N, 1, h, w)."""
    return _exceeded(detail[..., ::EVERY, ::EVERY].flatten(1), EDGES)


def pooled_level(pooled: Tensor) -> Tensor:
    """(N, K, 1, 1) what a fiftieth of all places exceed, of pooled deviations, (N, K, h, w)."""
    return _exceeded(pooled.flatten(2), BROAD)[..., None, None]


def _exceeded(places: Tensor, share: float) -> Tensor:
    """(...) what this share of places, (..., P), exceeds."""
    return places.topk(max(1, int(share * places.shape[-1])), dim=-1).values.amin(-1)


def _raised(level: Tensor, usual: Tensor, most: Tensor) -> Tensor:
    """How many times higher than usual a level is: from 1, for what is no higher, to the most that a shot may do."""
    return torch.minimum((level / usual).clamp(min=1), most)
