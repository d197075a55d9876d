from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.print.likeness import share_alike
from tests.pipeline.print.parts import TEXT_BOX, draw_part

WIDTH = 11
PIXELS = np.zeros((240, 320), bool)
PIXELS[TEXT_BOX[1] : TEXT_BOX[1] + TEXT_BOX[3], TEXT_BOX[0] : TEXT_BOX[0] + TEXT_BOX[2]] = True


def _draw(serial: str, seed: int, shift: float) -> NDArray[np.uint8]:
    grey = draw_part(seed, serial=serial, code="").image
    matrix = np.array([[1, 0.02 * shift, shift], [-0.02 * shift, 1, -shift]])
    return np.asarray(cv2.warpAffine(grey, matrix, (320, 240), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def test_same_word_in_another_pose() -> None:
    samples = [_draw("12345678", seed, shift) for seed, shift in enumerate((-2.0, 0.0, 1.5, 3.0))]
    assert share_alike(samples, TEXT_BOX, PIXELS, WIDTH) > 0.5


def test_one_digit_that_differs() -> None:
    samples = [_draw(f"1234567{digit}", digit, 0.0) for digit in range(4)]
    assert share_alike(samples, TEXT_BOX, PIXELS, WIDTH) <= 0.5


def test_one_sample_tells_nothing() -> None:
    assert share_alike([_draw("12345678", 0, 0.0)], TEXT_BOX, PIXELS, WIDTH) == 0
