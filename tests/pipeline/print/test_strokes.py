from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.print.strokes import (
    cover,
    ink_level,
    ink_response,
    stroke_response,
    stroke_width,
)

WIDTH = 9


def _draw(ground: int, ink: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    image = np.full((100, 200), ground, np.uint8)
    cv2.line(image, (20, 50), (180, 50), ink, 3)
    return image, image == ink


@pytest.mark.parametrize(("ground", "ink"), [(220, 40), (40, 220)])
def test_strokes_of_both_polarities(ground: int, ink: int) -> None:
    image, truth = _draw(ground, ink)
    response = stroke_response(image, WIDTH)
    assert np.sign(response[truth]).tolist() == [np.sign(ink - ground)] * int(truth.sum())
    found = ink_response(image, WIDTH, dark=ink < ground) >= ink_level(180, 0, fine=False)
    assert found[truth].all()
    assert not (found & ~cv2.dilate(truth.astype(np.uint8), np.ones((5, 5))).astype(bool)).any()


def test_the_other_polarity_is_not_ink() -> None:
    image, _ = _draw(220, 40)
    assert ink_response(image, WIDTH, dark=False).max() == 0


def test_blob_wider_than_a_stroke_and_edge_are_not_ink() -> None:
    image = np.full((100, 200), 220, np.uint8)
    cv2.rectangle(image, (30, 30), (60, 60), 60, cv2.FILLED)
    image[:, 150:] = 60
    assert ink_response(image, WIDTH, dark=True).max() < 10


def test_slow_change_of_light_is_not_ink() -> None:
    ramp = np.tile(np.linspace(60, 200, 200), (100, 1)).astype(np.uint8)
    assert np.abs(stroke_response(ramp, WIDTH)).max() < 10


def test_level_stays_above_the_grain() -> None:
    assert ink_level(40, 15, fine=False) >= 2 * 15


def test_cover_widens_by_one_pixel() -> None:
    ink = np.zeros((9, 9), np.uint8)
    ink[4, 4] = 255
    assert np.count_nonzero(cover(ink)) == 9


@pytest.mark.parametrize(("size", "width"), [((768, 576), 13), ((2448, 2048), 41), ((64, 64), 11)])
def test_stroke_width_grows_with_the_image_and_is_odd(size: tuple[int, int], width: int) -> None:
    assert abs(stroke_width(size) - width) <= 2
    assert stroke_width(size) % 2 == 1
