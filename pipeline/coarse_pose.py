"""Coarse pose: where a part may lie that has moved or turned too far for sub-pixel alignment to start from rest."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.config import Box

Grey = NDArray[np.float32]
Warp = NDArray[np.float32]

FARTHEST = 1 / 4
"""Shift that is searched, as a share of the image's sides: an eighth each way, of parts and of the reference's."""

SIDE = 80
"""Longest side of the images that are compared: its pixels are finer than what alignment can start from."""

FLAT = 1e-3
"""Variance, in that of the part, up to which a place is flat, such as burnt-out ground. Its correlation would be one
rounding error by another: anything up to 1, and not the same from run to run."""

CANDIDATES = 2
"""Poses handed on to alignment."""


class CoarseSearch:
    """Normalised cross-correlation of gradients, which light hardly changes, over shifts and the given turns.

    Args:
        reference: (H, W) float32, the part in the pose that is looked for.
        degrees: turns of the image that are tried.
        part: left, top, width and height of what is looked for in it; None for its middle.
    """

    def __init__(self, reference: Grey, degrees: tuple[float, ...], part: Box | None = None) -> None:
        height, width = reference.shape
        self._scale = min(1.0, SIDE / max(width, height))
        self._size = (max(8, round(width * self._scale)), max(8, round(height * self._scale)))
        self._degrees = degrees
        left, top, right, bottom = self._middle() if part is None else self._shrunk(part)
        self._corner = (left, top)
        self._template = np.ascontiguousarray(_edges(self._shrink(reference))[top:bottom, left:right])

    def candidates(self, image: Grey) -> list[Warp]:
        """(2, 3) float32 from pixels (x, y) of the reference to those of the image, the likeliest first."""
        small = self._shrink(image)
        found = sorted((self._best_shift(small, turn) for turn in self._degrees), key=lambda pair: -pair[0])
        return [warp for _, warp in found[:CANDIDATES]]

    def _best_shift(self, small: Grey, degrees: float) -> tuple[float, Warp]:
        middle = ((self._size[0] - 1) / 2, (self._size[1] - 1) / 2)
        turn = np.asarray(cv2.getRotationMatrix2D(middle, degrees, 1), np.float64)
        turned = np.asarray(cv2.warpAffine(small, turn, self._size, borderMode=cv2.BORDER_REPLICATE), np.float32)
        likeness = _likeness(_edges(turned), self._template)
        _, best, _, (x, y) = cv2.minMaxLoc(likeness)
        back = np.asarray(cv2.invertAffineTransform(turn), np.float64)
        back[:, 2] += back[:, :2] @ (x - self._corner[0], y - self._corner[1])
        back[:, 2] = (back[:, 2] + (back[:, :2] - np.eye(2)) @ (0.5, 0.5)) / self._scale
        back[:, 2] -= (back[:, :2] - np.eye(2)) @ (0.5, 0.5)
        return float(best), back.astype(np.float32)

    def _middle(self) -> tuple[int, int, int, int]:
        x, y = (round(side * FARTHEST) for side in self._size)
        return x, y, self._size[0] - x, self._size[1] - y

    def _shrunk(self, part: Box) -> tuple[int, int, int, int]:
        left, top, width, height = part
        corners = (left, top, left + width, top + height)
        left, top, right, bottom = (round(side * self._scale) for side in corners)
        return left, top, max(right, left + 1), max(bottom, top + 1)

    def _shrink(self, image: Grey) -> Grey:
        return np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.float32)


def _likeness(image: Grey, template: Grey) -> Grey:
    """Correlation, -1..1, at each place that the template fits in."""
    found = cv2.matchTemplate(image, template, cv2.TM_CCOEFF_NORMED)
    rows, columns = found.shape
    size, corner = template.shape[::-1], (0, 0)
    mean = cv2.boxFilter(image, cv2.CV_64F, size, anchor=corner)[:rows, :columns]
    square = cv2.sqrBoxFilter(image, cv2.CV_64F, size, anchor=corner)[:rows, :columns]
    return np.asarray(np.where(square - mean**2 > FLAT * template.var(), found, 0), np.float32)


def _edges(image: Grey) -> NDArray[np.float32]:
    across, down = cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.GaussianBlur(np.sqrt(cv2.magnitude(across, down)), (0, 0), 1.0), np.float32)
