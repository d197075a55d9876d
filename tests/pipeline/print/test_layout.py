from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.print.layout import box_of, find_blocks, xy_cut

WIDTH = 9
NOISE = 2.0


def _maps() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    strength = np.full((120, 200), 2, np.float32)
    strength[20:40, 20:120] = 60
    strength[40:44, 20:120] = 20
    strength[44:64, 20:120] = 60
    return strength, np.full_like(strength, 1.8)


def test_cuts_lines_apart() -> None:
    labels = find_blocks(*_maps(), WIDTH, noise=NOISE)
    assert labels.max() == 2
    assert labels[30, 60] == 1
    assert labels[55, 60] == 2


def test_marks_on_few_parts_are_not_print() -> None:
    strength, kurtosis = _maps()
    assert find_blocks(strength, kurtosis * 6, WIDTH, noise=NOISE).max() == 0


def test_texture_that_varies_a_little_more_is_not_print() -> None:
    strength, kurtosis = _maps()
    assert find_blocks(np.clip(strength, 2, 7), kurtosis, WIDTH, noise=NOISE).max() == 0


def test_thin_edge_is_not_print() -> None:
    strength, kurtosis = _maps()
    strength[:] = 2
    strength[70:73, :] = 60
    assert find_blocks(strength, kurtosis, WIDTH, noise=NOISE).max() == 0


def test_narrow_gap_between_letters_is_no_cut() -> None:
    line = np.full((12, 80), 5, np.float32)
    line[:, 30:34] = 0
    assert xy_cut(line, WIDTH) == [(0, 0, 80, 12)]


def test_box_of() -> None:
    pixels = np.zeros((20, 30), bool)
    pixels[3:7, 10:21] = True
    assert box_of(pixels) == (10, 3, 11, 4)


def test_block_takes_in_the_fixed_letters_of_its_line_and_no_other_line() -> None:
    strength, kurtosis = _maps()
    strength[40:] = 2
    ink = np.zeros(strength.shape, bool)
    ink[24:36, 20:120:2] = ink[24:36, 124:150:2] = True  # the line goes on with letters that never change
    ink[80:92, 20:120:2] = True
    labels = find_blocks(strength, kurtosis, WIDTH, noise=NOISE, ink=ink)
    assert labels.max() == 1
    assert (labels[24:36, 124:150][ink[24:36, 124:150]] == 1).all()
    assert not labels[75:].any()


def test_a_line_goes_on_to_where_few_parts_have_print_and_no_farther() -> None:
    strength, kurtosis = _maps()
    strength[40:] = 2
    strength[22:38, 120:136], kurtosis[22:38, 120:136] = 12, 60  # one part in sixty has another letter
    strength[22:38, 160:176], kurtosis[22:38, 160:176] = 12, 60  # dirt, on as few
    strength[44:60, 60:76], kurtosis[44:60, 60:76] = 12, 60  # under the line, not at its end
    labels = find_blocks(strength, kurtosis, WIDTH, noise=NOISE)
    assert labels.max() == 1
    assert (labels[22:38, 120:136] == 1).all()
    assert not labels[22:38, 150:].any()
    assert not labels[48:60, 60:76].any()


def test_a_line_takes_no_more_than_two_letters_that_few_parts_have() -> None:
    strength, kurtosis = _maps()
    strength[40:] = 2
    strength[22:38, 120:], kurtosis[22:38, 120:] = 12, 60
    labels = find_blocks(strength, kurtosis, WIDTH, noise=NOISE)
    assert labels[30, 120 + 2 * WIDTH - 1] == 1
    assert not labels[30, 120 + 3 * WIDTH :].any()
