"""How high residuals and evidence usually are: their normalisation, and the scores that the threshold rests on."""

from collections.abc import Iterator
from itertools import starmap

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.evidence import Residuals
from models.levels import DETAILED, FINE, TEXTURED, places_kept
from models.places import Sums, certainty_of
from models.scoring import (
    BRIGHTNESS,
    SUMMARIES,
    TINT,
    WHOLE,
    Scoring,
    average_level,
    fine_level,
    sum_of_levels,
    times_usual,
)
from pipeline.groups import Groups

PRIOR_IMAGES = (20, 20, 20, 80, 20)
"""A position's own variance weighs as much as its neighbourhood's after this many images, in each of `LEVELS`."""

HIGH = 0.9
"""Quantile of good parts that stands one unit above their median; what is beyond is left to rare, odd images."""

FLOOR = (0.3, 0.3, 0.3, 1.0, 0.3)
"""Part of the average deviation that is added everywhere in each of `LEVELS`: no position is certain beyond that."""

LEAST_FOUND = 0.5
"""Share of synthetic hairlines that the detail must show for it to count at all: where good parts do not lie alike, or
differ in what is fine, it raises calls and finds nothing."""

LEAST_TEXTURED = 0.9
"""Share of good parts whose texture must be compared for it to count at all: where more shots are burnt out, those that
are not set the thresholds, and faults that lie beside what is burnt out are judged by them without a texture."""


@torch.no_grad()
def learn_normal(
    scoring: Scoring, residuals: Residuals, hairlines: Tensor, ignored: Tensor, groups: Groups
) -> NDArray[np.float64]:
    """Set how high residuals and evidence usually are, from N held-back good parts; `learn_statistics` ends with this.

    Args:
        scoring: of the residuals.
        residuals: of M images; the first N are of the parts as they were taken, and set the scores; M is a multiple of
            N, the others show the same parts disturbed, in the same order.
        hairlines: raw residuals of the detail, (N, 1, h, w), of the same parts with synthetic hairlines on them.
        ignored: (N, 1, H, W) uint8, as in `Frame`.
        groups: (N,) numbers of the groups of the parts.

    Returns:
        (N,) scores, each from the statistics of the other half.
    """
    _learn_positions(scoring, residuals.levels, ignored)
    _learn_levels(scoring, residuals.levels, ignored)
    _balance(scoring, residuals.levels, hairlines, ignored)
    _learn_averages(scoring, residuals.averages, len(ignored))
    summaries = _cross_summaries(scoring, residuals, ignored, groups)
    _learn_background(scoring, summaries)
    _learn_summaries(scoring, scoring.settle(summaries[0]), scoring.settle(summaries.flatten(0, 1)))
    return np.asarray(scoring.score(summaries[0]).highest, np.float64)


def _learn_summaries(scoring: Scoring, taken: Tensor, disturbed: Tensor) -> None:
    """The whole and tint are learned from disturbed parts too: what a line does to a shot it does everywhere, and
    compression, which rounds colours, in every place.
    """
    parts = [disturbed if place in (WHOLE, TINT) else taken for place in range(SUMMARIES)]
    usual = torch.stack([some[:, place].median() for place, some in enumerate(parts)])
    high = torch.stack([some[:, place].quantile(HIGH) for place, some in enumerate(parts)])
    scoring.get_buffer("summary_usual").copy_(usual)
    scoring.get_buffer("summary_spread").copy_(high - usual + 1e-3)


