import cv2
import numpy as np
import pytest

from pipeline.images import Image
from pipeline.reference import central_image, tilt
from pipeline.registration import Registrar


def moved(part: Image, right: float, down: float) -> Image:
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float64)
    return np.asarray(cv2.warpAffine(part, matrix, (part.shape[1], part.shape[0])), np.uint8)


@pytest.fixture(scope="module")
def small_part(drawn_part: Image) -> Image:
    """The part in the middle of an image with room around it."""
    return np.asarray(cv2.copyMakeBorder(drawn_part[40:200, 70:250], 80, 80, 90, 90, cv2.BORDER_CONSTANT), np.uint8)


def test_parts_that_move_far_are_brought_to_one_in_their_middle(small_part: Image) -> None:
    rights = (-60, 55, -50, 40, 0, -40, 50, 60, -55)
    images = [moved(small_part, right, 0) for right in rights]
    chosen = central_image(images, motion="far")
    registrar = Registrar(chosen, motion="far", min_quality=0.3)
    assert all(registrar.register(image).found for image in images)
    shifts = [registrar.register(image).matrix[0, 2] for image in images]
    assert abs(np.median(shifts)) < 15


def test_an_odd_shot_is_no_reference(small_part: Image) -> None:
    odd = np.random.default_rng(0).integers(0, 255, small_part.shape, np.uint8)
    images = [odd, *(moved(small_part, right, 1) for right in (0, 1, 2, 3))]
    assert central_image(images, motion="euclidean") is not odd


def test_parts_a_sixth_of_the_image_to_either_side_are_found(small_part: Image) -> None:
    """Of the reference too: what lies a sixth to the left may be looked for from a sixth to the right."""
    width = small_part.shape[1]
    registrar = Registrar(moved(small_part, -0.11 * width, 0), motion="far", min_quality=0.5)
    found = registrar.register(moved(small_part, 0.11 * width, 0))
    assert found.found
    assert found.matrix[0, 2] == pytest.approx(-0.22 * width, abs=1)


def turned(part: Image, degrees: float) -> Image:
    middle = (part.shape[1] / 2, part.shape[0] / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, degrees, 1), np.float64)
    return np.asarray(cv2.warpAffine(part, matrix, (part.shape[1], part.shape[0])), np.uint8)


@pytest.mark.parametrize(("degrees", "expected"), [(0, 0.0), (90, 0.0), (180, 0.0), (45, 1.0), (20, 0.44), (-20, 0.44)])
def test_tilt_is_the_way_to_the_next_axis(small_part: Image, degrees: float, expected: float) -> None:
    straight = tilt(turned(small_part, 45))  # less than 1, as far as the part is round
    assert 0.2 < straight <= 1
    assert tilt(turned(small_part, degrees)) / straight == pytest.approx(expected, abs=0.12)


def test_what_is_round_has_no_tilt() -> None:
    disc = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(disc, (100, 100), 60, (200, 200, 200), -1)
    assert tilt(disc) < 0.01
    assert tilt(np.full((50, 50, 3), 9, np.uint8)) < 1e-6


def test_parts_that_are_turned_are_brought_to_one_that_lies_upright(small_part: Image) -> None:
    images = [turned(small_part, degrees) for degrees in (31, 47, 120, 200, 91, 230, 290, 325, 64)]
    chosen = central_image(images, motion="any")
    assert np.array_equal(chosen, images[4])
