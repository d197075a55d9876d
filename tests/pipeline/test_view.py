import json
from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.framing import in_pose
from pipeline.images import Image
from pipeline.registration import Matrix, Registration
from pipeline.view import View
from tests.pipeline.test_registration import CORNERS, applied, moved, pose, poses

WINDOWS = [(0, 0, 320, 240), (40, 30, 240, 180), (100, 60, 64, 96)]


def pixel_in(view: View, points: Matrix) -> Matrix:
    """Where points of the reference lie in a view; pixels are squares, not dots."""
    return np.asarray((points - view.box[:2] + 0.5) * view.size / np.array(view.box[2:]) - 0.5)


@given(true=poses, box=st.sampled_from(WINDOWS), size=st.sampled_from([(160, 128), (96, 64), (320, 256), (640, 480)]))
def test_points_of_an_image_go_where_those_of_the_reference_go(
    true: Matrix, box: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    view = View(box, size)
    shrunk = View.of_all((320, 240), view.scaled((320, 240)))
    matrix = view.of_image(Registration(true, 1.0, True), (320, 240))
    expected = pixel_in(view, applied(true, CORNERS))
    np.testing.assert_allclose(applied(matrix, pixel_in(shrunk, CORNERS)), expected, atol=1e-9)
    np.testing.assert_allclose(view.seen(CORNERS), pixel_in(view, CORNERS), atol=1e-9)
    np.testing.assert_allclose(view.to_reference(view.seen(CORNERS)), CORNERS, atol=1e-9)


@pytest.mark.parametrize(("shift", "shown"), [((0, 0), True), ((130, 0), True), ((190, 0), False), ((0, -150), False)])
def test_a_view_knows_what_reaches_into_it(shift: tuple[int, int], shown: bool) -> None:
    assert View((100, 60, 140, 100), (70, 50)).shows(CORNERS + shift) == shown


@pytest.mark.parametrize("box", WINDOWS[:2])
@pytest.mark.parametrize("true", [pose(7, -5, 2), pose(-3.4, 8.2, -1)], ids=["left turn", "right turn"])
def test_warping_the_small_image_is_warping_the_large_one(
    drawn_part: Image, true: Matrix, box: tuple[int, int, int, int]
) -> None:
    view = View(box, (160, 128))
    whole = moved(drawn_part, true)
    late = cv2.resize(view.crop(whole), view.size, interpolation=cv2.INTER_AREA)
    early = in_pose(drawn_part, Registration(true, 1.0, True), view)
    difference = np.abs(early.astype(int) - late)[12:-12, 12:-12]
    assert difference.mean() < 1.5
    half_a_pixel_off = np.abs(np.roll(early, 1, axis=1).astype(int) - late)[12:-12, 12:-12]
    assert difference.mean() < half_a_pixel_off.mean() / 3


def test_the_corners_of_a_view_are_those_of_what_it_shows() -> None:
    seen = View((40, 20, 50, 30), (100, 60)).seen(View((40, 20, 50, 30), (100, 60)).corners)
    np.testing.assert_allclose(seen, [(0.5, 0.5), (100.5, 0.5), (100.5, 60.5), (0.5, 60.5)])


@pytest.mark.parametrize("whole", [(89, 50), (90, 49)])
def test_a_view_lies_in_what_has_all_of_it(whole: tuple[int, int]) -> None:
    assert View((40, 20, 50, 30), (64, 32)).lies_in((90, 50))
    assert not View((40, 20, 50, 30), (64, 32)).lies_in(whole)


@pytest.mark.parametrize(
    "view",
    [
        View((-1, 0, 5, 5), (64, 32)),
        View((0, 0, 0, 5), (64, 32)),
        View((0, 0, 5, 5), (0, 32)),
        View((0, 0, 5, 5), (64, 32), ((200, 200), (210, 200), (210, 210))),
    ],
)
def test_a_view_of_nothing_lies_nowhere(view: View) -> None:
    assert not view.lies_in((90, 50))


OUTLINE = ((50, 25), (70, 25), (60, 40))


@pytest.mark.parametrize("view", [View((40, 20, 50, 30), (64, 32)), View((40, 20, 50, 30), (64, 32), OUTLINE)])
def test_a_view_comes_back_from_its_description(view: View) -> None:
    assert TypeAdapter(View).validate_python(json.loads(json.dumps(asdict(view)))) == view


def test_the_part_is_what_the_outline_goes_around() -> None:
    view = View((40, 20, 50, 30), (64, 32), OUTLINE)
    part = view.part((100, 60))
    assert part.shape == (60, 100)
    assert part[26, 60] == 255
    assert part[39, 50] == part[22, 60] == 0
    assert view.corners.min(0) == pytest.approx([50 - 0.8, 25 - 0.8], abs=0.01)
    assert view.beside[:, :10].all()
    assert not view.beside[10, 26]
    assert View(view.box, view.size).part((100, 60)).all()
    assert not View(view.box, view.size).beside.any()
    assert part[25, 50] == part[25, 70] == part[40, 60] == 255


def test_the_pose_is_that_of_the_part_where_there_is_an_outline(drawn_part: Image) -> None:
    true = pose(3, -2, 1)
    image = moved(drawn_part, true)
    image[:, :40] = np.random.default_rng(0).integers(0, 256, (240, 40, 3), np.uint8)
    outlined = View((40, 30, 240, 180), (64, 32), ((55, 45), (265, 45), (265, 195), (55, 195)))
    one, all_ = (
        view.registrar(drawn_part, motion="euclidean", min_quality=0.5).register(image)
        for view in (outlined, replace(outlined, outline=()))
    )
    np.testing.assert_allclose(applied(one.matrix, applied(true, CORNERS)), CORNERS, atol=0.2)
    assert one.quality > 0.98 > all_.quality
