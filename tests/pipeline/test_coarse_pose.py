import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.coarse_pose import CoarseSearch
from pipeline.images import Image
from pipeline.registration import even, middle_of
from tests.grounds import around_plate, moved_by, on_ground

MIDDLE = middle_of((320, 240))


def brightness_of(image: Image) -> NDArray[np.float32]:
    return even(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32))


@pytest.mark.parametrize("shift", [(0, 0), (48, 0), (-40, 32)])
def test_a_shift_is_found_to_a_pixel_of_the_small_image(drawn_part: Image, shift: tuple[int, int]) -> None:
    grey = brightness_of(drawn_part)
    moved = np.roll(grey, shift, axis=(1, 0))
    warp = CoarseSearch(grey, MIDDLE, (0.0,)).candidates(moved)[0]
    np.testing.assert_allclose(warp, [[1, 0, shift[0]], [0, 1, shift[1]]], atol=4)


def test_the_likeliest_turn_comes_first_and_unlikely_ones_do_not_come(drawn_part: Image) -> None:
    grey = brightness_of(drawn_part)
    found = CoarseSearch(grey, MIDDLE, (0.0, 90.0, 180.0, 270.0)).candidates(np.ascontiguousarray(grey[::-1, ::-1]))
    assert len(found) < 4
    np.testing.assert_allclose(found[0][:, :2], -np.eye(2), atol=1e-6)


def test_a_part_is_found_all_over_the_image(drawn_part: Image) -> None:
    """A quarter of the plate, which fits where the middle of the reference would lie beside the image."""
    grey, part = brightness_of(drawn_part), np.zeros((240, 320), np.uint8)
    part[60:110, 70:130] = 255
    moved = np.roll(grey, (170, -40), axis=(1, 0))
    warp = CoarseSearch(grey, part, (0.0,)).candidates(moved)[0]
    np.testing.assert_allclose(warp, [[1, 0, 170], [0, 1, -40]], atol=4)


def test_a_part_that_lies_partly_beside_the_image_is_found(drawn_part: Image) -> None:
    grey, part = brightness_of(drawn_part), np.zeros((240, 320), np.uint8)
    part[45:196, 55:266] = 255
    moved = np.asarray(cv2.warpAffine(grey, np.array([[1.0, 0, -100], [0, 1, 0]]), (320, 240)), np.float32)
    warp = CoarseSearch(grey, part, (0.0,)).candidates(moved)[0]
    np.testing.assert_allclose(warp, [[1, 0, -100], [0, 1, 0]], atol=4)


def test_a_turned_part_that_is_longer_than_the_image_is_high_is_found(drawn_part: Image) -> None:
    strip = np.asarray(cv2.resize(brightness_of(drawn_part)[80:160], (320, 60)), np.float32)
    search = CoarseSearch(strip, np.full((60, 320), 255, np.uint8), tuple(range(0, 360, 30)))
    np.testing.assert_allclose(search.candidates(strip)[0], np.eye(2, 3), atol=2)


def test_an_edge_counts_the_same_before_a_bright_ground_and_before_a_dark_one(drawn_part: Image) -> None:
    """The grounds differ all over; the turn is found to half a step, and the place with it."""
    search = CoarseSearch(
        brightness_of(on_ground(drawn_part, moved_by(0, 0, 0), 0)), around_plate(), tuple(range(0, 360, 12))
    )
    for number in range(1, 9):
        true = moved_by(10 * number - 40, 30 - 8 * number, 45 * number + 4)
        candidates = search.candidates(brightness_of(on_ground(drawn_part, true, number)))
        errors = [np.abs((warp - true) @ (320, 240, 1)).max() for warp in candidates]
        turns = [np.abs(warp[:, :2] - true[:, :2]).max() for warp in candidates]
        assert any(error < 16 and turn < 0.12 for error, turn in zip(errors, turns, strict=True))


@pytest.mark.parametrize(("size", "degrees"), [(0.8, 90), (1.0, 0), (1.25, 180)])
def test_the_size_is_found_with_the_turn(drawn_part: Image, size: float, degrees: int) -> None:
    """A larger part has longer edges, a smaller one fits into a larger: neither makes a size likelier."""
    grey = brightness_of(drawn_part)
    true = np.asarray(cv2.getRotationMatrix2D((159.5, 119.5), degrees, size), np.float64)
    seen = brightness_of(np.asarray(cv2.warpAffine(drawn_part, true, (320, 240), borderMode=cv2.BORDER_REPLICATE)))
    search = CoarseSearch(grey, MIDDLE, (0.0, 90.0, 180.0, 270.0), (0.8, 1.0, 1.25))
    np.testing.assert_allclose(search.candidates(seen)[0] @ (160, 120, 1), true @ (160, 120, 1), atol=4)
    np.testing.assert_allclose(search.candidates(seen)[0][:, :2], true[:, :2], atol=1e-6)


def test_where_nothing_is_seen_nothing_is_likelier_than_the_rest(drawn_part: Image) -> None:
    grey = brightness_of(drawn_part)
    flat = np.zeros_like(grey)
    assert len(CoarseSearch(grey, MIDDLE, (0.0, 90.0)).candidates(flat)) == 2
    assert len(CoarseSearch(flat, MIDDLE, (0.0, 90.0)).candidates(grey)) == 2
