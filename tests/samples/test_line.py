from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from samples.line import DEFECTS, SHIFT, SIZE, main, render
from samples.render import Job


def test_a_seed_gives_one_picture_and_the_next_seed_another() -> None:
    first, again, other = (render(seed, None) for seed in (3, 3, 4))
    assert first.image.shape == (SIZE, SIZE, 3)
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)
    assert not first.defect_mask.any()
    assert first.print_mask.any()


def test_parts_lie_far_off_each_other_before_several_bodies_in_other_light() -> None:
    pictures = [render(seed, None) for seed in range(10)]
    places = np.array([np.argwhere(picture.print_mask).mean(axis=0) for picture in pictures])
    assert SHIFT < np.ptp(places, axis=0).max() <= 2 * SHIFT + 20
    grounds = np.array([np.median(picture.image[:40], axis=(0, 1)) for picture in pictures])
    assert grounds.std(axis=0).min() > 15


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_shows_inside_its_mask(defect: str) -> None:
    good, bad = render(5, None), render(5, defect)
    changed = np.abs(good.image.astype(int) - bad.image).max(axis=2)
    assert bad.defect_mask.any()
    near = bad.defect_mask > 0
    assert changed[near].max() > 8
    assert changed.max() == changed[near].max() or changed[~near].max() < 16


def test_the_set_has_the_usual_layout(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, [str(tmp_path), "--train", "2", "--good", "1", "--bad", "1"]).exit_code == 0
    assert len(list((tmp_path / "train" / "good").iterdir())) == 2
    assert {folder.name for folder in (tmp_path / "test").iterdir()} == {"good", *DEFECTS}
    assert (tmp_path / "ground_truth" / "stain" / "000000_mask.png").is_file()
    assert Job("train", "good", 0).seed(9) != Job("train", "good", 1).seed(9)