def _learn_levels(scoring: Scoring, residuals: list[Tensor], ignored: Tensor) -> None:
    """How far the detail of a whole image, and its texture, are off, at the most, on good parts and, as a multiple, on
    disturbed ones.
    """
    count, shots = len(ignored), len(residuals[DETAILED])
    seen = _one_by_one(residuals, ignored.repeat(shots // count, 1, 1, 1))
    found = [[fine_level(deviations[level]) for level in FINE] for deviations in starmap(scoring.in_deviations, seen)]
    for level, levels in zip(FINE, map(torch.cat, zip(*found, strict=True)), strict=True):
        usual, most = _usual_and_most(levels, count)
        scoring.get_buffer(f"level_usual_{level}").copy_(usual)
        scoring.get_buffer(f"level_most_{level}").copy_(most)


def _usual_and_most(levels: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """What a tenth of the first levels, (M, ...), which are of parts as they were taken, exceed, and the highest of all
    as a multiple of that.
    """
    usual = levels[:count].quantile(HIGH, dim=0).clamp(min=1e-3)
    return usual, (levels.amax(0) / usual).clamp(min=1)


def _learn_averages(scoring: Scoring, averages: Tensor, count: int) -> None:
    """How far averages of a whole image are off, as in `_learn_levels`, and then the highest of good parts."""
    usual, most = _usual_and_most(average_level(averages), count)
    scoring.get_buffer("average_level").copy_(usual)
    scoring.get_buffer("average_most").copy_(most)
    highest = scoring.steady(averages[:count]).amax((2, 3), keepdim=True)
    middle = highest.quantile(0.5, dim=0, keepdim=True)
    scoring.get_buffer("average_usual").copy_(middle)
    scoring.get_buffer("average_spread").copy_(highest.quantile(HIGH, dim=0, keepdim=True) - middle + 1e-3)


def _balance(scoring: Scoring, residuals: list[Tensor], hairlines: Tensor, ignored: Tensor) -> None:
    """Detail counts so much that it reaches as high as all else together does: on the usual good part, or where that is
    less, on the tenth of them where each is highest. Where hairlines do not rise above that, it does not count.
    """
    standardised = _standardised(scoring, residuals, ignored)
    peaks = torch.tensor([(sum_of_levels(one).amax(), one[DETAILED].amax()) for one in standardised])
    found = peaks.clamp(min=1e-3).sort(0).values
    usual, highest = found.median(0).values, found[-max(1, len(found) // 10) :].mean(0)
    shares = [joined / detailed for joined, detailed in (usual, highest)]
    faulty = _standardised(scoring, [*residuals[:DETAILED], hairlines, residuals[TEXTURED]], ignored)
    shown = torch.tensor([float(one[DETAILED].amax() > highest[1]) for one in faulty]).mean()
    scoring.get_buffer("detail_share").copy_(torch.stack(shares).min() * (shown >= LEAST_FOUND))


def _cross_summaries(scoring: Scoring, residuals: Residuals, ignored: Tensor, groups: Groups) -> Tensor:
    """(looks, N, SUMMARIES + 1): each half with the normalisation of the other; leaves that of both."""
    half, count = torch.from_numpy(_halves(groups)), len(ignored)
    looks = len(residuals.whole) // count
    summaries = torch.zeros(looks, count, SUMMARIES + 1)
    for scored, other in ((half, ~half), (~half, half)):
        _learn_positions(scoring, residuals.of(other.repeat(looks)).levels, ignored[other])
        for look in range(looks):
            seen = residuals.of(slice(look * count, (look + 1) * count)).of(scored)
            summaries[look, scored] = _summaries(scoring, seen, ignored[scored])
    _learn_positions(scoring, residuals.levels, ignored)
    return summaries


def _learn_background(scoring: Scoring, summaries: Tensor) -> None:
    """How far disturbances raise the background of a good part, and how much the other summaries go with it.

    Least squares through the origin over what a disturbance has changed of the same part: parts also differ among
    themselves, and that is not to be taken out.
    """
    taken, disturbed = summaries[0], summaries[1:]
    change = (disturbed - taken).flatten(0, 1)
    background = change[:, SUMMARIES:]
    share = (change[:, :SUMMARIES] * background).sum(0) / (background.square().sum(0) + 1e-6)
    usual = taken[:, SUMMARIES].median()
    scoring.get_buffer("background_usual").copy_(usual)
    share[BRIGHTNESS:] = 0  # it is out of them already, see `Scoring.steady`
    scoring.get_buffer("background_share").copy_(share.clamp(min=0))
    if len(disturbed):
        highest = disturbed[..., SUMMARIES].flatten().quantile(HIGH)
        scoring.get_buffer("background_most").copy_((highest - usual).clamp(min=0))


def _halves(groups: Groups) -> NDArray[np.bool_]:
    """(N,) which half each frame is in: every second group, or every second frame where there is but one group."""
    _, numbers = np.unique(groups, return_inverse=True)
    if numbers.max() == 0:
        numbers = np.arange(len(groups))
    return np.asarray(numbers % 2 == 0)


def _learn_positions(scoring: Scoring, residuals: list[Tensor], ignored: Tensor) -> None:
    """Each of the parts as they were taken, which come first, and disturbed once: that is as much as parts differ.

    The detail's and its texture's are learned from them as they were taken alone: what blur and compression change
    would drown what is fine.
    """
    taken = len(ignored)
    parts = [found[: taken if level in FINE else 2 * taken] for level, found in enumerate(residuals)]
    seen_of = map(places_kept, ignored.split(1))  # one by one: of all at once, the weights of pixels fill the memory
    kept = [torch.cat(level) for level in zip(*seen_of, strict=True)]
    for level, (found, seen, prior, floor) in enumerate(zip(parts, kept, PRIOR_IMAGES, FLOOR, strict=True)):
        sums = Sums()
        sums.add(found, seen.repeat(len(found) // taken, 1, 1, 1))
        usual, deviation, known = sums.usual(prior)
        scoring.get_buffer(f"usual_{level}").copy_(usual)
        scoring.get_buffer(f"certainty_{level}").copy_(certainty_of(deviation, known, floor))
    _calm(scoring, residuals[TEXTURED], kept[TEXTURED])
    textured = kept[TEXTURED].amax((1, 2, 3)) > 0
    scoring.get_buffer(f"certainty_{TEXTURED}").mul_(textured.float().mean() >= LEAST_TEXTURED)


def _calm(scoring: Scoring, texture: Tensor, kept: Tensor) -> None:
    """Places whose texture a disturbance changes by more than it does that of all the shot count so much less.

    Compression, for one, changes flat ground far more than anything else, and only there. What is the same all over a
    shot is no concern of a place: it is divided by that, as in `Scoring.standardise`.

    Args:
        scoring: knows what texture is usual at each place.
        texture: raw, (M, 1, h, w), of N parts as they were taken, and then disturbed, if they were.
        kept: (N, 1, h, w), the share of each place that is compared.
    """
    if len(texture) == len(kept):
        return
    usual, certainty = (scoring.get_buffer(f"{what}_{TEXTURED}") for what in ("usual", "certainty"))
    deviations = (texture - usual) * certainty * kept.repeat(len(texture) // len(kept), 1, 1, 1)
    levels = fine_level(deviations)
    raised = times_usual(levels[len(kept) :], *_usual_and_most(levels, len(kept)))
    left = deviations[len(kept) :] / raised[:, None, None, None]
    certainty /= left.square().mean(0, keepdim=True).sqrt().clamp(min=1)


def _summaries(scoring: Scoring, residuals: Residuals, ignored: Tensor) -> Tensor:
    """(N, SUMMARIES + 1), one image at a time."""
    places = (slice(image, image + 1) for image in range(len(ignored)))
    return torch.cat([scoring.summaries(residuals.of(place), ignored[place]) for place in places])


def _standardised(scoring: Scoring, residuals: list[Tensor], ignored: Tensor) -> Iterator[list[Tensor]]:
    return (scoring.standardise(*one) for one in _one_by_one(residuals, ignored))


def _one_by_one(residuals: list[Tensor], ignored: Tensor) -> Iterator[tuple[list[Tensor], Tensor]]:
    """One image at a time, as many as `ignored` has."""
    for i in range(len(ignored)):
        yield [level[i : i + 1] for level in residuals], ignored[i : i + 1]
