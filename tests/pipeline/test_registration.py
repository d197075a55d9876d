import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.images import Image
from pipeline.registration import Registrar, Registration, learned_min_quality, untaught
from tests.grounds import CORNERS as PLATE_CORNERS
from tests.grounds import around_plate, moved_by, on_ground

Matrix = NDArray[np.float64]

CORNERS = np.array([[60.0, 50], [260, 50], [260, 190], [60, 190]])
"""Of the plate in `drawn_part`, x and y."""


def pose(dx: float, dy: float, degrees: float, size: float = 1.0, stretch: float = 1.0) -> Matrix:
    """From the reference frame to an image in which the part lies moved by dx, dy px and turned about its middle, as
    large as `size` says, and its length seen `stretch` times as long as its height.
    """
    matrix = np.asarray(cv2.getRotationMatrix2D((159.5, 119.5), degrees, size), np.float64)
    longer = np.array([[stretch, 0, 159.5 * (1 - stretch)], [0, 1, 0], [0, 0, 1]])
    matrix = np.asarray(matrix @ longer)
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


affine_poses = st.builds(
    pose, st.floats(-10, 10), st.floats(-10, 10), st.floats(-180, 180), st.floats(0.75, 0.9), st.floats(0.95, 1.05)
)
"""Smaller, so that all of the plate stays in the image: six unknowns are told by its corners."""

MOTIONS = {"far": far_poses, "any": any_poses, "affine": affine_poses}


@pytest.mark.parametrize(("motion", "true"), MOTIONS.items(), ids=MOTIONS)
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


@pytest.mark.parametrize("there", [pose(0, 0, 30, 1.8), pose(0, 0, 30, 0.5), pose(0, 0, 30, 0.9, 1.5)])
def test_a_part_of_another_size_or_shape_is_not_found(drawn_part: Image, there: Matrix) -> None:
    assert not registrar(drawn_part, motion="affine", min_quality=0.6).register(moved(drawn_part, there)).found


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


FAR = [(-70, 30, -3), (60, -40, 0), (20, 50, 2)]
"""Moves of the plate on a changing ground: pixels to the right, down, degrees."""


def off(found: Registration, true: Matrix) -> float:
    """Pixels by which a corner of the plate on a changing ground is off, at the most."""
    return float(np.abs(applied(found.matrix, applied(true, PLATE_CORNERS)) - PLATE_CORNERS).max())


def test_the_ground_around_a_part_has_no_say(drawn_part: Image) -> None:
    reference, trues = on_ground(drawn_part, moved_by(0, 0, 0), 0), [moved_by(*move) for move in FAR]
    shots = [on_ground(drawn_part, true, number) for number, true in enumerate(trues, 1)]
    errors: dict[bool, list[float]] = {}
    for focused in (True, False):
        part = around_plate() if focused else None
        registrar = Registrar(reference, motion="far", min_quality=0.2, part=part)
        errors[focused] = [off(registrar.register(shot), true) for shot, true in zip(shots, trues, strict=True)]
    assert max(errors[True]) < 0.5
    assert max(errors[True]) < min(errors[False]) / 2


@given(right=st.floats(-80, 80), down=st.floats(-50, 50), degrees=st.floats(-180, 180), number=st.integers(1, 99))
def test_a_part_that_is_turned_any_way_on_a_changing_ground_is_found(
    drawn_part: Image, right: float, down: float, degrees: float, number: int
) -> None:
    reference, true = on_ground(drawn_part, moved_by(0, 0, 0), 0), moved_by(right, down, degrees)
    registrar = Registrar(reference, motion="any", min_quality=0.3, part=around_plate())
    found = registrar.register(on_ground(drawn_part, true, number))
    assert found.found
    assert off(found, true) < 1


def test_an_image_of_the_ground_alone_is_not_found(drawn_part: Image) -> None:
    reference = on_ground(drawn_part, moved_by(0, 0, 0), 0)
    registrar = Registrar(reference, motion="any", min_quality=0.5, part=around_plate())
    assert not any(registrar.register(on_ground(drawn_part, moved_by(2000, 0, 0), n)).found for n in range(1, 5))


def test_a_part_that_is_all_is_as_none(drawn_part: Image) -> None:
    image, everything = moved(drawn_part, pose(9, 5, 2)), np.full((240, 320), 255, np.uint8)
    one = Registrar(drawn_part, motion="euclidean", min_quality=0.5).register(image)
    other = Registrar(drawn_part, motion="euclidean", min_quality=0.5, part=everything).register(image)
    np.testing.assert_array_equal(one.matrix, other.matrix)
    assert one.quality == other.quality


def test_the_reference_itself_does_not_move_with_a_part_either(drawn_part: Image) -> None:
    reference = on_ground(drawn_part, moved_by(0, 0, 0), 0)
    found = Registrar(reference, motion="far", min_quality=0.5, part=around_plate()).register(reference)
    np.testing.assert_allclose(found.matrix, np.eye(2, 3), atol=1e-3)
    assert found.quality > 0.999


@pytest.mark.parametrize("motion", ["far", "any"])
def test_before_anything_is_taught_the_middle_tells_the_pose(drawn_part: Image, motion: str) -> None:
    """Of most parts, though what is in the middle of the reference beside the part misleads some."""
    registrar = untaught(on_ground(drawn_part, moved_by(0, 0, 0), 0), motion=motion)
    trues = [moved_by(*move) for move in FAR] + [moved_by(-30, 20, 1), moved_by(5, -50, -1)]
    errors = [off(registrar.register(on_ground(drawn_part, t, n)), t) for n, t in enumerate(trues, 1)]
    assert np.median(errors) < 3
