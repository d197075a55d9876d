"""What texture good parts have at each place, and how far it varies there."""

from collections.abc import Callable

import torch
from torch import Tensor

from models.batches import to_tensor
from models.detector import Detector
from models.frames import Frames
from models.moments import Moments
from models.rounding import to_multiples
from models.texture import DIRECTIONS, EARLY_CHANNELS, features_of, in_bands

WHITE_IMAGES = 48
"""Good parts from which it is known how features vary over all places."""

POSITION_IMAGES = 500
"""Good parts from which it is known how they vary at each, at the most."""

SHRINKAGE = 0.1
"""Weight of the mean variance of all directions in the covariance at a place: few parts do not know all of it."""

LEAST = 0.02
"""Variance that every direction keeps, where it is about 1 over all places."""


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
    texture.get_buffer("projection").copy_(_projection(detector, learned, advance))
    centre = texture.get_buffer("centre")
    moments = Moments((*centre.shape[2:], DIRECTIONS), len(centre))
    for index in range(min(len(learned), POSITION_IMAGES)):
        variant = detector.variant(to_tensor(learned.image(index)[None]))
        moments.add(texture.project(detector.backbone, _detail(learned, index))[0], int(variant))
        advance()
    means, covariance = moments.centre_and_covariance()
    centre.copy_(means.half().permute(0, 3, 1, 2))
    for kept, band in zip(texture.axes, in_bands(_whitening(covariance.flatten(0, 1))), strict=True):
        kept.copy_(to_multiples(band))


def _projection(detector: Detector, learned: Frames, advance: Callable[[], None]) -> Tensor:
    """(DIRECTIONS, EARLY_CHANNELS, 1, 1): random directions of features, white about the mean of their place."""
    found = []
    for index in range(min(len(learned), WHITE_IMAGES)):
        found.append(features_of(detector.backbone, _detail(learned, index)))
        advance()
    off = torch.cat(found)
    off = (off - off.mean(0)).transpose(0, 1).flatten(1)
    covariance = off @ off.T / off.shape[1]
    covariance += (0.01 * covariance.diagonal().mean() + 1e-9) * torch.eye(EARLY_CHANNELS)
    drawn = torch.randn(EARLY_CHANNELS, EARLY_CHANNELS, generator=torch.Generator().manual_seed(0))
    directions, _ = torch.linalg.qr(drawn)
    white: Tensor = directions @ torch.linalg.inv(torch.linalg.cholesky(covariance))
    return white[:DIRECTIONS, :, None, None]


def _whitening(covariance: Tensor) -> Tensor:
    """(P, D, D) lower triangles that make features of these covariances white."""
    alone = covariance.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    known = (1 - SHRINKAGE) * covariance + (SHRINKAGE * alone + LEAST) * torch.eye(covariance.shape[1])
    whitening: Tensor = torch.linalg.inv(torch.linalg.cholesky(known))
    return whitening


def _detail(learned: Frames, index: int) -> Tensor:
    return torch.from_numpy(learned.detail(index)[None, None])
