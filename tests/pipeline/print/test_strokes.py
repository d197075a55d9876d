from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.print.strokes import (
    bar_ink,
    bar_reach,
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
    found = ink_response(image, WIDTH, dark=ink < ground) >= ink_level(180, 0)
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
    assert ink_level(40, 15) >= 2 * 15


def test_cover_widens_by_one_pixel() -> None:
    ink = np.zeros((9, 9), np.uint8)
    ink[4, 4] = 255
    assert np.count_nonzero(cover(ink)) == 5


def _bars(angle: float, *, stain: bool = False) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Single bars of 1.5 px and a dense run of them, blurred; a faint stain lies in the gap between."""
    fine = np.full((480, 720), 220, np.uint8)
    for left in (*range(120, 280, 40), *range(420, 500, 12)):
        fine[120:360, left : left + 6] = 40
    turn = np.asarray(cv2.getRotationMatrix2D((360, 240), -np.degrees(angle), 1.0))
    fine = np.asarray(cv2.warpAffine(fine, turn, (720, 480), borderValue=(220,)), np.uint8)
    sharp = np.asarray(cv2.resize(fine, (180, 120), interpolation=cv2.INTER_AREA), np.uint8)
    truth = sharp < 150
    if stain:
        cv2.circle(sharp, (85, 60), 2, (150,), cv2.FILLED)
    return np.asarray(cv2.GaussianBlur(sharp, (0, 0), 0.9), np.uint8), truth


@pytest.mark.parametrize("angle", [0.0, 0.2, -0.2, np.pi / 2 - 0.1])
def test_bars_thin_and_run_together_are_ink(angle: float) -> None:
    image, truth = _bars(angle)
    found = bar_ink(image, WIDTH, ink_level(160, 0), dark=True, angle=angle)
    assert (cover(found)[truth] > 0).mean() > 0.98
    assert not (found > 0)[cv2.dilate(truth.astype(np.uint8), np.ones((9, 9))) == 0].any()


def test_a_faint_stain_between_bars_is_not_ink() -> None:
    image, truth = _bars(0.0, stain=True)
    found = bar_ink(image, WIDTH, ink_level(160, 0), dark=True, angle=0.0)
    assert (ink_response(image, WIDTH, dark=True)[59:62, 84:87] >= 0.25 * ink_level(160, 0)).all()
    assert not found[57:64, 82:88].any()
    assert (cover(found)[truth] > 0).mean() > 0.98


def test_light_bars_are_found_as_dark_ones_are() -> None:
    image, _ = _bars(0.1)
    dark, light = (
        bar_ink(grey, WIDTH, ink_level(160, 0), dark=is_dark, angle=0.1)
        for grey, is_dark in ((image, True), (255 - image, False))
    )
    assert (dark != light).mean() < 0.001  # rounding


def test_a_run_of_bars_is_wider_than_a_stroke() -> None:
    assert bar_reach(WIDTH) > 2 * WIDTH
    assert bar_reach(10) % 2 == 1


@pytest.mark.parametrize(("size", "width"), [((768, 576), 13), ((2448, 2048), 41), ((64, 64), 11)])
def test_stroke_width_grows_with_the_image_and_is_odd(size: tuple[int, int], width: int) -> None:
    assert abs(stroke_width(size) - width) <= 2
    assert stroke_width(size) % 2 == 1
