import cv2
import numpy as np
import pytest

from pipeline.coarse_pose import CANDIDATES, CoarseSearch
from pipeline.images import Image


@pytest.mark.parametrize("shift", [(0, 0), (48, 0), (-40, 32)])
def test_a_shift_is_found_to_a_pixel_of_the_small_image(drawn_part: Image, shift: tuple[int, int]) -> None:
    grey = cv2.cvtColor(drawn_part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    moved = np.roll(grey, shift, axis=(1, 0))
    warp = CoarseSearch(grey, (0.0,)).candidates(moved)[0]
    np.testing.assert_allclose(warp, [[1, 0, shift[0]], [0, 1, shift[1]]], atol=4)


def test_the_likeliest_turn_comes_first(drawn_part: Image) -> None:
    grey = cv2.cvtColor(drawn_part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    found = CoarseSearch(grey, (0.0, 90.0, 180.0, 270.0)).candidates(np.ascontiguousarray(grey[::-1, ::-1]))
    assert len(found) == CANDIDATES
    np.testing.assert_allclose(found[0][:, :2], -np.eye(2), atol=1e-6)


def test_a_part_is_found_all_over_the_image(drawn_part: Image) -> None:
    """A quarter of the plate, which fits where the middle of the reference would lie beside the image."""
    grey = cv2.cvtColor(drawn_part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    moved = np.roll(grey, (170, -40), axis=(1, 0))
    warp = CoarseSearch(grey, (0.0,), (70, 60, 60, 50)).candidates(moved)[0]
    np.testing.assert_allclose(warp, [[1, 0, 170], [0, 1, -40]], atol=4)
