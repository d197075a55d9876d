from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.print.rows import RowLearner, RowLimits, judge_rows, row_profile

WIDTH = 11


def _label(seed: int) -> NDArray[np.uint8]:
    """A white label with two lines of digits, all different."""
    rng = np.random.default_rng(seed)
    label = np.full((80, 200), 230, np.uint8)
    for y in (30, 62):
        text = "".join(map(str, rng.integers(0, 10, 9)))
        cv2.putText(label, text, (14, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (30,), 2)
    return np.asarray(np.clip(label + rng.normal(0, 2, label.shape), 0, 255), dtype=np.uint8)


def _defocused(label: NDArray[np.uint8], blur: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(label, (0, 0), blur), np.uint8)


@pytest.fixture(scope="module")
def limits() -> RowLimits:
    learner = RowLearner()
    for seed in range(60):
        learner.add(row_profile(_label(seed), WIDTH), row_profile(_defocused(_label(seed), 1.0), WIDTH))
    learned = learner.limits()
    assert learned is not None
    return learned


def test_other_digits_are_no_finding(limits: RowLimits) -> None:
    found = [judge_rows("label 1", row_profile(_label(seed), WIDTH), limits) for seed in range(100, 130)]
    assert found == [()] * 30


def test_missing_line_is_told_with_its_place(limits: RowLimits) -> None:
    label = _label(100)
    label[38:70] = 230
    (finding,) = judge_rows("label 1", row_profile(label, WIDTH), limits)
    assert "missing" in finding
    assert 40 < int(finding.split("%")[0].split()[-1]) < 90


def test_smeared_line(limits: RowLimits) -> None:
    label = _label(100)
    label[8:36] = cv2.blur(label[8:36], (15, 1))
    (finding,) = judge_rows("label 1", row_profile(label, WIDTH), limits)
    assert "smeared" in finding


@pytest.mark.parametrize("blur", [0.5, 0.8, 1.0])
def test_a_shot_out_of_focus_is_no_smear(limits: RowLimits, blur: float) -> None:
    shots = [_defocused(_label(seed), blur) for seed in range(100, 120)]
    assert [judge_rows("label 1", row_profile(shot, WIDTH), limits) for shot in shots] == [()] * 20


def test_a_line_smeared_in_a_shot_out_of_focus_is_one(limits: RowLimits) -> None:
    label = _label(100)
    label[8:36] = cv2.blur(label[8:36], (15, 1))
    (finding,) = judge_rows("label 1", row_profile(_defocused(label, 0.8), WIDTH), limits)
    assert "smeared" in finding


def test_all_lines_smeared_are_no_defocus(limits: RowLimits) -> None:
    smeared = np.asarray(cv2.blur(_label(100), (15, 1)), np.uint8)
    (finding,) = judge_rows("label 1", row_profile(smeared, WIDTH), limits)
    assert "smeared" in finding


def test_stain_between_the_lines(limits: RowLimits) -> None:
    label = _label(100)
    label[34:45, 110:190] = 120
    (finding,) = judge_rows("label 1", row_profile(label, WIDTH), limits)
    assert "soiled" in finding
    assert "right" in finding


def test_brightness_does_not_matter(limits: RowLimits) -> None:
    label = np.rint(0.8 * _label(100)).astype(np.uint8)
    assert judge_rows("label 1", row_profile(label, WIDTH), limits) == ()


def test_few_parts_set_no_limits() -> None:
    learner = RowLearner()
    for seed in range(10):
        learner.add(row_profile(_label(seed), WIDTH), row_profile(_defocused(_label(seed), 1.0), WIDTH))
    assert learner.limits() is None
