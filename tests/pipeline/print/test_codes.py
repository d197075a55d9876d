from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from pipeline.print.codes import _read_zbar, read_codes


def _draw(text: str, name: str, scale: int = 3) -> NDArray[np.uint8]:
    barcode = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, name))
    return np.pad(np.array(barcode.to_image(scale=scale)), 20, constant_values=255)


@pytest.mark.parametrize("symbology", ["DataMatrix", "QRCode", "Code128"])
def test_reads_symbology_and_text(symbology: str) -> None:
    (code,) = read_codes(_draw("AB-1234", symbology))
    assert (code.text, code.symbology) == ("AB-1234", symbology)


def test_reads_light_code_on_dark_ground() -> None:
    (code,) = read_codes(255 - _draw("DPM42", "DataMatrix"))
    assert code.text == "DPM42"


def test_corners_are_in_the_image_that_the_crop_is_from() -> None:
    page = np.full((300, 400), 255, np.uint8)
    code = _draw("CORNERS", "DataMatrix")
    page[100 : 100 + code.shape[0], 200 : 200 + code.shape[1]] = code
    (whole,) = read_codes(page)
    (crop,) = read_codes(page[90:, 180:], origin=(180, 90))
    np.testing.assert_allclose(crop.corners, whole.corners, atol=1)
    dark = np.argwhere(page < 128)[:, ::-1]
    np.testing.assert_allclose(whole.corners.min(axis=0), dark.min(axis=0), atol=2)
    np.testing.assert_allclose(whole.corners.max(axis=0), dark.max(axis=0), atol=2)


@pytest.mark.parametrize("angle", [0, 20, 90, 160, 180, 250, 340])
def test_both_decoders_begin_at_the_same_corner(angle: float) -> None:
    pytest.importorskip("pyzbar.pyzbar", exc_type=ImportError)
    upright = _draw("AB-1234", "QRCode", scale=4)
    turn = cv2.getRotationMatrix2D((upright.shape[1] / 2, upright.shape[0] / 2), angle, 1.0)
    grey = np.asarray(cv2.warpAffine(upright, turn, upright.shape[::-1], borderValue=(255,)), np.uint8)
    ((text, symbology, corners),) = _read_zbar(grey)
    (code,) = read_codes(grey)
    assert (text, symbology) == (code.text, code.symbology)
    np.testing.assert_allclose(corners, code.corners, atol=4)


@pytest.mark.parametrize("name", ["DataMatrix", "QRCode"])
def test_a_matrix_code_out_of_focus_is_read(name: str) -> None:
    blurred = cv2.GaussianBlur(_draw("OUT-OF-FOCUS-1", name), (0, 0), 1.8)
    grey = np.clip(blurred + np.random.default_rng(1).normal(0, 2, blurred.shape), 0, 255).astype(np.uint8)
    assert not read_codes(grey)
    assert [code.text for code in read_codes(grey, expect="matrix")] == ["OUT-OF-FOCUS-1"]


@pytest.mark.parametrize("expect", [None, "linear", "matrix"])
def test_plain_ground_holds_no_code(expect: Literal["linear", "matrix"] | None) -> None:
    assert read_codes(np.full((80, 80), 200, np.uint8), expect=expect) == ()
