"""Which good images are learned from, in which order, and which are held back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.coverage import cover
from models.frames import Frames
from models.variants import alternating, find_variants, nearest, pictures_of
from pipeline.bundle import Bundle
from pipeline.config import Config
from pipeline.exceptions import TrainingError, UsageError
from pipeline.groups import Groups, find_groups
from pipeline.images import find_images, good_folder

VARIETY = 4
"""Where there are more good images than the training takes, it picks from this many times as many."""


def groups_of(paths: tuple[Path, ...], data: Path, config: Config) -> Groups:
    """(N,) numbers of the groups that the images were taken in; each its own where no pattern is given."""
    if config.training.groups is None:
        return np.arange(len(paths))
    return find_groups(config.training.groups, [path.relative_to(data).as_posix() for path in paths])


def split(likeness: NDArray[np.uint8], groups: Groups, config: Config) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the images to learn from and of those to hold back: whole groups, drawn from the seed.

    Where there are more than the training takes, those that add variety are picked from a random part of them. The
    rest is held back too: it is as random as what was held back before, so that what is promised on it holds. Images
    that the pick has passed over are not: they are more alike than parts are.
    """
    count = len(likeness)
    shuffled = np.random.default_rng(config.training.seed).permutation(groups.max() + 1)
    order = np.argsort(shuffled[groups], kind="stable")
    wanted = max(4, round(count * config.training.held_back), count - VARIETY * config.training.max_images)
    last = shuffled[groups[order[wanted - 1]]]
    held = order[shuffled[groups[order]] <= last]
    learn = order[len(held) :]
    if len(learn) < 4:
        raise TrainingError("training.groups leaves no images to learn from; use a pattern that makes smaller groups")
    if len(learn) > config.training.max_images:
        learn = learn[cover(likeness[learn], config.training.max_images)]
    return learn, held


@dataclass(frozen=True)
class Parts:
    """Good parts to learn from, in an order whose first ones are of all variants.

    Attributes:
        indices: (N,) of all usable images.
        frames: of these parts.
        pictures: (N, d), as `variants.picture_of` makes them.
        variants: (V, d), what each variant looks like.
        numbers: (N,) which of them each part is of.
    """

    indices: NDArray[np.int64]
    frames: Frames
    pictures: Tensor
    variants: Tensor
    numbers: Tensor


def sort_by_variant(frames: Frames, learn: NDArray[np.int64], advance: Callable[[], None]) -> Parts:
    """Find the variants of the parts of these indices; `advance` is told of every part."""
    pictures = pictures_of(frames.subset(learn), advance)
    variants = find_variants(pictures)
    numbers = nearest(pictures, variants)
    order = alternating(numbers)
    indices = learn[order]
    return Parts(indices, frames.subset(indices), pictures[order], variants, numbers[order])


def held_back(data: Path, bundle: Bundle) -> tuple[list[Path], Groups]:
    """The good images that the training of a model held back, and the numbers of their groups.

    Args:
        data: what it was trained on, as given to `train`.
        bundle: the model.

    Raises:
        UsageError: the folder no longer holds as many images.
    """
    paths = find_images(good_folder(data))
    if len(paths) != bundle.source["images"]:
        raise UsageError(f"{data}: has {len(paths)} good images; the model was trained on {bundle.source['images']}")
    refused = {str(reason).split(":")[0] for reason in bundle.source["refused"]}
    used = [path for path in paths if path.name not in refused]
    groups = groups_of(tuple(used), data, bundle.config)
    _, held = split(np.zeros((len(used), 1), np.uint8), groups, bundle.config)
    return [used[index] for index in held], groups[held]
