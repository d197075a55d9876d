from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.print import PrintStage, read_codes
from pipeline.print.flaws import flaw_of
from tests.pipeline.print.parts import CODE_BOX, HERE, draw_part

WIDTH = 11  # four modules of 3 px, about
TEXTS = {"DataMatrix": "AB-12345678", "QRCode": "HTTPS://A.B/C4711", "Code128": "AB1234XYZ9"}


def _photograph(symbology: str, *, angle: float = 2.0, seed: int = 0, rows: int = 40) -> NDArray[np.uint8]:
    """A code of 3 px a module (2 for bars), turned, blurred, in uneven light and grain."""
    code = zxingcpp.create_barcode(TEXTS[symbology], getattr(zxingcpp.BarcodeFormat, symbology))
    modules = np.array(code.to_image(scale=1, add_quiet_zones=False))
    linear = symbology == "Code128"
    drawn = np.tile(modules[:1], (rows // 2, 1)) if linear else modules
    grey = np.pad(np.kron(drawn, np.full((2, 2) if linear else (3, 3), 1, np.uint8)), 14, constant_values=255)
    turn = cv2.getRotationMatrix2D((grey.shape[1] / 2, grey.shape[0] / 2), angle, 1.0)
    grey = np.asarray(cv2.warpAffine(grey, turn, grey.shape[::-1], borderValue=(255,)), np.uint8)
    soft = cv2.GaussianBlur(grey, (0, 0), 0.7).astype(np.float32)
    light = np.linspace(0.75, 0.85, grey.shape[1]) * (30 + 0.8 * soft)
    return np.clip(light + np.random.default_rng(seed).normal(0, 3, grey.shape), 0, 255).astype(np.uint8)


def _flaw(grey: NDArray[np.uint8], symbology: str) -> float:
    (code,) = read_codes(grey)
    assert code.symbology == symbology
    cut = 12 if symbology == "Code128" else 0
    crop = grey[cut : grey.shape[0] - cut, cut : grey.shape[1] - cut]
    found = flaw_of(code, np.ascontiguousarray(crop), code.corners - cut, WIDTH)
    assert found is not None
    return found


@pytest.mark.parametrize("symbology", TEXTS)
@settings(max_examples=8, deadline=None)
@given(angle=st.floats(-12, 12), seed=st.integers(0, 1000))
def test_a_whole_code_has_next_to_no_flaw(symbology: str, angle: float, seed: int) -> None:
    turned = 0.1 * angle if symbology == "Code128" else angle  # bars lie in a crop of their own, which is upright
    assert _flaw(_photograph(symbology, angle=turned, seed=seed), symbology) < 0.25


@pytest.mark.parametrize("symbology", TEXTS)
@pytest.mark.parametrize("ink", [30, 210])
def test_a_blot_that_the_decoder_copes_with_is_a_flaw(symbology: str, ink: int) -> None:
    grey = _photograph(symbology)
    x, y = grey.shape[1] // 2, grey.shape[0] // 2
    cv2.circle(grey, (x + 8, y + 6), 5, (ink,), cv2.FILLED, cv2.LINE_AA)
    assert _flaw(grey, symbology) > 0.3


@pytest.mark.parametrize("symbology", TEXTS)
def test_defocus_is_no_damage(symbology: str) -> None:
    soft = np.asarray(cv2.GaussianBlur(_photograph(symbology), (0, 0), 0.9), np.uint8)
    assert _flaw(soft, symbology) < 0.06


@pytest.mark.parametrize("angle", [-1.2, -0.4, 0.3, 1.0])
def test_a_faint_scratch_across_bars_stands_out_of_what_turning_them_does(angle: float) -> None:
    whole = _photograph("Code128", angle=angle)
    marked = whole.copy()
    height, width = whole.shape
    cv2.line(marked, (width // 3, height // 3), (width * 2 // 3, height // 2), (120,), 1, cv2.LINE_AA)
    scratched = cv2.addWeighted(whole, 0.6, marked, 0.4, 0)
    assert _flaw(np.asarray(scratched, np.uint8), "Code128") > max(0.04, 2 * _flaw(whole, "Code128"))


def test_digits_under_the_bars_are_no_flaw() -> None:
    grey = _photograph("Code128")
    (code,) = read_codes(grey)
    below = np.full((20, grey.shape[1]), 200, np.uint8)
    cv2.putText(below, "AB1234XYZ9 AB1234XYZ9", (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30,), 2)
    found = flaw_of(code, np.vstack([grey[12:-12], below]), code.corners, WIDTH)
    assert found is not None
    assert found < 0.25


def test_what_cannot_be_encoded_again_tells_nothing() -> None:
    grey = _photograph("QRCode")
    (code,) = read_codes(grey)
    empty = np.full((60, 60), 200, np.uint8)
    assert flaw_of(code, empty, code.corners, WIDTH) is None


@pytest.mark.parametrize("text", ["AB-12345679", "AB-12345687", "XX-12345678"])
def test_another_encoding_is_no_damage(text: str) -> None:
    grey = _photograph("DataMatrix")
    (code,) = read_codes(grey)
    assert flaw_of(replace(code, text=text), grey, code.corners, WIDTH) is None


def test_bars_of_two_rows_tell_nothing() -> None:
    grey = _photograph("Code128", angle=0)
    (code,) = read_codes(grey)
    assert flaw_of(code, grey[30:34], code.corners, WIDTH) is None


def test_damage_is_named_though_the_code_is_read(stage: PrintStage) -> None:
    image = draw_part(1100, code="P123456789").image
    x, y = CODE_BOX[0] + 32, CODE_BOX[1] + 26
    cv2.circle(image, (x, y), 5, (30, 30, 30), cv2.FILLED)
    found = stage.find(image, HERE)
    assert [code.text for code in found.codes] == ["P123456789"]
    (finding,) = found.findings
    assert "code in zone 'datamatrix 1' damaged though readable" in finding
