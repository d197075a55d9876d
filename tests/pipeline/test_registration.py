import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.images import Image
from pipeline.registration import Registrar, Registration, learned_min_quality

Matrix = NDArray[np.float64]

CORNERS = np.array([[60.0, 50], [260, 50], [260, 190], [60, 190]])
"""Of the plate in `drawn_part`, x and y."""


def pose(dx: float, dy: float, degrees: float) -> Matrix:
    """From the reference frame to an image in which the part lies moved by dx, dy px and turned about its middle."""
    matrix = np.asarray(cv2.getRotationMatrix2D((159.5, 119.5), degrees, 1), np.float64)
    matrix[:, 2] = matrix[:, 2] + (dx, dy)
    return matrix


def moved(image: Image, matrix: Matrix) -> Image:
    size = (image.shape[1], image.shape[0])
    return np.asarray(
        cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def degrees_of(matrix: Matrix) -> float:
    return float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))


def applied(matrix: Matrix, points: Matrix) -> Matrix:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def registrar(reference: Image, *, motion: str = "euclidean", min_quality: float = 0.9) -> Registrar:
    return Registrar(reference, motion=motion, min_quality=min_quality)


poses = st.builds(pose, st.floats(-12.8, 12.8), st.floats(-9.6, 9.6), st.floats(-3, 3))
"""Shifts of up to 4 % of the image, turns of up to 3 degrees."""


@given(true=poses, noise=st.sampled_from([0, 3]), light=st.floats(0.7, 1.2))
def test_a_known_pose_is_recovered(drawn_part: Image, true: Matrix, noise: float, light: float) -> None:
    grain = np.random.default_rng(0).normal(0, noise, drawn_part.shape)
    image = np.clip(moved(drawn_part, true) * light + grain, 0, 255).astype(np.uint8)
    found = registrar(drawn_part).register(image)
    assert found.quality > 0.98
    np.testing.assert_allclose(applied(found.matrix, applied(true, CORNERS)), CORNERS, atol=0.2)
    assert degrees_of(found.matrix) == pytest.approx(-degrees_of(true), abs=0.1)


far_poses = st.builds(pose, st.floats(-53, 53), st.floats(-40, 40), st.floats(-3, 3))
"""Shifts of up to a sixth of the image."""

any_poses = st.builds(pose, st.floats(-20, 20), st.floats(-20, 20), st.floats(-180, 180))


@pytest.mark.parametrize(("motion", "true"), [("far", far_poses), ("any", any_poses)], ids=["far", "any"])
@given(data=st.data(), light=st.floats(0.7, 1.2))
def test_a_pose_far_away_is_recovered(
    drawn_part: Image, motion: str, true: st.SearchStrategy[Matrix], data: st.DataObject, light: float
) -> None:
    there = data.draw(true)
    image = np.clip(moved(drawn_part, there) * light, 0, 255).astype(np.uint8)
    found = registrar(drawn_part, motion=motion, min_quality=0.5).register(image)
    assert found.found
    np.testing.assert_allclose(applied(found.matrix, applied(there, CORNERS)), CORNERS, atol=1)


@pytest.mark.parametrize("motion", ["euclidean", "far"])
@given(true=poses, angle=st.floats(0, 2 * np.pi))
def test_light_from_aside_does_not_move_a_part(drawn_part: Image, motion: str, true: Matrix, angle: float) -> None:
    x, y = np.linspace(-1, 1, 320), np.linspace(-1, 1, 240)[:, None]
    light = 0.8 + 0.2 * (x * np.cos(angle) + y * np.sin(angle))
    image = np.asarray(moved(drawn_part, true) * light[..., None], np.uint8)
    found = registrar(drawn_part, motion=motion).register(image)
    np.testing.assert_allclose(applied(found.matrix, applied(true, CORNERS)), CORNERS, atol=0.3)


@given(angle=st.floats(0, 2 * np.pi), degrees=st.floats(-3, 3))
def test_a_tenth_of_the_image_is_no_far_search(drawn_part: Image, angle: float, degrees: float) -> None:
    true = pose(32 * np.cos(angle), 24 * np.sin(angle), degrees)
    found = registrar(drawn_part).register(moved(drawn_part, true))
    np.testing.assert_allclose(applied(found.matrix, applied(true, CORNERS)), CORNERS, atol=0.2)


@pytest.mark.parametrize("motion", ["far", "any"])
def test_a_far_search_knows_that_it_failed(drawn_part: Image, motion: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, drawn_part.shape, np.uint8)
    search = registrar(drawn_part, motion=motion, min_quality=0.5)
    assert not search.register(noise).found
    assert not search.register(np.full_like(drawn_part, 128)).found


def test_the_size_of_the_image_does_not_matter(drawn_part: Image) -> None:
    large = np.asarray(cv2.resize(drawn_part, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC), np.uint8)
    shifted = np.roll(large, (12, -20), axis=(0, 1))
    np.testing.assert_allclose(registrar(large).register(shifted).matrix, [[1, 0, 20], [0, 1, -12]], atol=0.5)


def test_the_reference_itself_does_not_move(drawn_part: Image) -> None:
    found = registrar(drawn_part).register(drawn_part)
    np.testing.assert_allclose(found.matrix, np.eye(2, 3), atol=1e-3)
    assert found.quality == pytest.approx(1)


