import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.gain import MOST, light_gain
from pipeline.images import Image, Mask
from pipeline.lighting import Light, relight
from pipeline.view import View

NOTHING = np.zeros((240, 320), np.uint8)


def lit(image: Image, strength: float, across: float = 0.0, down: float = 0.0) -> Image:
    x, y = np.linspace(-1, 1, image.shape[1]), np.linspace(-1, 1, image.shape[0])[:, None]
    return np.clip(np.rint(image * (strength * (1 + across * x + down * y))[..., None]), 0, 255).astype(np.uint8)


def grey_levels_off(image: Image, other: Image, ignored: Mask = NOTHING) -> float:
    return float(np.abs(image.astype(float) - other)[ignored == 0].mean())


def light_of(reference: Image) -> Light:
    return Light.of(reference, View.of_all((reference.shape[1], reference.shape[0])))


@pytest.fixture(scope="module")
def dim_part(drawn_part: Image) -> Image:
    """Dark enough that no light makes it clip."""
    return np.asarray(drawn_part * 0.6, np.uint8)


@settings(max_examples=25, deadline=None)
@given(level=st.floats(0.75, 1.3), across=st.floats(-0.15, 0.15), down=st.floats(-0.15, 0.15))
def test_level_and_slope_of_the_light_are_taken_out(dim_part: Image, level: float, across: float, down: float) -> None:
    shot = lit(dim_part, level, across, down)
    found = relight(shot, light_gain(shot, light_of(dim_part), NOTHING))
    assert grey_levels_off(found, dim_part) < 3.0


def test_the_light_of_the_reference_is_left_alone(dim_part: Image) -> None:
    np.testing.assert_allclose(light_gain(dim_part, light_of(dim_part), NOTHING), 1.0, atol=1e-6)


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_light_that_falls_across_the_part_is_taken_out_up_to_its_corners(dim_part: Image, share: float) -> None:
    """Of dark parts, too, whose levels are whole numbers that say less."""
    part = np.asarray(dim_part * share, np.uint8)
    gain = light_gain(lit(part, 0.8, 0.15, 0.15), light_of(part), NOTHING)
    expected = 0.8 * np.array([0.7, 1.0, 1.3])
    np.testing.assert_allclose((gain[0, 0], gain[120, 160], gain[-1, -1]), expected, rtol=0.025)


def test_what_is_burnt_out_does_not_make_light_weaker(dim_part: Image) -> None:
    """Not even where half of the image is, as long as there is another half."""
    part = dim_part.copy()
    part[:, 160:] = 230
    gain = light_gain(lit(part, 1.25), light_of(part), NOTHING)
    np.testing.assert_allclose(gain, 1.25, atol=0.01)


def test_where_little_is_left_that_is_not_burnt_out_no_slope_is_made_up(dim_part: Image) -> None:
    """A dark column in the middle of a backlit ground, of which one side is a little brighter than it should be."""
    part = np.full_like(dim_part, 255)
    part[:, 140:180] = 90
    shot = lit(part, 1.1)
    shot[:, 160:180] += 4
    gain = light_gain(shot, light_of(part), NOTHING)
    assert np.ptp(gain[120]) < 0.25
    np.testing.assert_allclose(gain[:, 140:180], 1.12, atol=0.02)


def test_of_an_image_that_is_all_burnt_out_light_is_what_it_shows(dim_part: Image) -> None:
    pale = np.full_like(dim_part, 200)
    np.testing.assert_allclose(light_gain(np.full_like(pale, 255), light_of(pale), NOTHING), 255 / 200, rtol=0.01)


def test_a_stain_does_not_pass_for_light(dim_part: Image) -> None:
    shot = lit(dim_part, 1.1)
    cv2.circle(shot, (90, 120), 40, (15, 15, 15), -1)
    gain = light_gain(shot, light_of(dim_part), NOTHING)
    np.testing.assert_allclose(gain, 1.1, atol=0.03)


def test_what_is_ignored_does_not_count(dim_part: Image) -> None:
    shot, ignored = lit(dim_part, 0.9), NOTHING.copy()
    shot[:, :130], ignored[:, :130] = 250, 255
    np.testing.assert_allclose(light_gain(shot, light_of(dim_part), ignored)[:, 140:], 0.9, atol=0.03)


def test_light_is_measured_where_it_is_steady_alone(dim_part: Image) -> None:
    """The left half of another part is brighter, and half of all blocks are no minority to be outvoted."""
    shot = lit(dim_part, 0.9)
    shot[:, :170] = np.clip(shot[:, :170].astype(int) + 60, 0, 255)
    light = Light.of(dim_part, View.of_all((320, 240)), ("0011", "0011"))
    np.testing.assert_allclose(light_gain(shot, light, NOTHING), 0.9, atol=0.03)
    assert np.abs(light_gain(shot, light_of(dim_part), NOTHING) - 0.9).max() > 0.1


def test_where_nearly_all_is_ignored_nothing_is_corrected(dim_part: Image) -> None:
    everything = np.full_like(NOTHING, 255)
    assert (light_gain(lit(dim_part, 0.5), light_of(dim_part), everything) == 1).all()


def test_a_black_image_is_not_blown_up(dim_part: Image) -> None:
    gain = light_gain(np.zeros_like(dim_part), light_of(dim_part), NOTHING)
    assert gain.min() >= 1 / MOST - 1e-6
    assert np.isfinite(gain).all()
