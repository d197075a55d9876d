from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.config import ZoneKind
from pipeline.print import kinds
from pipeline.print.kinds import classify, is_print

NOISE = np.random.default_rng(1).integers(0, 255, (40, 80)).astype(np.uint8)
BARS = np.tile(np.repeat(NOISE[:1, ::4], 4, axis=1), (40, 1))


@pytest.mark.parametrize(
    ("symbology", "kind"), [("DataMatrix", ZoneKind.MATRIX_CODE), ("Code128", ZoneKind.LINEAR_CODE)]
)
def test_decoded_code_says_what_it_is(symbology: str, kind: ZoneKind) -> None:
    assert classify([NOISE], Counter({symbology: 3}), 100) is kind


def test_undecoded_bars_are_a_linear_code() -> None:
    assert classify([BARS], Counter(), 100) is ZoneKind.LINEAR_CODE


def test_faint_marks_are_etched() -> None:
    assert classify([NOISE], Counter(), 30) is ZoneKind.ETCHED


def test_without_tesseract_print_counts_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_has_tesseract", lambda: False)
    assert classify([NOISE], Counter(), 100) is ZoneKind.TEXT


def _stripes(edges: list[int], height: int = 40) -> NDArray[np.uint8]:
    dark = np.zeros(edges[-1] + 6, bool)
    for start, stop in zip(edges[::2], edges[1::2], strict=False):
        dark[start:stop] = True
    return np.repeat(np.where(dark, 30, 220).astype(np.uint8)[None], height, axis=0)


def test_a_thread_is_no_code_and_bars_of_many_widths_are() -> None:
    rng = np.random.default_rng(0)
    thread = _stripes(list(range(4, 200, 6)))
    bars = _stripes(list(np.cumsum(rng.integers(2, 9, 40)) + 4))
    slot = _stripes([20, 26])
    seen = [is_print([grey], ZoneKind.LINEAR_CODE, alike=0.0, width=11, dark=True) for grey in (thread, bars, slot)]
    assert seen == [False, True, False]


def test_a_slot_is_no_text_and_letters_are() -> None:
    slot, letters = np.full((2, 60, 120), 200, np.uint8)
    cv2.line(slot, (20, 30), (90, 40), 40, 5)
    cv2.putText(letters, "A7K2", (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 40, 2)
    seen = [is_print([grey], ZoneKind.OTHER, alike=0.0, width=11, dark=True) for grey in (slot, letters)]
    assert seen == [False, True]
