"""Variants of the good part: another colour, another connector, another car behind it.

Statistics that mix them hide the faults of one variant among the ways of another, so each part is compared with its own
kind. Nobody has to name the variants: small pictures of the parts fall into clusters, or they do not.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from torch import Tensor
from torch.nn import functional as F

from models.frames import Frames
from pipeline.framing import GRID

MOST = 8
"""Variants that are kept apart, at the most: each takes as much memory as the first."""

LEAST = 20
"""Good parts of a variant that can tell how it looks; fewer are compared with the variant most like them."""

CLEAR = 6.0
"""Distance of two variants, in deviations of their parts along it: no part lies between them (Ashman's D; Ashman, Bird
and Zepf 1994, AJ 108:2348, who call 2 a clean separation). Halves of what varies evenly are 3.5 apart."""

ODD = 0.05
"""Share of the parts that may be of no variant; more of them, and what lies between the variants was left out."""

SAMPLE = 1000
"""Parts that are clustered, at the most: time grows with their square."""

DIMENSIONS = 8
"""Principal components in which clusters are looked for: in more, few parts lie apart by chance."""


def picture_of(images: Tensor) -> Tensor:
    """(N, d): the mean colour in squares of `GRID` pixels, of (N, 3, H, W) images in 0..1."""
    return F.avg_pool2d(images, GRID).flatten(1)


def pictures_of(frames: Frames, advance: Callable[[], None]) -> Tensor:
    """(N, d): as `picture_of`, of the parts in these frames; `advance` is told of every one."""
    height, width, columns = frames.size[1], frames.size[0], frames.size[0] // GRID
    found = np.zeros((len(frames), 3, height // GRID, columns), np.float32)
    for index in range(len(frames)):
        squares = frames.image(index).reshape(height // GRID, GRID, width // GRID, GRID, 3)
        found[index] = squares.mean((1, 3)).transpose(2, 0, 1) / 255
        advance()
    return torch.from_numpy(found.reshape(len(frames), -1))


def nearest(pictures: Tensor, variants: Tensor) -> Tensor:
    """(N,) numbers of the variants, (V, d), that the pictures, (N, d), look most like."""
    if len(variants) == 1:
        return torch.zeros(len(pictures), dtype=torch.int64, device=pictures.device)
    return (pictures @ variants.T - variants.square().sum(1) / 2).argmax(1)


def of_variant(known: Tensor, variant: Tensor) -> Tensor:
    """What is known of the variant of each image, (N, ...), of what is known of all, (V, ...)."""
    return known if len(known) == 1 else known[variant]


def alternating(numbers: Tensor) -> NDArray[np.int64]:
    """An order of parts in which the first ones are of all variants: one of each, then the next of each, and so on."""
    turns = np.zeros(len(numbers), np.int64)
    for number in numbers.unique():
        turns[numbers == number] = np.arange(int((numbers == number).sum()))
    return np.argsort(turns, kind="stable")


def find_variants(pictures: Tensor) -> Tensor:
    """(V, d): what the parts of each variant look like in the mean; one row where all parts are of a kind.

    Ward's hierarchical clustering (Ward 1963, JASA 58:236), cut where as many clusters as can be lie apart.
    """
    some = pictures[torch.linspace(0, len(pictures) - 1, min(len(pictures), SAMPLE)).long()]
    tree, places = _tree(some.double().numpy())
    cuts = (_groups(tree, count) for count in range(2, min(2 * MOST, len(some)) + 1))
    clear = [groups for groups in cuts if _are_variants([places[group] for group in groups], len(some))]
    groups = max(clear, key=len, default=[np.arange(len(some))])
    return torch.stack([some[group].mean(0) for group in groups])


def _tree(pictures: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The tree of clusters, and (N, DIMENSIONS) places of the pictures among each other."""
    left, sizes, _ = np.linalg.svd(pictures - pictures.mean(0), full_matrices=False)
    places = left[:, :DIMENSIONS] * sizes[:DIMENSIONS]
    return linkage(places, "ward"), places


def _groups(tree: NDArray[np.float64], count: int) -> list[NDArray[np.int64]]:
    """The groups of a cut into `count`, without those of some odd parts."""
    numbers = fcluster(tree, count, "maxclust")
    groups = [np.flatnonzero(numbers == number) for number in range(1, numbers.max() + 1)]
    return [group for group in groups if len(group) >= LEAST]


def _are_variants(clusters: list[NDArray[np.float64]], count: int) -> bool:
    """Whether these clusters, of so many parts in all, are not too many, leave out few parts, and lie apart."""
    if len(clusters) > MOST or sum(map(len, clusters)) < (1 - ODD) * count:
        return False
    return all(_apart(one, other) >= CLEAR for number, one in enumerate(clusters) for other in clusters[:number])


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Ashman's D along the line between the means of two clusters."""
    line = one.mean(0) - other.mean(0)
    spread = np.sqrt(((one @ line).var() + (other @ line).var()) / 2)
    return float(line @ line / (spread + 1e-9))


def describe_variants(names: Sequence[str], pictures: Tensor, variants: Tensor) -> list[str]:
    """How many parts each variant has, and which shows it best; empty where all are of a kind."""
    if len(variants) == 1:
        return []
    numbers, off = nearest(pictures, variants), torch.cdist(pictures, variants)
    counts, best = torch.bincount(numbers, minlength=len(variants)), off.argmin(0)
    return [f"{count} like {names[index]}" for count, index in zip(counts.tolist(), best.tolist(), strict=True)]
