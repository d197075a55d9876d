"""How the detail head learns: first how good parts look at each place, then which deviations from that are faults."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from models.batches import kept_where
from models.detail import STRIDE, DetailHead, enlarge
from models.fitting import fault_loss, one_cycle
from models.frames import Frames
from models.hairlines import hurt
from pipeline.config import TrainingConfig
from pipeline.images import Grey
from pipeline.lighting import DETAIL

KNOWN_IMAGES = 500
"""Good parts from which it is known how places look, at the most."""

WINDOW = 96
"""Pixels of the working frame along a side of what is learned from at a time: a fault of this kind is smaller."""

PRIOR_IMAGES = 20
"""Parts of a variant after which they tell as much about how far places vary as the parts of all variants do."""

LEARNING_RATE = 3e-3

RELIT, GRAIN = 0.3, 3.0
"""Share of the windows in other light and with more grain, and how much more at the most, grey levels."""


def detail_passes(count: int, config: TrainingConfig) -> int:
    """How often `learn_detail` will call `advance` for `count` frames."""
    return min(count, KNOWN_IMAGES) + config.steps


def learn_detail(
    head: DetailHead, frames: Frames, variants: Tensor, config: TrainingConfig, advance: Callable[[], None]
) -> None:
    """Train a detail head in place, always alike for the same frames and seed; it takes a tenth of a training.

    Args:
        head: to be trained.
        frames: of good parts.
        variants: (N,) the number of the variant of each.
        config: steps, batch size and seed.
        advance: told of every frame and step done.
    """
    _know(head, frames, variants, advance)
    optimiser, schedule = one_cycle(head, LEARNING_RATE, config.steps)
    head.train()
    for step in range(config.steps):
        rng = np.random.default_rng((config.seed, step, STRIDE))  # other draws than those of the autoencoder
        drawn = _windows(head, frames, variants, config, rng)
        off, changed, kept = (torch.cat(maps) for maps in zip(*drawn, strict=True))
        optimiser.zero_grad()
        fault_loss(head(off), changed, kept, STRIDE).backward()
        optimiser.step()
        schedule.step()
        advance()
    head.eval()


def _know(head: DetailHead, frames: Frames, variants: Tensor, advance: Callable[[], None]) -> None:
    """Print counts as the rest: where it varies, nothing fine can be told from it, between its strokes neither.

    Where a variant has few parts, all variants together tell how far places vary about the means of each.
    """
    some = variants[:KNOWN_IMAGES]
    counts = torch.bincount(some, minlength=len(head.get_buffer("usual")))[:, None, None].double()
    total = torch.zeros(head.get_buffer("usual")[:, 0].shape, dtype=torch.float64)
    squares = torch.zeros_like(total)
    for index, variant in enumerate(some):
        detail = torch.from_numpy(frames.detail(index)).double()
        total[variant] += detail
        squares[variant] += detail.square()
        advance()
    mean = total / counts.clamp(min=1)
    off = (squares - counts * mean.square()).clamp(min=0)
    variance = (off + PRIOR_IMAGES * off.sum(0) / len(some)) / (counts + PRIOR_IMAGES)  # of one variant: its own
    head.know(mean, variance.sqrt().float())


def _windows(
    head: DetailHead, frames: Frames, variants: Tensor, config: TrainingConfig, rng: Generator
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Deviations, where faults are, and where pixels are compared, the latter two as weights of the detail's pixels."""
    return [_window(head, frames, variants, int(rng.integers(len(frames))), rng) for _ in range(config.batch_size)]


def _window(
    head: DetailHead, frames: Frames, variants: Tensor, index: int, rng: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    ignored = frames.ignored(index)
    height, width = (min(WINDOW, side) for side in ignored.shape)
    top, left = (int(rng.integers(side - used + 1)) for side, used in zip(ignored.shape, (height, width), strict=True))
    rows, columns = slice(DETAIL * top, DETAIL * (top + height)), slice(DETAIL * left, DETAIL * (left + width))
    faulty, changed = hurt(_as_taken(frames.detail(index)[rows, columns], rng), rng)
    kept = kept_where(ignored[None, top : top + height, left : left + width])
    off = head.deviations(torch.from_numpy(faulty)[None, None].float(), kept, variants[index : index + 1], (top, left))
    kept = enlarge(kept)
    return off, torch.from_numpy(changed)[None, None].float() / 255 * kept, kept


def _as_taken(detail: Grey, rng: Generator) -> Grey:
    """The same place on another shot."""
    if rng.random() >= RELIT:
        return detail
    lit = detail * rng.uniform(0.95, 1.05) + rng.normal(0, rng.uniform(0, GRAIN), detail.shape)
    return np.clip(np.round(lit), 0, 255).astype(np.uint8)
