"""Which differences between features are usual: the directions that `Distance` keeps, learned from good parts."""

from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.backbone import CHANNELS
from models.batches import kept_where, to_tensor
from models.corruption import corrupt
from models.detector import Detector
from models.distance import JOINT, USUAL, Distance, joined, mean_difference
from models.disturbance import looks
from models.frames import Frames
from models.levels import FEATURES, LEVELS
from models.moments import Covariance, Moments
from models.rounding import to_multiples
from models.variants import of_variant

Advance = Callable[[], None]

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


def learn_distance(detector: Detector, learned: Frames, advance: Advance) -> None:
    """Set what `detector` knows of how differences vary, from good parts that were trained on.

    Args:
        detector: trained.
        learned: their frames.
        advance: told of every image done, as often as `distance_passes` says.
    """
    _learn_projection(detector, learned, advance)
    _learn_directions(detector, learned, advance)


def distance_passes(learned: int) -> int:
    """How many images `learn_distance` goes through for so many frames."""
    count = min(learned, POSITION_IMAGES)
    return min(learned, PROJECTION_IMAGES) + count * len(looks(count))


def _learn_projection(detector: Detector, learned: Frames, advance: Advance) -> None:
    """Keep the directions in which faults differ most for their share of what good parts do (Fisher 1936).

    White on good parts; ordered by the spread of synthetic faults: the generalised eigenvectors of both covariances.
    """
    rng = np.random.default_rng(0)
    good, faulty = Covariance(sum(CHANNELS)), Covariance(sum(CHANNELS))
    for index in range(min(len(learned), PROJECTION_IMAGES)):
        image = learned.image(index)
        corrupted, changed = corrupt(image, learned.image(int(rng.integers(len(learned)))), rng)
        usual, odd = (joined(detector.reconstruct(to_tensor(i[None])).differences)[0] for i in (image, corrupted))
        where = F.avg_pool2d(1 - kept_where(changed[None]), LEVELS[FEATURES])[0, 0] > FAULTY
        good.add(usual.flatten(1))
        faulty.add((odd - usual)[:, where])
        advance()
    white = good.whitening()
    _, vectors = torch.linalg.eigh(white @ faulty.regular() @ white.T)
    detector.distance.get_buffer("projection").copy_((vectors.flip(1).T @ white)[:JOINT, :, None, None])


def _learn_directions(detector: Detector, learned: Frames, advance: Advance) -> None:
    """Mean and covariance of the differences at each position, in one pass; its principal components are kept.

    Disturbed parts are among them: what light and focus change becomes a usual direction, and says little.
    """
    count = min(len(learned), POSITION_IMAGES)
    centre = detector.distance.get_buffer("centre")
    moments = Moments((*centre.shape[2:], JOINT), len(centre))
    means, variants = [], []
    for index, look in product(range(count), looks(count)):
        frame = look(learned[index], index)
        seen = detector.reconstruct(to_tensor(frame.image[None]))
        projected = detector.distance.project(seen.differences)
        variants.append(detector.variant(seen.image))
        means.append(mean_difference(projected, torch.from_numpy(frame.ignored[None, None])))
        moments.add(projected[0], int(variants[-1]))
        advance()
    _learn_whole(detector, torch.cat(means), torch.cat(variants))
    _keep_directions(detector.distance, *moments.centre_and_covariance())


def _keep_directions(distance: Distance, centre: Tensor, covariance: Tensor) -> None:
    """The usual directions at each position, by how much what lies along them is discounted, and the noise beside."""
    spread, vectors = torch.linalg.eigh(covariance)
    usual = spread[..., -USUAL:].clamp(min=0)
    noise = spread[..., :-USUAL].mean(-1).clamp(min=LEAST_NOISE)
    noise = (1 - SHRINKAGE) * noise + SHRINKAGE * noise.mean()
    known = (1 - PRIOR) * usual + PRIOR * noise[..., None]
    discount = 1 - (noise[..., None] / torch.maximum(known, noise[..., None])).sqrt()
    distance.get_buffer("centre").copy_(centre.half().permute(0, 3, 1, 2))
    distance.get_buffer("directions").copy_(to_multiples(vectors[..., -USUAL:].permute(3, 2, 0, 1)))
    distance.get_buffer("discount").copy_(discount.permute(2, 0, 1)[None])
    distance.get_buffer("noise").copy_(noise[None, None])


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
