"""Batches of training: clean frames, lightly augmented, and the same ones corrupted."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from models.corruption import corrupt
from models.frames import Frames
from pipeline.images import Image


@dataclass(frozen=True)
class Batch:
    """(N, 3, h, w) images in 0..1, and (N, 1, h, w) with 1 where the loss counts."""

    clean: Tensor
    corrupted: Tensor
    kept: Tensor


def make_batch(frames: Frames, *, size: int, seed: int, step: int) -> Batch:
    """Draw one batch. It depends on `seed` and `step` alone, so that a resumed training sees the same ones.

    Args:
        frames: of good parts.
        size: images in the batch.
        seed: of the training.
        step: number of the batch.
    """
    rng = np.random.default_rng((seed, step))
    clean, corrupted, ignored = [], [], []
    for one, other in rng.integers(len(frames), size=(size, 2)):
        image, ignore = frames[one]
        clean.append(augment(image, rng))
        corrupted.append(corrupt(clean[-1], frames[other][0], rng)[0])
        ignored.append(ignore)
    return Batch(to_tensor(np.stack(clean)), to_tensor(np.stack(corrupted)), kept_where(np.stack(ignored)))


def augment(image: Image, rng: Generator) -> Image:
    """What a line does to a good image: a little more or less light, a remaining shift and turn, grain."""
    height, width = image.shape[:2]
    move = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 0.15), 1)
    move[:, 2] = move[:, 2] + rng.normal(0, 0.4, 2)
    moved = cv2.warpAffine(image, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    light, tint = rng.uniform(0.9, 1.1), rng.normal(0, 3, 3)
    grain = rng.normal(0, rng.uniform(0, 4), image.shape) if rng.random() < 0.5 else 0.0
    return np.clip(np.asarray(moved, np.float64) * light + tint + grain, 0, 255).astype(np.uint8)


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """(N, h, w, 3) uint8 to (N, 3, h, w) float in 0..1, channels last in memory."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def kept_where(ignored: NDArray[np.uint8]) -> Tensor:
    """(N, h, w) uint8 masks of what is ignored to (N, 1, h, w) weights: 1 where images are compared."""
    return 1 - torch.from_numpy(ignored)[:, None].float() / 255
