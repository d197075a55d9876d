"""What texture good parts have at each place, and how far it varies there."""

from collections.abc import Callable

import torch
from torch import Tensor

from models.batches import to_tensor
from models.detector import Detector
from models.frames import Frames
from models.moments import Covariance, Moments
from models.rounding import to_multiples
from models.texture import BESIDE, EARLY_CHANNELS, features_of, in_bands

WHITE_IMAGES = 48
"""Good parts from which it is known how features vary over all places."""

POSITION_IMAGES = 500
"""Good parts from which it is known how they vary at each, at the most."""

SHRINKAGE = 0.1
"""Weight of the mean variance of all features in the covariance of a block: few parts do not know all of it."""

LEAST = 0.02
"""Variance that every feature keeps, where it is about 1 over all places."""


def texture_passes(learned: int) -> int:
    """How often `learn_texture` will call `advance` for so many frames."""
    return min(learned, WHITE_IMAGES) + min(learned, POSITION_IMAGES)


def learn_texture(detector: Detector, learned: Frames, advance: Callable[[], None]) -> None:
    """Set what the texture of good parts is, from parts as they were taken: in blur and grain faults would drown.

    Args:
        detector: whose frozen network looks.
        learned: frames of good parts.
        advance: told of every image done.
    """
    texture = detector.texture
    texture.get_buffer("whitening").copy_(_whitening_of_all(detector, learned, advance))
    rows, columns = texture.get_buffer("centre").shape[2:]
    moments = Moments((rows, columns, EARLY_CHANNELS), len(detector.get_buffer("variants")))
    for index in range(min(len(learned), POSITION_IMAGES)):
        variant = detector.variant(to_tensor(learned.image(index)[None]))
        moments.add(texture.features(detector.backbone, _detail(learned, index))[0], int(variant))
        advance()
    means, covariance = moments.centre_and_covariance()
    texture.get_buffer("centre").copy_(to_multiples(means.permute(0, 3, 1, 2).flatten(0, 1)[:, None]))
    for kept, band in zip(texture.axes, in_bands(_whitening(_of_blocks(covariance))), strict=True):
        kept.copy_(to_multiples(band))


def _whitening_of_all(detector: Detector, learned: Frames, advance: Callable[[], None]) -> Tensor:
    """(C, C, 1, 1) that makes features white about the mean of their place, over all places."""
    found = []
    for index in range(min(len(learned), WHITE_IMAGES)):
        found.append(features_of(detector.backbone, _detail(learned, index)))
        advance()
    features, covariance = torch.cat(found), Covariance(EARLY_CHANNELS)
    covariance.add((features - features.mean(0)).transpose(0, 1).flatten(1))
    return covariance.whitening()[:, :, None, None]


def _of_blocks(covariance: Tensor) -> Tensor:
    """(rows, columns, C, C) of places as the means of blocks, (blocks, C, C)."""
    rows, columns, *_ = covariance.shape
    blocks = covariance.view(rows // BESIDE, BESIDE, columns // BESIDE, BESIDE, *covariance.shape[2:])
    return blocks.mean((1, 3)).flatten(0, 1)


def _whitening(covariance: Tensor) -> Tensor:
    """(P, C, C) lower triangles that make features of these covariances white."""
    alone = covariance.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    known = (1 - SHRINKAGE) * covariance + (SHRINKAGE * alone + LEAST) * torch.eye(covariance.shape[1])
    whitening: Tensor = torch.linalg.inv(torch.linalg.cholesky(known))
    return whitening


def _detail(learned: Frames, index: int) -> Tensor:
    return torch.from_numpy(learned.detail(index)[None, None])
