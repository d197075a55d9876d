from __future__ import annotations

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.print.bars import orientation, patterns, read_bars

TEXT = "AB1234XYZ9"
SCALE = 16
SIZE = (220, 90)
NOISE = np.random.default_rng(1).integers(0, 255, (40, 80)).astype(np.uint8)


def _photograph(
    text: str = TEXT, *, pitch: float = 1.0, angle: float = 2.0, blur: float = 0.6
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Bars of `pitch` px a module, and the corners x, y of the code."""
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128)
    modules = np.array(barcode.to_image(scale=1, add_quiet_zones=False))[0]
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    half = 20.0
    linear = np.array([[cos * pitch, -sin * half], [sin * pitch, cos * half]])
    shift = np.array(SIZE) / 2 - linear @ (len(modules) / 2, 0)
    to_pixels = np.hstack([linear, shift[:, None]])
    y, x = np.mgrid[: SIZE[1] * SCALE // 2, : SIZE[0] * SCALE // 2] / (SCALE / 2)
    inverse = cv2.invertAffineTransform(to_pixels)
    at = np.floor(inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]).astype(int)
    inside = (at >= 0) & (at < len(modules)) & (np.abs(inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]) < 1)
    fine = np.where(inside, modules[np.clip(at, 0, len(modules) - 1)], 255).astype(np.float32)
    image = cv2.GaussianBlur(cv2.resize(fine, SIZE, interpolation=cv2.INTER_AREA), (0, 0), blur)
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    grey = np.clip(40 + image * 0.7 + noise, 0, 255).astype(np.uint8)
    corners = np.array([(0, -1), (len(modules), -1), (len(modules), 1), (0, 1)])
    return grey, corners @ to_pixels[:, :2].T + to_pixels[:, 2] - 0.5  # pixel centres are whole


@settings(max_examples=15, deadline=None)
@given(pitch=st.floats(0.95, 1.3), angle=st.floats(-15, 15))
def test_reads_bars_of_one_pixel(pitch: float, angle: float) -> None:
    grey, _ = _photograph(pitch=pitch, angle=angle)
    reading = read_bars(grey)
    assert reading is not None
    assert reading[0] == TEXT


@pytest.mark.parametrize("seed", range(5))
def test_reads_bars_out_of_focus(seed: int) -> None:
    """Of 1.1 px a module; what the photograph itself has of blur is in them already."""
    grey = _photograph(pitch=1.1, angle=2.0 * seed)[0]
    reading = read_bars(np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.9), np.uint8))
    assert reading is not None
    assert reading[0] == TEXT


def test_reads_upside_down() -> None:
    reading = read_bars(np.ascontiguousarray(_photograph()[0][::-1, ::-1]))
    assert reading is not None
    assert reading[0] == TEXT


def test_gives_the_box_of_the_bars() -> None:
    grey, truth = _photograph()
    reading = read_bars(grey)
    assert reading is not None
    axis = (truth[1] - truth[0]) / np.linalg.norm(truth[1] - truth[0])
    np.testing.assert_allclose(reading[1] @ axis, truth @ axis, atol=0.5)
    np.testing.assert_allclose(reading[1].mean(axis=0), truth.mean(axis=0), atol=2)


def test_does_not_make_up_what_a_stain_covers() -> None:
    grey, _ = _photograph()
    grey[:, 100:125] = 150
    assert read_bars(grey) is None


@pytest.mark.parametrize("grey", [NOISE, np.full((60, 120), 90, np.uint8)])
def test_no_bars_no_text(grey: NDArray[np.uint8]) -> None:
    assert read_bars(grey) is None


def test_patterns_are_those_of_the_symbology_and_the_reversed_stop() -> None:
    assert len(patterns()) == 106 + 2
    assert (patterns()[:, 0] == 1).all()
    assert (patterns()[:, -1] == 0).all()


def test_orientation_of_bars_and_of_noise() -> None:
    bars = np.tile(np.repeat(NOISE[:1, ::4], 4, axis=1), (40, 1))
    assert orientation(bars) == pytest.approx((0, 1), abs=0.01)
    assert abs(orientation(np.ascontiguousarray(bars.T))[0]) == pytest.approx(np.pi / 2, abs=0.01)
    assert orientation(NOISE)[1] < 0.3
