"""Coarse pose: where a part may lie that has moved or turned too far for sub-pixel alignment to start from rest."""

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
Warp = NDArray[np.float32]

FARTHEST = 1 / 4
"""Shift that is searched, as a share of the image's sides: an eighth each way, of parts and of the reference's."""

SIDE = 80
"""Longest side of the images that are compared: its pixels are finer than what alignment can start from."""

CANDIDATES = 2
"""Poses handed on to alignment."""


class CoarseSearch:
    """Normalised cross-correlation of gradients, which light hardly changes, over shifts and the given turns.

    Args:
        reference: (H, W) float32, the part in the pose that is looked for.
        degrees: turns of the image that are tried.
    """

    def __init__(self, reference: Grey, degrees: tuple[float, ...]) -> None:
        height, width = reference.shape
        self._scale = min(1.0, SIDE / max(width, height))
        self._size = (max(8, round(width * self._scale)), max(8, round(height * self._scale)))
        self._degrees = degrees
        self._margin = (round(self._size[0] * FARTHEST), round(self._size[1] * FARTHEST))
        x, y = self._margin
        edges = _edges(self._shrink(reference))
        self._template = np.ascontiguousarray(edges[y : self._size[1] - y, x : self._size[0] - x])

    def candidates(self, image: Grey) -> list[Warp]:
        """(2, 3) float32 from pixels (x, y) of the reference to those of the image, the likeliest first."""
        small = self._shrink(image)
        found = sorted((self._best_shift(small, turn) for turn in self._degrees), key=lambda pair: -pair[0])
        return [warp for _, warp in found[:CANDIDATES]]

    def _best_shift(self, small: Grey, degrees: float) -> tuple[float, Warp]:
        middle = ((self._size[0] - 1) / 2, (self._size[1] - 1) / 2)
        turn = np.asarray(cv2.getRotationMatrix2D(middle, degrees, 1), np.float64)
        turned = np.asarray(cv2.warpAffine(small, turn, self._size, borderMode=cv2.BORDER_REPLICATE), np.float32)
        likeness = cv2.matchTemplate(_edges(turned), self._template, cv2.TM_CCOEFF_NORMED)
        _, best, _, (x, y) = cv2.minMaxLoc(likeness)
        back = np.asarray(cv2.invertAffineTransform(turn), np.float64)
        back[:, 2] += back[:, :2] @ (x - self._margin[0], y - self._margin[1])
        back[:, 2] = (back[:, 2] + (back[:, :2] - np.eye(2)) @ (0.5, 0.5)) / self._scale
        back[:, 2] -= (back[:, :2] - np.eye(2)) @ (0.5, 0.5)
        return float(best), back.astype(np.float32)

    def _shrink(self, image: Grey) -> Grey:
        return np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.float32)


def _edges(image: Grey) -> NDArray[np.float32]:
    across, down = cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.GaussianBlur(np.sqrt(cv2.magnitude(across, down)), (0, 0), 1.0), np.float32)
