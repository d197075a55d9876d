import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.images import Image, Mask
from pipeline.lighting import ASIDE, BURNT, MOST, Gain, Light, burnt_out, light_gain, relight
from pipeline.view import View

NOTHING = np.zeros((240, 320), np.uint8)


def lit(image: Image, strength: float, across: float = 0.0, down: float = 0.0) -> Image:
    x, y = np.linspace(-1, 1, image.shape[1]), np.linspace(-1, 1, image.shape[0])[:, None]
    return np.clip(image * (strength * np.exp(across * x + down * y))[..., None], 0, 255).astype(np.uint8)


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
    assert gain.min() >= np.exp(-MOST) - 1e-6
    assert np.isfinite(gain).all()


def gain_of(strength: float) -> Gain:
    return np.full(NOTHING.shape, strength, np.float32)


@settings(max_examples=25, deadline=None)
@given(strength=st.floats(1.1, 1.5))
def test_what_a_bright_shot_burns_out_is_where_the_part_is_bright(drawn_part: Image, strength: float) -> None:
    burnt = burnt_out(lit(drawn_part, strength), gain_of(strength), drawn_part) > 0
    shown = drawn_part.max(axis=2) * strength
    assert burnt[shown >= BURNT + 2].all()
    near = cv2.dilate((shown >= BURNT).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert not burnt[~near].any()


def test_a_scratch_that_gleams_on_dark_ground_is_compared_though_burnt_out(drawn_part: Image) -> None:
    shot = lit(drawn_part, 1.2)
    cv2.line(shot, (70, 60), (130, 66), (255, 255, 255), 2)
    assert not burnt_out(shot, gain_of(1.2), drawn_part)[55:70, 60:135].any()


def test_a_dark_scratch_on_burnt_out_ground_is_compared(drawn_part: Image) -> None:
    shot = drawn_part.copy()
    cv2.line(shot, (150, 105), (190, 120), (150, 150, 150), 1)
    burnt = burnt_out(lit(shot, 1.3), gain_of(1.3), drawn_part) > 0
    assert not burnt[(shot != drawn_part).any(axis=2)].any()
    assert burnt[104:108, 185:195].all()


@pytest.mark.parametrize("strength", [0.7, 1.0, 1.03])
def test_what_the_reference_burns_out_too_is_compared(strength: float) -> None:
    white = np.full((*NOTHING.shape, 3), 255, np.uint8)
    assert not burnt_out(white, gain_of(strength), white).any()


def test_a_label_beside_its_usual_place_may_be_as_bright_there(drawn_part: Image) -> None:
    ground = Light.of(drawn_part, View.of_all((320, 240))).ground
    assert (ground[100 - ASIDE + 2 : 125 + ASIDE - 2, 140 - ASIDE + 2 : 200 + ASIDE - 2] > 225).all()
    assert (ground[140:180, 130:200] < 160).all()
