"""Images among the good ones that a person should look at: bad parts that slipped in, or shots gone wrong."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FAR = 4.0
"""Distance from the median, in those of the 90th percentile, from which on a part looks odd.

Where high scores get rarer by the same factor with every unit, one good part in a thousand is that far.
"""

MOST = 50
"""Names that are worth listing; with more, the folder needs another look altogether."""


def oddness(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) how far each score is above the median, 90th percentile = 1; few odd parts do not move that scale."""
    middle, high = np.quantile(scores, (0.5, 0.9))
    return np.asarray((scores - middle) / max(high - middle, 1e-9), np.float64)


def suspicious(names: Sequence[str], scores: Sequence[NDArray[np.float64]]) -> tuple[str, ...]:
    """Names of the odd ones, the oddest first.

    Args:
        names: of all images, in the order of `scores`.
        scores: one array each for the images that were learned from and for those held back: what was learned from
            scores lower, and is compared with its own kind.
    """
    odd = np.concatenate([oddness(some) for some in scores if len(some)])
    return tuple(names[index] for index in np.argsort(-odd, kind="stable")[:MOST] if odd[index] > FAR)
