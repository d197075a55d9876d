"""What held-back good parts show: the normalisation of residuals, and the scores that the threshold rests on."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.batches import kept_where, to_tensor
from models.detector import LEVELS, Detector
from models.frames import Frames
from pipeline.groups import Groups

Advance = Callable[[], None]

WHITENING_IMAGES = 64
PRIOR_IMAGES = 20
"""A position's own variance weighs as much as its neighbourhood's after this many images."""

HIGH = 0.9
"""Quantile of good parts that stands one unit above their median; what is beyond is left to rare, odd images."""

FLOOR = 0.3
"""Part of the average deviation that is added everywhere: no position is certain beyond that."""


@torch.no_grad()
def learn_statistics(
    detector: Detector, learned: Frames, held: Frames, advance: Advance, *, groups: Groups | None = None
) -> NDArray[np.float64]:
    """Set all normalisation of `detector` from held-back good parts.

    The images are split in two halves. Each is scored with the statistics of the other, so that the scores are those
    of unseen parts; the detector then keeps the statistics of both.

    Args:
        detector: trained.
        learned: frames of good parts that were trained on; the whitening comes from them.
        held: frames of good parts that were not trained on.
        advance: told of every image done; twice an image.
        groups: (N,) numbers of the groups of the frames, which the halves keep together; None if all are independent.

    Returns:
        (N,) scores of the held-back parts.
    """
    _learn_whitening(detector, learned, advance)
    residuals = _all_residuals(detector, held, advance)
    kept = kept_where(np.stack([held[index][1] for index in range(len(held))]))
    half = torch.from_numpy(_halves(np.arange(len(held)) if groups is None else groups))
    summaries = torch.zeros(len(kept), 2)
    for scored, other in ((half, ~half), (~half, half)):
        _learn_positions(detector, [level[other] for level in residuals])
        summaries[scored] = _summaries(detector, [level[scored] for level in residuals], kept[scored])
    _learn_positions(detector, residuals)
    usual = summaries.median(0).values
    detector.get_buffer("summary_usual").copy_(usual)
    detector.get_buffer("summary_spread").copy_(summaries.quantile(HIGH, dim=0) - usual + 1e-3)
    return np.asarray(detector.score(summaries), np.float64)


def _halves(groups: Groups) -> NDArray[np.bool_]:
    """(N,) which half each frame is in: every second group, or every second frame where there is but one group."""
    _, numbers = np.unique(groups, return_inverse=True)
    if numbers.max() == 0:
        numbers = np.arange(len(groups))
    return np.asarray(numbers % 2 == 0)


def _learn_whitening(detector: Detector, learned: Frames, advance: Advance) -> None:
    """Residual channels move together on good parts; what is unusual is a residual along no common direction."""
    products: list[Tensor | float] = [0.0, 0.0, 0.0]
    count = min(len(learned), WHITENING_IMAGES)
    for index in range(count):
        seen = detector.reconstruct(to_tensor(learned[index][0][None]))
        for level, (found, wanted) in enumerate(zip(seen.features, seen.expected, strict=True)):
            flat = (found - wanted).flatten(2)[0]
            products[level] = products[level] + flat @ flat.T / flat.shape[1] / count
        advance()
    for level, covariance in enumerate(products):
        assert isinstance(covariance, Tensor)
        regular = covariance + 0.01 * covariance.diagonal().mean() * torch.eye(len(covariance))
        whitening = torch.linalg.inv(torch.linalg.cholesky(regular))
        detector.get_buffer(f"whitening_{level}").copy_(whitening[:, :, None, None])


def _all_residuals(detector: Detector, held: Frames, advance: Advance) -> list[Tensor]:
    found: list[list[Tensor]] = [[] for _ in LEVELS]
    for index in range(len(held)):
        image, ignored = held[index]
        seen = detector.reconstruct(to_tensor(image[None]))
        for level, residual in zip(found, detector.residuals(seen, kept_where(ignored[None])), strict=True):
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


def _summaries(detector: Detector, residuals: list[Tensor], kept: Tensor) -> Tensor:
    """(N, 2), an image at a time."""
    standardised = (
        detector.standardise([level[i : i + 1] for level in residuals], kept[i : i + 1]) for i in range(len(kept))
    )
    return torch.cat([detector.summarise(detector.evidence(levels)) for levels in standardised])
