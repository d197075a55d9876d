import cv2
import numpy as np
import pytest

from models.hairlines import VISIBLE, hurt

PLAIN = np.full((192, 192), 120, np.uint8)


@pytest.mark.parametrize("seed", range(20))
def test_what_changed_is_what_is_said_to_have(seed: int) -> None:
    faulty, changed = hurt(PLAIN, np.random.default_rng(seed))
    assert faulty.dtype == changed.dtype == np.uint8
    np.testing.assert_array_equal(changed > 0, np.abs(faulty.astype(int) - PLAIN) > VISIBLE)


def test_the_same_generator_puts_the_same_faults() -> None:
    one, other = (hurt(PLAIN, np.random.default_rng(7))[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_faults_are_fine_of_many_sizes_and_strengths() -> None:
    found = [hurt(PLAIN, np.random.default_rng(seed)) for seed in range(200)]
    areas = np.array([np.count_nonzero(changed) for _, changed in found])
    assert (areas > 0).mean() > 0.9
    assert np.median(areas) < 0.01 * PLAIN.size
    assert areas.max() > 20 * np.median(areas[areas > 0]) / 4
    thickest = [cv2.distanceTransform(changed, cv2.DIST_L2, 3).max() for _, changed in found]
    assert np.median(thickest) < 4
    both = [faulty.min() < PLAIN.min() - VISIBLE and faulty.max() > PLAIN.max() + VISIBLE for faulty, _ in found]
    assert 0.1 < np.mean(both) < 0.9


def test_the_good_part_itself_is_left_alone() -> None:
    image = PLAIN.copy()
    hurt(image, np.random.default_rng(0))
    np.testing.assert_array_equal(image, PLAIN)
