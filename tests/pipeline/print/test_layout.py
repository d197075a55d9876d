from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.print.layout import box_of, find_blocks, xy_cut

WIDTH = 9


def _maps() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    strength = np.full((120, 200), 2, np.float32)
    strength[20:40, 20:120] = 60
    strength[40:44, 20:120] = 20
    strength[44:64, 20:120] = 60
    return strength, np.full_like(strength, 1.8)


def test_cuts_lines_apart() -> None:
    labels = find_blocks(*_maps(), WIDTH)
    assert labels.max() == 2
    assert labels[30, 60] == 1
    assert labels[55, 60] == 2


def test_marks_on_few_parts_are_not_print() -> None:
    strength, kurtosis = _maps()
    assert find_blocks(strength, kurtosis * 6, WIDTH).max() == 0


def test_texture_that_varies_a_little_more_is_not_print() -> None:
    strength, kurtosis = _maps()
    assert find_blocks(np.clip(strength, 2, 7), kurtosis, WIDTH).max() == 0


def test_thin_edge_is_not_print() -> None:
    strength, kurtosis = _maps()
    strength[:] = 2
    strength[70:73, :] = 60
    assert find_blocks(strength, kurtosis, WIDTH).max() == 0


def test_narrow_gap_between_letters_is_no_cut() -> None:
    line = np.full((12, 80), 5, np.float32)
    line[:, 30:34] = 0
    assert xy_cut(line, WIDTH) == [(0, 0, 80, 12)]


def test_box_of() -> None:
    pixels = np.zeros((20, 30), bool)
    pixels[3:7, 10:21] = True
    assert box_of(pixels) == (10, 3, 11, 4)
