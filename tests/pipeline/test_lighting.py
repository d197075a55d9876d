import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.images import Image, grey_of
from pipeline.lighting import ASIDE, BURNT, Expected, Gain, Light, burnt_out, darkened
from pipeline.view import View

NOTHING = np.zeros((240, 320), np.uint8)


def lit(image: Image, strength: float) -> Image:
    return np.asarray(np.clip(np.rint(image * strength), 0, 255), np.uint8)


def gain_of(strength: float) -> Gain:
    return np.full(NOTHING.shape, strength, np.float32)


def burnt(shot: Image, strength: float, ground: Image) -> NDArray[np.bool_]:
    return burnt_out(shot, gain_of(strength), Expected(ground, ground)) > 0


@settings(max_examples=25, deadline=None)
@given(strength=st.floats(1.1, 1.5))
def test_what_a_bright_shot_burns_out_is_where_the_part_is_bright(drawn_part: Image, strength: float) -> None:
    found = burnt(lit(drawn_part, strength), strength, drawn_part)
    shown = drawn_part.max(axis=2) * strength
    assert found[shown >= BURNT + 2].all()
    assert not found[shown < BURNT - 2].any()


def test_a_scratch_that_gleams_on_dark_ground_is_compared_though_burnt_out(drawn_part: Image) -> None:
    shot = lit(drawn_part, 1.2)
    cv2.line(shot, (70, 60), (130, 66), (255, 255, 255), 2)
    assert not burnt(shot, 1.2, drawn_part)[55:70, 60:135].any()


def test_a_dark_scratch_on_burnt_out_ground_stands_out(drawn_part: Image) -> None:
    shot = drawn_part.copy()
    cv2.line(shot, (150, 105), (190, 120), (150, 150, 150), 1)
    found = darkened(lit(shot, 1.3), gain_of(1.3), drawn_part) > 0
    np.testing.assert_array_equal(found[100:125, 140:200], (shot != drawn_part).any(axis=2)[100:125, 140:200])


def test_grey_is_burnt_out_where_all_channels_are(drawn_part: Image) -> None:
    shot, ground = grey_of(lit(drawn_part, 1.2)), grey_of(drawn_part)
    np.testing.assert_array_equal(burnt(shot, 1.2, ground), shot >= BURNT)


@pytest.mark.parametrize("strength", [0.7, 1.0, 1.03, 1.2])
def test_what_the_reference_burns_out_too_is_compared(strength: float) -> None:
    white = np.full((*NOTHING.shape, 3), 255, np.uint8)
    assert not burnt(white, strength, white).any()


def test_a_label_beside_its_usual_place_may_be_as_bright_there(drawn_part: Image) -> None:
    ground = Light.of(drawn_part, View.of_all((320, 240))).expected.ground
    assert (ground[100 - ASIDE + 2 : 125 + ASIDE - 2, 140 - ASIDE + 2 : 200 + ASIDE - 2] > 225).all()
    assert (ground[140:180, 130:200] < 160).all()
