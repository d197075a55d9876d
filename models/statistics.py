"""What held-back good parts show: the normalisation of residuals, and the scores that the threshold rests on."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.backbone import CHANNELS
from models.batches import kept_where, to_tensor
from models.corruption import corrupt
from models.detector import DETAILED, FEATURES, JOINT, LEVELS, USUAL, Detector
from models.disturbance import disturb
from models.frames import Frames
from pipeline.framing import Frame
from pipeline.groups import Groups

Advance = Callable[[], None]
Look = Callable[[Frame, np.random.Generator], Frame]

PROJECTION_IMAGES = 48
"""Good parts, and as many with synthetic faults, that the projection is learned from."""

POSITION_IMAGES = 500
"""Good parts that the differences at each position are learned from, at the most."""

LEAST_NOISE = 0.05
"""Variance that every direction keeps, where it is 1 over all positions: few parts look more alike than they are."""

SHRINKAGE = 0.3
"""Weight of the average over all positions in the noise of one."""

PRIOR_IMAGES = 20
"""A position's own variance weighs as much as its neighbourhood's after this many images."""

PRIOR = 0.1
"""Weight of the noise in the variance along a usual direction: what few parts show is not quite believed."""

FAULTY = 0.1
"""Share of a position that a synthetic fault must cover to count there."""

HIGH = 0.9
"""Quantile of good parts that stands one unit above their median; what is beyond is left to rare, odd images."""

FLOOR = 0.3
"""Part of the average deviation that is added everywhere: no position is certain beyond that."""


LOOKS: tuple[Look, ...] = (lambda frame, _rng: frame, disturb)
"""What positions are learned from: each part as it was taken, and as light, focus and compression may change it."""


@torch.no_grad()
def learn_statistics(
    detector: Detector, learned: Frames, held: Frames, advance: Advance, *, groups: Groups | None = None
) -> NDArray[np.float64]:
    """Set all normalisation of `detector` from held-back good parts.

    The images are split in two halves. Each is scored with the statistics of the other, so that the scores are those
    of unseen parts; the detector then keeps the statistics of both.

    Args:
        detector: trained.
        learned: frames of good parts that were trained on; how differences vary comes from them.
        held: frames of good parts that were not trained on.
        advance: told of every image done, as often as `passes` says.
        groups: (N,) numbers of the groups of the frames, which the halves keep together; None if all are independent.

    Returns:
        (N,) scores of the held-back parts.
    """
    _learn_projection(detector, learned, advance)
    _learn_directions(detector, learned, advance)
    residuals = _all_residuals(detector, held, advance)
    ignored = torch.from_numpy(np.stack([held.ignored(index) for index in range(len(held))]))[:, None]
    return learn_normal(detector, residuals, ignored, np.arange(len(held)) if groups is None else groups)


@torch.no_grad()
def learn_normal(detector: Detector, residuals: list[Tensor], ignored: Tensor, groups: Groups) -> NDArray[np.float64]:
    """Set how high residuals and evidence usually are, from N held-back good parts; `learn_statistics` ends with this.

    Args:
        detector: that gave the residuals, or will judge others like them.
        residuals: raw, one (M, 1, h, w) map for each of `LEVELS`; the first N are of the parts as they were taken, and
            set the scores; M is a multiple of N, the others show the same parts disturbed, in the same order.
        ignored: (N, 1, H, W) uint8, as in `Frame`.
        groups: (N,) numbers of the groups of the parts.

    Returns:
        (N,) scores, each from the statistics of the other half.
    """
    _learn_positions(detector, residuals)
    _balance(detector, residuals, ignored)
    summaries = _cross_summaries(detector, residuals, ignored, groups)
    _learn_background(detector, summaries)
    settled = detector.settle(summaries[0])
    usual = settled.median(0).values
    detector.get_buffer("summary_usual").copy_(usual)
    detector.get_buffer("summary_spread").copy_(settled.quantile(HIGH, dim=0) - usual + 1e-3)
    return np.asarray(detector.score(summaries[0]), np.float64)


def _balance(detector: Detector, residuals: list[Tensor], ignored: Tensor) -> None:
    """Detail counts so much that it reaches as high as all else together does: on the usual good part, or where that is
    less, on the tenth of them where each is highest.
    """
    standardised = _standardised(detector, residuals, ignored)
    peaks = torch.tensor([(detector.join_levels(one).amax(), one[DETAILED].amax()) for one in standardised])
    found = peaks.clamp(min=1e-3).sort(0).values
    usual, highest = found.median(0).values, found[-max(1, len(found) // 10) :].mean(0)
    shares = [joined / detailed for joined, detailed in (usual, highest)]
    detector.get_buffer("detail_share").copy_(torch.stack(shares).min())


def _cross_summaries(detector: Detector, residuals: list[Tensor], ignored: Tensor, groups: Groups) -> Tensor:
    """(looks, N, 3): each half as the normalisation of the other sees it; leaves the normalisation of both."""
    half, count = torch.from_numpy(_halves(groups)), len(ignored)
    looks = len(residuals[0]) // count
    summaries = torch.zeros(looks, count, 3)
    for scored, other in ((half, ~half), (~half, half)):
        _learn_positions(detector, [level[other.repeat(looks)] for level in residuals])
        for look in range(looks):
            seen = [level[look * count :][:count][scored] for level in residuals]
            summaries[look, scored] = _summaries(detector, seen, ignored[scored])
    _learn_positions(detector, residuals)
    return summaries


def _learn_background(detector: Detector, summaries: Tensor) -> None:
    """How far disturbances raise the background of a good part, and how much the other summaries go with it.

    Least squares through the origin over what a disturbance has changed of the same part: parts also differ among
    themselves, and that is not to be taken out.
    """
    taken, disturbed = summaries[0], summaries[1:]
    change = (disturbed - taken).flatten(0, 1)
    background = change[:, 2:]
    share = (change[:, :2] * background).sum(0) / (background.square().sum(0) + 1e-6)
    usual = taken[:, 2].median()
    detector.get_buffer("background_usual").copy_(usual)
    detector.get_buffer("background_share").copy_(share.clamp(min=0))
    if len(disturbed):
        highest = disturbed[..., 2].flatten().quantile(HIGH)
        detector.get_buffer("background_most").copy_((highest - usual).clamp(min=0))


def _halves(groups: Groups) -> NDArray[np.bool_]:
    """(N,) which half each frame is in: every second group, or every second frame where there is but one group."""
    _, numbers = np.unique(groups, return_inverse=True)
    if numbers.max() == 0:
        numbers = np.arange(len(groups))
    return np.asarray(numbers % 2 == 0)


def passes(learned: int, held: int) -> int:
    """How many images `learn_statistics` goes through for so many frames."""
    return min(learned, PROJECTION_IMAGES) + len(LOOKS) * (min(learned, POSITION_IMAGES) + held)


def _learn_projection(detector: Detector, learned: Frames, advance: Advance) -> None:
    """Keep the directions in which faults differ most for their share of what good parts do (Fisher 1936).

    White on good parts; ordered by the spread of synthetic faults: the generalised eigenvectors of both covariances.
    """
    rng = np.random.default_rng(0)
    good, faulty = _Covariance(), _Covariance()
    for index in range(min(len(learned), PROJECTION_IMAGES)):
        image = learned.image(index)
        corrupted, changed = corrupt(image, learned.image(int(rng.integers(len(learned)))), rng)
        usual, odd = (detector.join(detector.reconstruct(to_tensor(i[None])))[0] for i in (image, corrupted))
        where = F.avg_pool2d(1 - kept_where(changed[None]), LEVELS[FEATURES])[0, 0] > FAULTY
        good.add(usual.flatten(1))
        faulty.add((odd - usual)[:, where])
        advance()
    white = torch.linalg.inv(torch.linalg.cholesky(good.regular()))
    _, vectors = torch.linalg.eigh(white @ faulty.regular() @ white.T)
    detector.get_buffer("projection").copy_((vectors.flip(1).T @ white)[:JOINT, :, None, None])


class _Covariance:
    """Second moments about the origin, summed up."""

    def __init__(self) -> None:
        self.total, self.count = torch.zeros(sum(CHANNELS), sum(CHANNELS)), 0

    def add(self, vectors: Tensor) -> None:
        self.total, self.count = self.total + vectors @ vectors.T, self.count + vectors.shape[1]

    def regular(self) -> Tensor:
        found = self.total / max(self.count, 1)
        return found + (0.01 * found.diagonal().mean() + 1e-6) * torch.eye(len(found))


def _learn_directions(detector: Detector, learned: Frames, advance: Advance) -> None:
    """Mean and covariance of the differences at each position, in one pass; its principal components are kept.

    Disturbed parts are among them: what light and focus change becomes a usual direction, and says little.
    """
    count = min(len(learned), POSITION_IMAGES)
    total, products = torch.zeros(()), torch.zeros(())
    for index, look in product(range(count), LOOKS):
        image = look(learned[index], np.random.default_rng(index)).image
        vectors = detector.project(detector.reconstruct(to_tensor(image[None])))[0].permute(1, 2, 0)
        total = total + vectors
        products = products + vectors[..., :, None] * vectors[..., None, :]
        advance()
    count *= len(LOOKS)
    mean = total / count
    spread, vectors = torch.linalg.eigh(products / count - mean[..., :, None] * mean[..., None, :])
    usual = spread[..., -USUAL:].clamp(min=0)
    noise = spread[..., :-USUAL].mean(-1).clamp(min=LEAST_NOISE)
    noise = (1 - SHRINKAGE) * noise + SHRINKAGE * noise.mean()
    known = (1 - PRIOR) * usual + PRIOR * noise[..., None]
    discount = 1 - (noise[..., None] / torch.maximum(known, noise[..., None])).sqrt()
    detector.get_buffer("centre").copy_(mean.half().permute(2, 0, 1)[None])
    detector.get_buffer("directions").copy_(vectors[..., -USUAL:].permute(3, 2, 0, 1))
    detector.get_buffer("discount").copy_(discount.permute(2, 0, 1)[None])
    detector.get_buffer("noise").copy_(noise[None, None])


def _all_residuals(detector: Detector, held: Frames, advance: Advance) -> list[Tensor]:
    found: list[list[Tensor]] = [[] for _ in LEVELS]
    for look, index in product(LOOKS, range(len(held))):
        frame = look(held[index], np.random.default_rng(index))
        ignored, detail = (torch.from_numpy(pixels[None, None]) for pixels in (frame.ignored, frame.detail))
        seen = detector.reconstruct(to_tensor(frame.image[None]))
        for level, residual in zip(found, detector.residuals(seen, ignored, detail), strict=True):
            level.append(residual)
        advance()
    return [torch.cat(level) for level in found]


def _learn_positions(detector: Detector, residuals: list[Tensor]) -> None:
    for level, found in enumerate(residuals):
        variance = found.var(0, keepdim=True, correction=0)
        around = F.avg_pool2d(variance, 7, stride=1, padding=3, count_include_pad=False)
        own = len(found) / (len(found) + PRIOR_IMAGES)
        deviation = (own * variance + (1 - own) * around).sqrt()
        detector.get_buffer(f"usual_{level}").copy_(found.mean(0, keepdim=True))
        detector.get_buffer(f"spread_{level}").copy_(deviation + FLOOR * deviation.mean() + 1e-4)


def _summaries(detector: Detector, residuals: list[Tensor], ignored: Tensor) -> Tensor:
    """(N, 3)."""
    return torch.cat([detector.evidence(levels)[1] for levels in _standardised(detector, residuals, ignored)])


def _standardised(detector: Detector, residuals: list[Tensor], ignored: Tensor) -> Iterator[list[Tensor]]:
    """One image at a time, as many as `ignored` has."""
    for i in range(len(ignored)):
        yield detector.standardise([level[i : i + 1] for level in residuals], ignored[i : i + 1])
