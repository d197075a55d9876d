from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pipeline.print import kinds
from pipeline.print.kinds import ZoneKind, classify

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
