"""From raw residuals to a score, in units of what good parts show."""

import torch
from torch import Tensor, nn

from models.averages import KINDS
from models.evidence import Evidence, Residuals, Scores
from models.levels import DETAILED, FINE, LEVELS, SSIM, TEXTURED, places_kept, resize

WEIGHTS = (1.0, 0.25, 0.25)
"""What a deviation in each of `LEVELS` counts, but in those of the detail: there it is learned from good parts."""

BACKGROUND = 0.25
"""Quantile of an image's evidence that tells how much of it is there all over: no fault covers three quarters."""

EDGES, EVERY = 0.05, 2
"""Share of the places that tell how far the detail of a whole image is off, or its texture, and of how many rows and
columns one is looked at for that: where the shot is out of focus all edges are off, far more places than a hairline
has."""

BROAD = 0.02
"""Share of the places that tell how far the averages of a whole image are off."""

SUMMARIES = 6
"""What is scored of an image: its highest evidence, its mean evidence, how far it is off as a whole, and the highest of
its averages of brightness, of tint, and of its texture."""

PEAK, MEAN, WHOLE, BRIGHTNESS, TINT, TEXTURE = range(SUMMARIES)
"""Their places."""

MEAN_WEIGHT = 0.25
"""Weight of the mean evidence of an image beside that of one place."""

TINT_WEIGHT = 0.5
"""Weight of the highest average of tint beside that of one place."""

TEXTURE_WEIGHT = 0.5
"""Weight of the highest texture beside that of one place."""

BRIGHTNESS_WEIGHT = 0.8
"""What a unit of the highest average of brightness counts: it stands for itself, and the rest beside it, as a camera
that has moved puts both up, the averages more than anything else."""


