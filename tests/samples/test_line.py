from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from samples.line import DEFECTS, Line, main, render
from samples.render import Job


def test_a_seed_gives_one_picture_and_the_next_seed_another() -> None:
    first, again, other = (render(seed, None) for seed in (3, 3, 4))
    assert first.image.shape == (400, 400, 3)
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)
    assert not first.defect_mask.any()
    assert first.print_mask.any()


def test_parts_lie_far_off_each_other_before_several_bodies_in_other_light() -> None:
    pictures = [render(seed, None) for seed in range(10)]
    shift = Line().shift
    places = np.array([np.argwhere(picture.print_mask).mean(axis=0) for picture in pictures])
    assert shift < np.ptp(places, axis=0).max() <= 2 * shift + 20
    assert len({picture.image.tobytes() for picture in pictures}) == len(pictures)
    grounds = np.array([np.median(picture.image[:40], axis=(0, 1)) for picture in pictures])
    assert grounds.std(axis=0).min() > 15


def test_a_larger_image_shows_the_same_part_finer() -> None:
    small, large = render(3, None), render(3, None, Line(800))
    assert large.image.shape == (800, 800, 3)
    assert np.ptp(np.argwhere(large.print_mask), axis=0) == pytest.approx(
        2 * np.ptp(np.argwhere(small.print_mask), axis=0), rel=0.05
    )


def test_turned_covers_lie_any_way_and_all_of_them_is_seen() -> None:
    """Their print, which is wider than it is high, lies along any direction."""
    directions = []
    for seed in range(12):
        print_ = np.argwhere(render(seed, None, Line(turned=True)).print_mask)
        assert print_.min() > 0
        assert print_.max() < 399
        directions.append(np.linalg.svd(print_ - print_.mean(axis=0), full_matrices=False)[2][0])
    assert np.ptp(np.abs(directions), axis=0).min() > 0.5


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
