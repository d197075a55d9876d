"""The plate of `drawn_part` before grounds with stains and stripes that are others on every image."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Image, Mask

Matrix = NDArray[np.float64]

SIZE = (640, 480)
"""Width and height of the images."""

PLATE = (220, 170, 201, 141)
"""Left, top, width and height of the plate where it has not moved."""

CORNERS = np.array([[220, 170], [420, 170], [420, 310], [220, 310]], float)


def moved_by(right: float, down: float, degrees: float) -> Matrix:
    """(2, 3) from where the plate has not moved to where it is turned about its middle and shifted."""
    matrix = np.asarray(cv2.getRotationMatrix2D((320, 240), degrees, 1), np.float64)
    matrix[:, 2] += (right, down)
    return matrix


def on_ground(drawn_part: Image, true: Matrix, number: int) -> Image:
    """(480, 640, 3), the plate moved by the (2, 3) matrix `true` on the ground of that number; each ground is darker
    than the plate in one place and brighter in another."""
    rng, (left, top, width, height) = np.random.default_rng(number), PLATE
    stains = cv2.resize(rng.uniform(0.5, 3, (8, 10)).astype(np.float32), SIZE, interpolation=cv2.INTER_CUBIC)
    ground = np.asarray(stains[..., None] * rng.uniform(40, 90, 3), np.float32)
    for _ in range(3):
        ends = rng.integers(0, 640, 4).tolist()
        cv2.line(ground, (ends[0], ends[1]), (ends[2], ends[3]), rng.uniform(10, 200, 3).tolist(), 6)
    plate, covered = np.zeros((480, 640, 3), np.float32), np.zeros((480, 640, 1), np.float32)
    plate[top : top + height, left : left + width] = drawn_part[50:191, 60:261]
    covered[top : top + height, left : left + width] = 1
    plate, covered = (np.asarray(cv2.warpAffine(one, true, SIZE), np.float32) for one in (plate, covered))
    grain = rng.normal(0, 2, ground.shape)
    return np.asarray(np.clip(ground * (1 - covered[..., None]) + plate + grain, 0, 255), np.uint8)


def around_plate(beside: int = 8) -> Mask:
    """(480, 640), 255 on the plate that has not moved and so many pixels beside it."""
    left, top, width, height = PLATE
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[top - beside : top + height + beside, left - beside : left + width + beside] = 255
    return mask