class Scoring(nn.Module):
    """Residuals in, score out. Buffers keep how high on good parts residuals are at each position, and evidence is.

    Args:
        size: width and height of the working frame.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        for level, stride in enumerate(LEVELS):
            shape = (1, 1, size[1] // stride, size[0] // stride)
            self.register_buffer(f"usual_{level}", torch.zeros(shape))
            self.register_buffer(f"certainty_{level}", torch.ones(shape))
        self.register_buffer("detail_share", torch.ones(()))
        for level in FINE:
            self.register_buffer(f"level_usual_{level}", torch.ones(()))
            self.register_buffer(f"level_most_{level}", torch.ones(()))
        self.register_buffer("average_usual", torch.zeros(1, sum(KINDS), 1, 1))
        for name in ("average_spread", "average_level", "average_most"):
            self.register_buffer(name, torch.ones(1, sum(KINDS), 1, 1))
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
            (found - self.get_buffer(f"usual_{level}")) * self.get_buffer(f"certainty_{level}") * kept
            for level, (found, kept) in enumerate(zip(residuals, places_kept(ignored), strict=True))
        ]

    def standardise(self, residuals: list[Tensor], ignored: Tensor) -> list[Tensor]:
        """As `in_deviations`, without what the shot, and not the part, has done to all of the detail and its texture.

        Defocus and noise multiply it.
        """
        deviations = self.in_deviations(residuals, ignored)
        for level in FINE:
            usual, most = (self.get_buffer(f"level_{what}_{level}") for what in ("usual", "most"))
            raised = times_usual(fine_level(deviations[level]), usual, most)
            deviations[level] = deviations[level] / raised[:, None, None, None]
        return deviations

    def steady(self, averages: Tensor) -> Tensor:
        """Averages, (N, K, h, w), without what the shot, and not the part, has done to all of them."""
        return averages / times_usual(
            average_level(averages), self.get_buffer("average_level"), self.get_buffer("average_most")
        )

    def joined(self, averages: Tensor) -> Tensor:
        """(N, 2, h, w): the farthest off of all averages of brightness, and of tint.

        The highest on good parts of each size have median 0, 90th percentile 1.
        """
        off = (self.steady(averages) - self.get_buffer("average_usual")) / self.get_buffer("average_spread")
        return torch.stack([kind.amax(1) for kind in off.split(KINDS, dim=1)], dim=1)

    def evidence(self, standardised: list[Tensor]) -> Evidence:
        """What speaks against the parts, of residuals as `standardise` returns them."""
        total = sum_of_levels(standardised)
        highest = torch.maximum(total, self.get_buffer("detail_share") * standardised[DETAILED])
        return Evidence(total, highest, standardised[TEXTURED])

    def summarise(self, evidence: Evidence, averages: Tensor, whole: Tensor) -> Tensor:
        """What speaks against the part, in numbers.

        Args:
            evidence: as `evidence` returns it.
            averages: (N, 2, h, w), as `joined` returns them.
            whole: (N,) how far the images are off as a whole.

        Returns:
            (N, SUMMARIES + 1): the highest evidence, which any small fault raises, the total's mean, which large ones
            raise, the whole, the highest averages, the highest texture, and the total's background.
        """
        places = evidence.total.flatten(1)
        lowest = places.topk(int(BACKGROUND * places.shape[1]), dim=1, largest=False).values
        peak, texture = (maps.flatten(1).amax(1) for maps in (evidence.highest, evidence.texture))
        highest = averages.flatten(2).amax(2).unbind(1)
        return torch.stack([peak, places.mean(1), whole, *highest, texture, lowest.amax(1)], dim=1)

    def summaries(self, residuals: Residuals, ignored: Tensor) -> Tensor:
        """(N, SUMMARIES + 1), as `summarise` returns them; `ignored` is (N, 1, H, W) uint8, as in `Frame`."""
        evidence = self.evidence(self.standardise(residuals.levels, ignored))
        return self.summarise(evidence, self.joined(residuals.averages), residuals.whole)

    def settle(self, summaries: Tensor) -> Tensor:
        """(N, SUMMARIES) without what the shot, and not the part, has put there.

        Light, noise or compression raise the evidence everywhere, the background too, and the highest by so much for
        each unit of it. Beyond what disturbed good parts show, a background is the part's own.
        """
        raised = summaries[:, SUMMARIES] - self.get_buffer("background_usual")
        raised = torch.minimum(raised.clamp(min=0), self.get_buffer("background_most"))
        return summaries[:, :SUMMARIES] - raised[:, None] * self.get_buffer("background_share")

    def score(self, summaries: Tensor) -> Scores:
        """Scores of summaries; for each of them, settled, good parts have median 0, 90th percentile 1.

        The whole and tint say nothing about most faults, and count where they are farther off than good parts are;
        texture where it is than the median one, so that a shot whose texture is out of focus speaks no better of its
        part than others do.
        """
        settled = self.settle(summaries)
        peak, overall, whole, brightness, tint, texture = self._in_spreads(settled, slice(None)).unbind(1)
        seen = peak + MEAN_WEIGHT * overall + TINT_WEIGHT * (tint - 1).clamp(min=0)
        return Scores(
            seen, (whole - 1).clamp(min=0), BRIGHTNESS_WEIGHT * brightness, TEXTURE_WEIGHT * texture.clamp(min=0)
        )

    def spread_out(self, evidence: Evidence, averages: Tensor, scores: Scores) -> Tensor:
        """(N, h, w): evidence and averages, (N, 2, h, w), as a map whose highest place has the score."""
        brightness, tint = averages.unbind(1)
        seen = self._in_spreads(evidence.highest[:, 0], PEAK)
        seen = seen + TINT_WEIGHT * (self._in_spreads(tint, TINT) - 1).clamp(min=0)
        seen = _topped(seen, scores.seen + scores.added)
        bright = _topped(BRIGHTNESS_WEIGHT * self._in_spreads(brightness, BRIGHTNESS), scores.brightness)
        texture = TEXTURE_WEIGHT * self._in_spreads(evidence.texture[:, 0], TEXTURE).clamp(min=0)
        return _topped(torch.maximum(seen, bright) + texture, scores.highest)

    def _in_spreads(self, found: Tensor, place: int | slice) -> Tensor:
        """SUMMARIES, or a map of what one of them is the highest of, in units of how far good parts differ."""
        usual, spread = (self.get_buffer(f"summary_{what}")[place] for what in ("usual", "spread"))
        return (found - usual) / spread


def _topped(maps: Tensor, tops: Tensor) -> Tensor:
    """(N, h, w) maps whose highest places are the tops, (N,).

    What a whole part is less off than its places are is taken off all of them. What it is more off has no place: the
    highest one gets it, and others the less of it the lower they are, or a fault would lift what is not at fault.
    """
    below = maps - maps.amax((1, 2), keepdim=True)
    more = (tops - maps.amax((1, 2))).clamp(min=0)
    return tops[:, None, None] + below - more[:, None, None] * (1 - below.exp())


def sum_of_levels(standardised: list[Tensor]) -> Tensor:
    """(N, 1, H/4, W/4): the weighted sum of all levels but those of the detail; a fault shows in each, noise in one."""
    finest = standardised[SSIM].shape[-2:]
    weighted = [w * resize(level, finest) for w, level in zip(WEIGHTS, standardised[:DETAILED], strict=True)]
    return torch.stack(weighted).sum(0)


def fine_level(deviations: Tensor) -> Tensor:
    """(N,) what a twentieth of all places exceed, of the detail, or its texture, in deviations, (N, 1, h, w)."""
    return _exceeded(deviations[..., ::EVERY, ::EVERY].flatten(1), EDGES)


def average_level(averages: Tensor) -> Tensor:
    """(N, K, 1, 1) what a fiftieth of all places exceed, of averages, (N, K, h, w)."""
    return _exceeded(averages.flatten(2), BROAD)[..., None, None]


def _exceeded(places: Tensor, share: float) -> Tensor:
    """(...) what this share of places, (..., P), exceeds."""
    return places.topk(max(1, int(share * places.shape[-1])), dim=-1).values.amin(-1)


def times_usual(level: Tensor, usual: Tensor, most: Tensor) -> Tensor:
    """How many times higher than usual a level is: from 1, for what is no higher, to the most that a shot may do."""
    return torch.minimum((level / usual).clamp(min=1), most)
