"""Registration: bring the part onto the reference pose, and know when that failed."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Image, shrink

Matrix = NDArray[np.float64]

SEARCH_SIDE = 160
"""Longest side of the image the pose is searched on: sub-pixel alignment finds a tenth of its pixels."""

ITERATIONS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-4)


@dataclass(frozen=True)
class Registration:
    """Where the part lies in one image.

    Attributes:
        matrix: (2, 3) float64, maps pixels (x, y) of the original to the reference frame.
        quality: correlation with the reference after alignment, -1..1.
        found: False where the pose is not to be trusted; the verdict is then REVIEW.
    """

    matrix: Matrix
    quality: float
    found: bool

    def to_original(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map (N, 2) points (x, y) of the reference frame to the original image."""
        inverse = cv2.invertAffineTransform(self.matrix)
        return np.asarray(points @ inverse[:, :2].T + inverse[:, 2])

    def in_frame(self, reference_size: tuple[int, int], frame_size: tuple[int, int]) -> Matrix:
        """The matrix between a scaled original and the working frame, both of `frame_size` (w, h)."""
        scale = _pixel_scaling(reference_size, frame_size)
        whole = scale @ _square(self.matrix) @ np.linalg.inv(scale)
        return np.asarray(whole[:2])


class Registrar:
    """Finds the pose of a part against a reference image by ECC (Evangelidis and Psarakis 2008, TPAMI 30:10).

    Args:
        reference: (H, W, 3) uint8 RGB, a good part in the pose that all others are brought to.
        motion: `euclidean`, or `none` where parts have no common pose.
        min_quality: correlation below which a pose is not trusted; learned from good parts.
    """

    def __init__(self, reference: Image, *, motion: str, min_quality: float) -> None:
        self.size = (reference.shape[1], reference.shape[0])
        self.motion = motion
        self.min_quality = min_quality
        scale = min(1.0, SEARCH_SIDE / max(self.size))
        self._search_size = (round(self.size[0] * scale), round(self.size[1] * scale))
        self._reference = self._shrink(reference)
        self._scaling = _pixel_scaling(self.size, self._search_size)

    def register(self, image: Image) -> Registration:
        """Find the pose of the part in an image of the reference's size, (H, W, 3) uint8 RGB."""
        if self.motion == "none":
            return Registration(np.eye(2, 3), 1.0, True)
        try:
            quality, warp = cv2.findTransformECC(
                self._reference,
                self._shrink(image),
                np.eye(2, 3, dtype=np.float32),
                cv2.MOTION_EUCLIDEAN,
                ITERATIONS,
            )
        except cv2.error:  # no convergence, or an image without any structure
            return Registration(np.eye(2, 3), -1.0, False)
        to_reference = np.linalg.inv(_square(warp.astype(np.float64)))
        whole = np.linalg.inv(self._scaling) @ to_reference @ self._scaling
        return Registration(whole[:2], float(quality), quality >= self.min_quality)

    def _shrink(self, image: Image) -> NDArray[np.uint8]:
        small = shrink(image, self._search_size)
        return np.asarray(cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (3, 3), 0), np.uint8)


def learned_min_quality(qualities: NDArray[np.float64]) -> float:
    """The correlation below which a pose is not trusted: well under what good parts show.

    Args:
        qualities: (N,) correlations of good parts, -1..1.
    """
    low, middle = np.percentile(qualities, (1, 50))
    return float(max(0.2, low - 3 * (middle - low) - 0.02))


def _pixel_scaling(size: tuple[int, int], to: tuple[int, int]) -> Matrix:
    """The 3x3 matrix from pixels of one size to pixels of another; pixel centres lie at whole numbers."""
    x, y = to[0] / size[0], to[1] / size[1]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def _square(matrix: Matrix) -> Matrix:
    return np.vstack([matrix, [0, 0, 1]])
