"""What good parts show: in which directions differences vary at each position, and what residuals they leave."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.backbone import CHANNELS
from models.batches import kept_where, to_tensor
from models.corruption import corrupt
from models.detector import Detector
from models.distance import JOINT, USUAL, joined, mean_difference
from models.disturbance import disturb
from models.frames import Frames
from models.hairlines import hurt
from models.levels import FEATURES, LEVELS, pixels_kept
from models.normalisation import learn_normal
from models.rounding import to_multiples
from models.variants import of_variant
from pipeline.framing import Frame
from pipeline.groups import Groups

Advance = Callable[[], None]
Look = Callable[[Frame, int], Frame]
"""What is made of the frame of this number."""

PROJECTION_IMAGES = 48
"""Good parts, and as many with synthetic faults, that the projection is learned from."""

POSITION_IMAGES = 500
"""Good parts that the differences at each position are learned from, at the most."""

LEAST_NOISE = 0.05
"""Variance that every direction keeps, where it is 1 over all positions: few parts look more alike than they are."""

SHRINKAGE = 0.3
"""Weight of the average over all positions in the noise of one."""

PRIOR = 0.1
"""Weight of the noise in the variance along a usual direction: what few parts show is not quite believed."""

ALONE = 0.5
"""Weight of each dimension's own variance in the covariance of the mean differences of images."""

FAULTY = 0.1
"""Share of a position that a synthetic fault must cover to count there."""


DISTURBED = 200
"""Disturbed shots that statistics rest on, at the least: where parts are few, one of each would leave it to chance."""


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
    residuals, whole = _all_residuals(detector, held, advance)
    hairlines = _hairlines(detector, held, advance)
    ignored = torch.from_numpy(np.stack([held.ignored(index) for index in range(len(held))]))[:, None]
    groups = np.arange(len(held)) if groups is None else groups
    return learn_normal(detector.scoring, residuals, whole, hairlines, ignored, groups)


def looks(count: int) -> list[Look]:
    """How each of `count` parts is looked at: as it was taken, then as light, focus and compression may change it."""
    return [lambda frame, _: frame, *(partial(_disturbed, again) for again in range(ceil(DISTURBED / count)))]


def _disturbed(again: int, frame: Frame, number: int) -> Frame:
    return disturb(frame, np.random.default_rng((again, number)))


def passes(learned: int, held: int) -> int:
    """How many images `learn_statistics` goes through for so many frames."""
    looked_at = (count * len(looks(count)) for count in (min(learned, POSITION_IMAGES), held))
    return min(learned, PROJECTION_IMAGES) + sum(looked_at) + held


