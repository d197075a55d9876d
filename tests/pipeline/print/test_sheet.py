from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.images import Grey
from pipeline.print import PrintStage, teach
from pipeline.print.sheet import SheetView, locate, view_sheet
from pipeline.print.sheet_findings import judge_sheet
from pipeline.print.sheet_learning import SheetLearner, find_sheets
from pipeline.registration import Registration
from tests.pipeline.print.parts import HERE, SIZE, draw_part, draw_parts

CENTRE, SIDES = (160.0, 85.0), (280.0, 110.0)  # of the label that `draw_part` draws
WIDTH = 11


def _moved(image: Grey, dx: float, dy: float, angle: float) -> Grey:
    matrix = np.asarray(cv2.getRotationMatrix2D(CENTRE, -angle, 0.7))  # small enough to stay in view
    matrix[:, 2] += np.array((dx, dy))
    ground = (90, 90, 90)
    return np.asarray(cv2.warpAffine(image, matrix, SIZE, borderMode=cv2.BORDER_CONSTANT, borderValue=ground))


@pytest.fixture(scope="module")
def stage() -> PrintStage:
    rng = np.random.default_rng(5)
    moves = rng.uniform(-2, 2, (40, 3)) * (1, 1, 0.4)
    parts = [(_moved(image, *move), HERE) for (image, _), move in zip(draw_parts(40), moves, strict=True)]
    return teach(parts, SIZE)


def _findings(stage: PrintStage, image: Grey, registration: Registration = HERE) -> tuple[str, ...]:
    (sheet,) = stage.sheets
    return judge_sheet(sheet, view_sheet(image, registration, sheet, stage.stroke_width))


def _label(seed: int = 900, dx: float = 0, dy: float = 0, angle: float = 0) -> NDArray[np.uint8]:
    return _moved(draw_part(seed).image, dx, dy, angle)


@settings(max_examples=20, deadline=None)
@given(dx=st.floats(-20, 20), dy=st.floats(-15, 15), angle=st.floats(-12, 12))
def test_pose_is_found_within_a_pixel_and_half_a_degree(stage: PrintStage, dx: float, dy: float, angle: float) -> None:
    (sheet,) = stage.sheets
    pose = locate(_label(901, dx, dy, angle), HERE, sheet, stage.stroke_width)
    assert pose is not None
    assert (pose.x, pose.y) == pytest.approx((CENTRE[0] + dx, CENTRE[1] + dy), abs=1.5)
    assert pose.angle == pytest.approx(angle, abs=0.5)
    assert (pose.width, pose.height) == pytest.approx((0.7 * SIDES[0], 0.7 * SIDES[1]), abs=2.5)


def test_pose_is_told_in_the_reference_frame(stage: PrintStage) -> None:
    (sheet,) = stage.sheets
    moved = Registration(np.array([[1.0, 0, 6], [0, 1, -4]]), 1.0, True)
    pose = locate(_label(), moved, sheet, stage.stroke_width)
    assert pose is not None
    assert (pose.x, pose.y) == pytest.approx((CENTRE[0] + 6, CENTRE[1] - 4), abs=1.5)


@pytest.mark.parametrize("ground", [20, 235])
def test_pose_hangs_on_the_part_and_not_on_what_lies_beside_it(stage: PrintStage, ground: int) -> None:
    (sheet,) = stage.sheets
    image, reach = _label(), 3 * stage.stroke_width + 2
    rows = slice(sheet.y - reach, sheet.y + sheet.height + reach)
    columns = slice(sheet.x - reach, sheet.x + sheet.width + reach)
    elsewhere = np.full(image.shape, ground, np.uint8)
    elsewhere[rows, columns] = image[rows, columns]
    on_part, beside = (locate(one, HERE, sheet, stage.stroke_width) for one in (image, elsewhere))
    assert on_part == beside


def test_good_labels_have_no_findings(stage: PrintStage) -> None:
    assert [_findings(stage, _label(seed, 1, -1, 0.4)) for seed in range(910, 920)] == [()] * 10


@pytest.mark.parametrize(
    ("move", "words"), [((16, 0, 0), "shifted by 1"), ((0, -12, 0), "shifted by 1"), ((0, 0, 4), "rotated to 4")]
)
def test_label_out_of_place(stage: PrintStage, move: tuple[float, float, float], words: str) -> None:
    (finding,) = _findings(stage, _label(902, *move))
    assert words in finding


def test_missing_label(stage: PrintStage) -> None:
    assert _findings(stage, np.full(SIZE[::-1], 90, np.uint8)) == ("label 1 missing",)


def test_doubled_label(stage: PrintStage) -> None:
    (finding,) = _findings(stage, np.maximum(_label(), _label(903, 6, 5)))
    assert "doubled" in finding


def test_torn_corner(stage: PrintStage) -> None:
    image = np.ascontiguousarray(_label())
    cv2.fillPoly(image, [np.array([(50, 40), (110, 40), (50, 90)])], (90, 90, 90))
    assert any("torn" in finding for finding in _findings(stage, image))


@pytest.mark.parametrize("light", [0.7, 1.1])
def test_other_light_is_no_finding(stage: PrintStage, light: float) -> None:
    assert _findings(stage, np.rint(_label() * light).astype(np.uint8)) == ()


def test_limits_of_a_label_that_good_parts_may_lack(stage: PrintStage) -> None:
    (sheet,) = stage.sheets
    learner = SheetLearner(sheet)
    seen = view_sheet(_label(), HERE, sheet, stage.stroke_width)
    learner.add(SheetView(None, None), SheetView(None, None))
    learner.add(seen, seen)
    assert learner.sheet() is None


def test_part_is_no_label() -> None:
    samples = [np.full(SIZE[::-1], 200, np.uint8)]
    zones = teach(draw_parts(10), SIZE).zones
    assert find_sheets(samples, zones, WIDTH) == ()
    assert find_sheets(samples, (), WIDTH) == ()


def test_finding_says_how_far(stage: PrintStage) -> None:
    (finding,) = _findings(stage, _label(904, 12, 9))
    assert abs(int(finding.split("by ")[1].split(" ")[0]) - math.hypot(12, 9)) <= 2


def test_smeared_line(stage: PrintStage) -> None:
    image = np.ascontiguousarray(_label())
    band = image[65:95, 80:240]
    band[:] = cv2.blur(band, (21, 1))
    assert any("smeared" in finding for finding in _findings(stage, image))


def test_missing_line(stage: PrintStage) -> None:
    image = _moved(draw_part(905, serial="", code="").image, 0, 0, 0)
    assert any("missing" in finding for finding in _findings(stage, image))
