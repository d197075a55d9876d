import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_view_comes_back_from_its_description() -> None:
    view = View((40, 20, 50, 30), (64, 32))
    assert View.from_dict(view.to_dict()) == view


@pytest.mark.parametrize("box", [[-1, 0, 5, 5], [0, 0, 0, 5], [0, 0, 5]])
def test_what_is_no_view_is_refused(box: list[int]) -> None:
    with pytest.raises(ValueError, match=r"view|unpack"):
        View.from_dict({"box": box, "size": [64, 32]})
