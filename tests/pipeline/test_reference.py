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


@pytest.fixture(scope="module")
def wide_part() -> Image:
    """Wider than it is high, with a hole that tells left from right."""
    image = np.full((320, 360, 3), 20, np.uint8)
    cv2.rectangle(image, (80, 115), (280, 205), (150, 150, 150), -1)
    cv2.rectangle(image, (100, 135), (180, 165), (230, 230, 230), -1)
    cv2.circle(image, (250, 160), 20, (40, 40, 40), -1)
    return image


def turned(part: Image, degrees: float) -> Image:
    middle = (part.shape[1] / 2, part.shape[0] / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, degrees, 1), np.float64)
    return np.asarray(cv2.warpAffine(part, matrix, (part.shape[1], part.shape[0])), np.uint8)


@pytest.mark.parametrize("degrees", [5, -5, 20, -20, 45, 70, 90, 115, 160, 175])
def test_a_part_that_lies_upright_or_upside_down_has_the_least_tilt(wide_part: Image, degrees: float) -> None:
    upright = tilt(wide_part)
    assert upright < 0.02
    assert tilt(turned(wide_part, 180)) == pytest.approx(upright, abs=0.01)
    assert tilt(turned(wide_part, degrees)) > upright + 0.01


def test_what_is_round_has_no_tilt() -> None:
    disc = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(disc, (100, 100), 60, (200, 200, 200), -1)
    assert tilt(disc) < 0.01
    assert tilt(np.full((50, 50, 3), 9, np.uint8)) < 1e-6


def test_parts_that_are_turned_are_brought_to_one_that_lies_upright(wide_part: Image) -> None:
    images = [turned(wide_part, degrees) for degrees in (31, 47, 91, 120, 182, 230, 290, 325, 64)]
    chosen = central_image(images, motion="any")
    assert np.array_equal(chosen, images[4])