def _learn_projection(detector: Detector, learned: Frames, advance: Advance) -> None:
    """Keep the directions in which faults differ most for their share of what good parts do (Fisher 1936).

    White on good parts; ordered by the spread of synthetic faults: the generalised eigenvectors of both covariances.
    """
    rng = np.random.default_rng(0)
    good, faulty = _Covariance(), _Covariance()
    for index in range(min(len(learned), PROJECTION_IMAGES)):
        image = learned.image(index)
        corrupted, changed = corrupt(image, learned.image(int(rng.integers(len(learned)))), rng)
        usual, odd = (joined(detector.reconstruct(to_tensor(i[None])).differences)[0] for i in (image, corrupted))
        where = F.avg_pool2d(1 - kept_where(changed[None]), LEVELS[FEATURES])[0, 0] > FAULTY
        good.add(usual.flatten(1))
        faulty.add((odd - usual)[:, where])
        advance()
    white = torch.linalg.inv(torch.linalg.cholesky(good.regular()))
    _, vectors = torch.linalg.eigh(white @ faulty.regular() @ white.T)
    detector.distance.get_buffer("projection").copy_((vectors.flip(1).T @ white)[:JOINT, :, None, None])


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
    columns, rows = (side // LEVELS[FEATURES] for side in learned.size)
    total = torch.zeros(len(detector.distance.get_buffer("centre")), rows, columns, JOINT)
    products, means, variants = torch.zeros(rows * columns, JOINT, JOINT), [], []
    for index, look in product(range(count), looks(count)):
        frame = look(learned[index], index)
        seen = detector.reconstruct(to_tensor(frame.image[None]))
        projected = detector.distance.project(seen.differences)
        variants.append(detector.variant(seen.image))
        means.append(mean_difference(projected, torch.from_numpy(frame.ignored[None, None])))
        vectors = projected[0].permute(1, 2, 0)
        total[int(variants[-1])] += vectors
        _add_products(products, vectors)
        advance()
    variant = torch.cat(variants)
    _learn_whole(detector, torch.cat(means), variant)
    counts = torch.bincount(variant, minlength=len(total))
    centre = total / counts.clamp(min=1)[:, None, None, None]
    products.div_(len(means))
    for mean, share in zip(centre, counts / len(means), strict=True):
        _add_products(products, mean, -share.item())
    spread, vectors = torch.linalg.eigh(products.view(rows, columns, JOINT, JOINT))
    usual = spread[..., -USUAL:].clamp(min=0)
    noise = spread[..., :-USUAL].mean(-1).clamp(min=LEAST_NOISE)
    noise = (1 - SHRINKAGE) * noise + SHRINKAGE * noise.mean()
    known = (1 - PRIOR) * usual + PRIOR * noise[..., None]
    discount = 1 - (noise[..., None] / torch.maximum(known, noise[..., None])).sqrt()
    detector.distance.get_buffer("centre").copy_(centre.half().permute(0, 3, 1, 2))
    detector.distance.get_buffer("directions").copy_(to_multiples(vectors[..., -USUAL:].permute(3, 2, 0, 1)))
    detector.distance.get_buffer("discount").copy_(discount.permute(2, 0, 1)[None])
    detector.distance.get_buffer("noise").copy_(noise[None, None])


def _add_products(products: Tensor, vectors: Tensor, weight: float = 1) -> Tensor:
    """Add each position's vector times itself, in place: the products of all positions are too large to have twice."""
    flat = vectors.flatten(0, 1)
    return products.baddbmm_(flat[:, :, None], flat[:, None], alpha=weight)


def _learn_whole(detector: Detector, means: Tensor, variant: Tensor) -> None:
    """How mean differences, (M, JOINT), vary over good parts; few parts know little of how two of them go together."""
    centre = detector.distance.get_buffer("whole_centre")
    for number in variant.unique():
        centre[number] = means[variant == number].mean(0)
    centred = means - of_variant(centre, variant)
    covariance = centred.T @ centred / len(means)
    alone = torch.diag(covariance.diagonal())
    covariance = (1 - ALONE) * covariance + ALONE * alone + 1e-6 * torch.eye(len(covariance))
    detector.distance.get_buffer("whole_axes").copy_(torch.linalg.inv(torch.linalg.cholesky(covariance)).T)


def _all_residuals(detector: Detector, held: Frames, advance: Advance) -> tuple[list[Tensor], Tensor]:
    found: list[list[Tensor]] = [[] for _ in LEVELS]
    wholes = []
    for look, index in product(looks(len(held)), range(len(held))):
        frame = look(held[index], index)
        ignored, detail = (torch.from_numpy(pixels[None, None]) for pixels in (frame.ignored, frame.detail))
        seen = detector.reconstruct(to_tensor(frame.image[None]))
        residuals, whole = detector.residuals(seen, ignored, detail)
        wholes.append(whole)
        for level, residual in zip(found, residuals, strict=True):
            level.append(residual)
        advance()
    return [torch.cat(level) for level in found], torch.cat(wholes)


def _hairlines(detector: Detector, held: Frames, advance: Advance) -> Tensor:
    """(N, 1, h, w) raw residuals of the detail, of held-back parts with synthetic hairlines on them."""
    found = []
    for index in range(len(held)):
        frame = scratched(held[index], index)
        ignored, detail = (torch.from_numpy(pixels[None, None]) for pixels in (frame.ignored, frame.detail))
        variant = detector.variant(to_tensor(frame.image[None]))
        found.append(detector.detail(detector.detail.deviations(detail.float(), pixels_kept(ignored), variant)))
        advance()
    return torch.cat(found)


def scratched(frame: Frame, number: int) -> Frame:
    """The frame of this number with synthetic hairlines in its detail."""
    return replace(frame, detail=hurt(frame.detail, np.random.default_rng(number))[0])
