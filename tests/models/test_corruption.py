import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.corruption import FILLS, SHAPES, VISIBLE, corrupt
from pipeline.images import Image

SEEDS = st.integers(0, 2**32)


def textured(seed: int, height: int = 96, width: int = 128) -> Image:
    return np.random.default_rng(seed).integers(60, 200, (height, width, 3), np.uint8)


ONE, OTHER = textured(1), textured(2)


@given(SEEDS)
def test_the_mask_is_where_it_visibly_changed_and_nowhere_else(seed: int) -> None:
    corrupted, mask = corrupt(ONE, OTHER, np.random.default_rng(seed))
    change = np.abs(corrupted.astype(int) - ONE).max(axis=2)
    assert corrupted.shape == ONE.shape
    assert corrupted.dtype == mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 255}
    assert (change[mask == 0] <= VISIBLE).all()
    assert (change[mask > 0] > VISIBLE).all()


@given(SEEDS)
def test_a_seed_gives_one_corruption_and_leaves_its_input_alone(seed: int) -> None:
    one, other = ONE.copy(), OTHER.copy()
    first, again = (corrupt(one, other, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    np.testing.assert_array_equal(one, ONE)
    np.testing.assert_array_equal(other, OTHER)


def test_nearly_all_corruptions_are_seen_and_nearly_none_covers_the_part() -> None:
    shares = np.array([(corrupt(ONE, OTHER, np.random.default_rng(seed))[1] > 0).mean() for seed in range(200)])
    assert (shares > 0).mean() > 0.9
    assert (shares < 0.5).mean() > 0.9
    assert shares.max() > 5 * np.median(shares[shares > 0]) > 0.001


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@given(seed=SEEDS)
def test_shapes_are_opacities(shape: object, seed: int) -> None:
    assert callable(shape)
    alpha = shape((64, 96), np.random.default_rng(seed))
    assert alpha.shape == (64, 96)
    assert alpha.dtype == np.float32
    assert alpha.min() >= 0
    assert alpha.max() <= 1 + 1e-6


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_shape_is_there_and_is_bounded(shape: object) -> None:
    assert callable(shape)
    areas = [(shape((96, 128), np.random.default_rng(seed)) > 0.1).mean() for seed in range(60)]
    assert np.mean(np.array(areas) > 0) > 0.6
    assert np.median(areas) < 0.2


@pytest.mark.parametrize("fill", FILLS, ids=lambda fill: fill.__name__)
@given(seed=SEEDS)
def test_every_fill_differs_from_the_part(fill: object, seed: int) -> None:
    assert callable(fill)
    plane = ONE.astype(np.float32)
    filled = fill(plane, OTHER, np.random.default_rng(seed))
    assert filled.shape == ONE.shape
    assert np.isfinite(filled).all()
    assert np.abs(filled - ONE).mean() > 1
    np.testing.assert_array_equal(plane, ONE)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (32, 320), (320, 32), (288, 384)])
def test_any_working_size(height: int, width: int) -> None:
    one, other = textured(1, height, width), textured(2, height, width)
    for seed in range(20):
        assert corrupt(one, other, np.random.default_rng(seed))[0].shape == one.shape
