import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.images import Image, Mask
from pipeline.lighting import light_gain, relight

NOTHING = np.zeros((240, 320), np.uint8)


def lit(image: Image, strength: float, across: float = 0.0, down: float = 0.0) -> Image:
    x, y = np.linspace(-1, 1, image.shape[1]), np.linspace(-1, 1, image.shape[0])[:, None]
    return np.clip(image * (strength * np.exp(across * x + down * y))[..., None], 0, 255).astype(np.uint8)


def grey_levels_off(image: Image, other: Image, ignored: Mask = NOTHING) -> float:
    return float(np.abs(image.astype(float) - other)[ignored == 0].mean())


@pytest.fixture(scope="module")
def dim_part(drawn_part: Image) -> Image:
    """Dark enough that no light makes it clip."""
    return np.asarray(drawn_part * 0.6, np.uint8)


@settings(max_examples=25, deadline=None)
@given(level=st.floats(0.75, 1.3), across=st.floats(-0.15, 0.15), down=st.floats(-0.15, 0.15))
def test_level_and_slope_of_the_light_are_taken_out(dim_part: Image, level: float, across: float, down: float) -> None:
    shot = lit(dim_part, level, across, down)
    found = relight(shot, light_gain(shot, dim_part, NOTHING))
    assert grey_levels_off(found, dim_part) < 3.0


def test_the_light_of_the_reference_is_left_alone(dim_part: Image) -> None:
    np.testing.assert_allclose(light_gain(dim_part, dim_part, NOTHING), 1.0, atol=1e-6)


def test_a_stain_does_not_pass_for_light(dim_part: Image) -> None:
    shot = lit(dim_part, 1.1)
    cv2.circle(shot, (90, 120), 40, (15, 15, 15), -1)
    gain = light_gain(shot, dim_part, NOTHING)
    np.testing.assert_allclose(gain, 1.1, atol=0.03)


def test_what_is_ignored_does_not_count(dim_part: Image) -> None:
    shot, ignored = lit(dim_part, 0.9), NOTHING.copy()
    shot[:, :130], ignored[:, :130] = 250, 255
    np.testing.assert_allclose(light_gain(shot, dim_part, ignored)[:, 140:], 0.9, atol=0.03)


def test_where_nearly_all_is_ignored_nothing_is_corrected(dim_part: Image) -> None:
    everything = np.full_like(NOTHING, 255)
    assert (light_gain(lit(dim_part, 0.5), dim_part, everything) == 1).all()


def test_a_black_image_is_not_blown_up(dim_part: Image) -> None:
    gain = light_gain(np.zeros_like(dim_part), dim_part, NOTHING)
    assert gain.min() >= np.exp(-0.5) - 1e-6
    assert np.isfinite(gain).all()
