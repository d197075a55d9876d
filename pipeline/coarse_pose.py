"""Coarse pose: where a part may lie that has moved or turned too far for sub-pixel alignment to start from rest."""

from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.edges import directions
from pipeline.images import Mask

Brightness = NDArray[np.float32]
Matrix = NDArray[np.float64]
Warp = NDArray[np.float32]

SIDE = 80
"""Longest side of the images that are compared: its pixels are finer than what alignment can start from."""

BESIDE = 1 / 4
"""Of a part's longer side, what may lie beside the image."""

BLUR = 1.0
"""Pixels that edges may lie off, half a step of turn away."""

CANDIDATES = 4
"""Poses handed on to alignment, at the most, for each size that is tried: half a turn may look nearly as likely as the
right one, and from one size alignment may find the way where from the likeliest it does not.
"""

LIKELY = 0.75
"""Of the best likeness, that of a pose which is handed on."""


class Template(NamedTuple):
    """The edges of a turned part, (h, w, 2), and the (3, 3) way from their pixels to those of the small reference, in
    which the part is `size` times smaller.
    """

    edges: NDArray[np.float32]
    to_reference: Matrix
    size: float


class CoarseSearch:
    """Correlation of the directions of edges over shifts and the given turns and sizes.

    What counts is how many edges of the part find one of their direction; all that lies between and beside them says
    nothing against a pose (as in Steger 2002, "Occlusion, clutter, and illumination invariant object recognition").

    Args:
        reference: (H, W) float32, logarithms of levels, the part in the pose that is looked for.
        part: (H, W) uint8, not 0 where it shows the part.
        degrees: turns of the image that are tried.
        sizes: how many times as large parts may be seen.
    """

    def __init__(
        self, reference: Brightness, part: Mask, degrees: tuple[float, ...], sizes: tuple[float, ...] = (1.0,)
    ) -> None:
        height, width = reference.shape
        self._scale = min(1.0, SIDE / max(width, height))
        self._size = (max(8, round(width * self._scale)), max(8, round(height * self._scale)))
        small = self._shrink(reference), self._shrink(part.astype(np.float32))
        self._templates = [_template(*small, turn, size) for turn, size in product(degrees, sizes)]
        self._most = CANDIDATES * len(sizes)
        longest = max(max(template.edges.shape) for template in self._templates)
        self._margin = max(round(BESIDE * longest), (longest - min(self._size) + 1) // 2)

    def candidates(self, image: Brightness) -> list[Warp]:
        """(2, 3) float32 from pixels (x, y) of the reference to those of the image, the likeliest first."""
        edges = _edges(self._shrink(image))
        reach = self._margin
        around = np.pad(edges, ((reach, reach), (reach, reach), (0, 0)))
        found = sorted((self._best_shift(around, template) for template in self._templates), key=lambda pair: -pair[0])
        return [warp for likeness, warp in found[: self._most] if likeness >= LIKELY * found[0][0]]

    def _best_shift(self, around: NDArray[np.float32], template: Template) -> tuple[float, Warp]:
        _, best, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(around, template.edges, cv2.TM_CCORR))
        way = np.linalg.inv(template.to_reference)
        way[:2, 2] += (x - self._margin, y - self._margin)
        turn = way[:2, :2]
        way[:2, 2] = (way[:2, 2] + (np.eye(2) - turn) @ (0.5, 0.5)) / self._scale - (np.eye(2) - turn) @ (0.5, 0.5)
        return float(best) / template.size, way[:2].astype(np.float32)  # a larger part has longer edges

    def _shrink(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.float32)


def _template(reference: Brightness, part: NDArray[np.float32], degrees: float, size: float) -> Template:
    """The part as it looks on an image turned by `degrees`, `size` times as large, in the least upright box around."""
    rows, columns = np.nonzero(part)
    low, high = (np.array([end(columns), end(rows)], np.float64) for end in (np.min, np.max))
    turn = np.asarray(cv2.getRotationMatrix2D((0, 0), degrees, size), np.float64)[:, :2]
    box = np.ceil(np.abs(turn) @ (high - low + 1)).astype(int)
    way = np.eye(3)
    way[:2, :2] = turn.T / size**2  # its inverse
    way[:2, 2] = (low + high) / 2 - way[:2, :2] @ ((box - 1) / 2)
    turned, there = (_warped(plane, way, box) for plane in (reference, part))
    return Template(np.ascontiguousarray(_edges(turned) * (there > 0)[..., None]), way, size)


def _warped(plane: NDArray[np.float32], way: Matrix, size: NDArray[np.int_]) -> NDArray[np.float32]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, way[:2], size.tolist(), flags=flags), np.float32)


def _edges(brightness: Brightness) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(directions(brightness), (0, 0), BLUR), np.float32)
