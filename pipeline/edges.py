"""Edges by their direction: the same before a bright ground and before a dark one, in strong light and in weak."""

import cv2
import numpy as np
from numpy.typing import NDArray

FAINT = 0.03
"""Slope, in logarithms of levels a pixel, of an edge that counts half."""


def directions(brightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Twice the angle of the slope at each pixel: with it, an edge and its opposite are one (Granlund 1978, "In search
    of a general picture processing operator").

    Args:
        brightness: (H, W), logarithms of levels.

    Returns:
        (H, W, 2), vectors as long as the edge is clear, 0..1.
    """
    x, y = (cv2.Sobel(brightness, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    slope = np.hypot(x, y)
    clear = 1 / ((slope + FAINT) * (slope + 1e-9))
    return np.asarray(np.dstack([(x * x - y * y) * clear, 2 * x * y * clear]), np.float32)
