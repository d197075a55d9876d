"""Batches of training: clean frames, lightly augmented, and the same ones corrupted."""

from dataclasses import dataclass, fields

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from models.corruption import corrupt
from models.disturbance import QUALITIES, compressed
from models.frames import Frames
from models.levels import pixels_kept
from pipeline.framing import Frame
from pipeline.images import Image, Mask


@dataclass(frozen=True)
class Batch:
    """Images (N, 3, h, w) in 0..1, and weights (N, 1, h, w): 1 where the loss counts, 1 where a fault was put."""

    clean: Tensor
    corrupted: Tensor
    kept: Tensor
    changed: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


def make_batch(frames: Frames, *, size: int, seed: int, step: int) -> Batch:
    """Draw one batch. It depends on `seed` and `step` alone, so that a resumed training sees the same ones.

    Args:
        frames: of good parts.
        size: images in the batch.
        seed: of the training.
        step: number of the batch.
    """
    rng = np.random.default_rng((seed, step))
    made = [_one(frames, rng, *pair) for pair in rng.integers(len(frames), size=(size, 2))]
    clean, corrupted, ignored, changed = (np.stack(arrays) for arrays in zip(*made, strict=True))
    kept = kept_where(ignored)
    return Batch(to_tensor(clean), to_tensor(corrupted), kept, (1 - kept_where(changed)) * kept)


def _one(frames: Frames, rng: Generator, one: int, other: int) -> tuple[Image, Image, Mask, Mask]:
    clean = augment(frames.image(one), rng)
    corrupted, changed = corrupt(clean, frames.image(other), rng)
    return clean, corrupted, frames.ignored(one), changed


def augment(image: Image, rng: Generator) -> Image:
    """What a line does to a good image: a remaining shift and turn, other light, defocus, grain, compression."""
    height, width = image.shape[:2]
    move = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 0.15), 1)
    move[:, 2] = move[:, 2] + rng.normal(0, 0.4, 2)
    moved = cv2.warpAffine(image, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < BLURRED:
        moved = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.3, 0.9))
    light = np.multiply(moved, _light(height, width, rng), dtype=np.float32) + rng.normal(0, 3, 3).astype(np.float32)
    if rng.random() < GRAINY:
        light += rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0, 4))
    seen = np.clip(light, 0, 255).astype(np.uint8)
    return compressed(seen, int(rng.integers(*QUALITIES))) if rng.random() < COMPRESSED else seen


BLURRED, GRAINY, COMPRESSED = 0.25, 0.5, 0.25
"""Shares of the images that are out of focus, noisy, or strongly compressed."""


def _light(height: int, width: int, rng: Generator) -> NDArray[np.float32]:
    """(h, w, 1) factors: a little more or less light, and a slope of it across the image."""
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    level, along, down = rng.uniform(0.9, 1.1), *rng.normal(0, 0.03, 2)
    return np.asarray(level + along * x + down * y[:, None], np.float32)[..., None]


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """(N, h, w, 3) uint8 to (N, 3, h, w) float in 0..1, channels last in memory."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def as_inputs(frame: Frame) -> tuple[Tensor, Tensor, Tensor]:
    """What the detector takes of one frame: image, ignored and detail, each as a batch of one."""
    return (
        torch.from_numpy(frame.image[None]),
        torch.from_numpy(frame.ignored[None]),
        torch.from_numpy(frame.detail[None]),
    )


def kept_where(ignored: NDArray[np.uint8]) -> Tensor:
    """(N, h, w) uint8 masks of what is ignored to (N, 1, h, w) weights: 1 where pixels are compared."""
    return pixels_kept(torch.from_numpy(ignored)[:, None])
