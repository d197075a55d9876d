"""Which good images to learn from where there are more than the training takes: those that add variety."""

import numpy as np
from numpy.typing import NDArray


def cover(likeness: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """Pick images such that every other one is near to one of them (k-center, greedily: Gonzalez 1985, TCS 38:293).

    Args:
        likeness: (N, d) uint8, small pictures of the images.
        count: images to pick, at most N.

    Returns:
        (count,) indices, ascending; the first pick is the image nearest to the mean.
    """
    points = likeness.astype(np.float32)
    chosen = [int(np.argmin(np.square(points - points.mean(0)).sum(1)))]
    distance = np.square(points - points[chosen[0]]).sum(1)
    distance[chosen] = -1
    while len(chosen) < min(count, len(points)):
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.square(points - points[chosen[-1]]).sum(1))
        distance[chosen] = -1
    return np.sort(np.array(chosen))