@given(true=poses)
def test_there_and_back_again(true: Matrix) -> None:
    registration = Registration(true, 1.0, True)
    np.testing.assert_allclose(registration.to_original(applied(true, CORNERS)), CORNERS, atol=1e-9)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_image_without_structure_is_not_found(drawn_part: Image, grey: int) -> None:
    flat = np.full_like(drawn_part, grey)
    for found in (registrar(drawn_part).register(flat), registrar(flat).register(drawn_part)):
        assert not found.found
        assert found.quality == -1
        np.testing.assert_array_equal(found.matrix, np.eye(2, 3))


def test_another_thing_is_not_found(drawn_part: Image) -> None:
    noise = np.random.default_rng(0).integers(0, 256, drawn_part.shape, np.uint8)
    assert not registrar(drawn_part, min_quality=0.2).register(noise).found
    assert registrar(drawn_part).register(np.ascontiguousarray(drawn_part[::-1, ::-1])).quality < 0.95


def test_parts_in_any_pose_are_left_as_they_are(drawn_part: Image) -> None:
    found = registrar(drawn_part, motion="none").register(moved(drawn_part, pose(9, 9, 3)))
    assert found.found
    np.testing.assert_array_equal(found.matrix, np.eye(2, 3))


def test_quality_decides_what_is_trusted(drawn_part: Image) -> None:
    image = moved(drawn_part, pose(3, 2, 1))
    image[:120] = 90
    quality = registrar(drawn_part).register(image).quality
    assert 0 < quality < 0.98
    assert registrar(drawn_part, min_quality=quality - 0.01).register(image).found
    assert not registrar(drawn_part, min_quality=quality + 0.01).register(image).found


def test_the_least_quality_lies_under_what_good_parts_show() -> None:
    usual = np.random.default_rng(0).normal(0.95, 0.01, 500)
    least = learned_min_quality(usual)
    assert 0.8 < least < usual.min()
    assert learned_min_quality(np.array([0.3, 0.31, 0.9, 0.92])) == 0.2
    assert learned_min_quality(np.full(10, 0.99)) < 0.99


PLATE = (220, 170, 201, 141)
"""Left, top, width and height of the plate of `drawn_part` on a ground of 640x480 px."""

AROUND = (200, 156, 241, 169)
"""The same with a margin."""


def on_ground(drawn_part: Image, true: Matrix, number: int) -> Image:
    """The plate, moved, on a ground with stains and stripes that is another one with each number."""
    rng, (left, top, width, height) = np.random.default_rng(number), PLATE
    stains = cv2.resize(rng.uniform(0.5, 1.6, (8, 10)).astype(np.float32), (640, 480), interpolation=cv2.INTER_CUBIC)
    ground = np.asarray(stains[..., None] * rng.uniform(40, 90, 3), np.float32)
    for _ in range(3):
        ends = rng.integers(0, 640, 4).tolist()
        cv2.line(ground, (ends[0], ends[1]), (ends[2], ends[3]), rng.uniform(10, 200, 3).tolist(), 6)
    plate, covered = np.zeros((480, 640, 3), np.float32), np.zeros((480, 640, 1), np.float32)
    plate[top : top + height, left : left + width] = drawn_part[50:191, 60:261]
    covered[top : top + height, left : left + width] = 1
    plate, covered = (np.asarray(cv2.warpAffine(one, true, (640, 480)), np.float32) for one in (plate, covered))
    return np.asarray(np.clip(ground * (1 - covered[..., None]) + plate, 0, 255), np.uint8)


def test_the_ground_around_a_part_has_no_say(drawn_part: Image) -> None:
    left, top, width, height = PLATE
    corners = np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]], float)
    reference = on_ground(drawn_part, np.eye(2, 3), 0)
    off: dict[bool, list[float]] = {True: [], False: []}
    for focused, found in off.items():
        registrar = Registrar(reference, motion="far", min_quality=0.2, box=AROUND if focused else None)
        for number, (turn, shift) in enumerate(((-3.0, (-70, 30)), (0.0, (60, -40)), (2.0, (20, 50))), 1):
            true = np.asarray(cv2.getRotationMatrix2D((320, 240), turn, 1), np.float64)
            true[:, 2] += shift
            registration = registrar.register(on_ground(drawn_part, true, number))
            found.append(float(np.abs(applied(registration.matrix, applied(true, corners)) - corners).max()))
    assert max(off[True]) < 0.5
    assert max(off[True]) < min(off[False]) / 2


def test_a_box_around_all_changes_nothing(drawn_part: Image) -> None:
    image = moved(drawn_part, pose(20, 10, 2))
    whole = Registrar(drawn_part, motion="far", min_quality=0.5).register(image)
    boxed = Registrar(drawn_part, motion="far", min_quality=0.5, box=(0, 0, 320, 240)).register(image)
    np.testing.assert_array_equal(whole.matrix, boxed.matrix)
    assert whole.quality == boxed.quality


def test_the_reference_itself_does_not_move_with_a_box_either(drawn_part: Image) -> None:
    reference = on_ground(drawn_part, np.eye(2, 3), 0)
    found = Registrar(reference, motion="far", min_quality=0.5, box=AROUND).register(reference)
    np.testing.assert_allclose(found.matrix, np.eye(2, 3), atol=1e-3)
    assert found.quality > 0.999
