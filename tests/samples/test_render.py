from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from samples.render import DEFECTS, PARTS, SMALLEST_DEFECT, VISIBLE, Job, Rendered, main, render
from samples.tolerances import STANDARD, TURNED

EVERY_DEFECT = [(part, defect) for part, defects in DEFECTS.items() for defect in defects]
GOOD_SEEDS = range(4)
TWIN = 5


@cache
def good_part(name: str) -> Rendered:
    return render(PARTS[name](), TWIN)


def difference(first: Rendered, second: Rendered) -> NDArray[np.int64]:
    """Grey levels, (H, W)."""
    return np.asarray(np.abs(first.image.astype(int) - second.image).max(axis=2))


@pytest.mark.parametrize("name", PARTS)
def test_a_seed_gives_one_part_and_the_next_seed_another(name: str) -> None:
    first, again, other = (render(PARTS[name](), seed) for seed in (3, 3, 4))
    assert np.array_equal(first.image, again.image)
    assert first.texts == again.texts
    assert not np.array_equal(first.image, other.image)
    assert set(first.texts + first.codes).isdisjoint(other.texts + other.codes)


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("seed", GOOD_SEEDS)
def test_every_code_of_a_good_part_reads_as_it_was_printed(name: str, seed: int) -> None:
    good = render(PARTS[name](), seed)
    assert {code.text for code in zxingcpp.read_barcodes(good.image)} == set(good.codes)
    assert not good.defect_mask.any()


@pytest.mark.parametrize(("name", "defect"), EVERY_DEFECT)
def test_a_defect_shows_inside_its_mask_and_nowhere_else(name: str, defect: str) -> None:
    good, bad = good_part(name), render(PARTS[name](), TWIN, defect)
    changed, inside = difference(good, bad), bad.defect_mask == 255
    assert np.count_nonzero(changed[inside] >= VISIBLE) >= SMALLEST_DEFECT / 2
    assert changed[~inside].max() <= VISIBLE + 1  # rounding
    assert bad.texts == good.texts


@pytest.mark.parametrize("name", PARTS)
def test_defects_range_from_small_to_large(name: str) -> None:
    areas = [np.count_nonzero(render(PARTS[name](), seed, "stain").defect_mask) for seed in range(6)]
    assert max(areas) > 5 * min(areas)


@pytest.mark.parametrize("name", PARTS)
def test_images_in_the_data_set_do_not_depend_on_how_many_there_are(name: str, tmp_path: Path) -> None:
    few, many = tmp_path / "few", tmp_path / "many"
    write_set(few, name, train=1, good=1, bad=1)
    write_set(many, name, train=2, good=2, bad=2)
    for path in (path for path in few.rglob("*") if path.is_file()):
        assert path.read_bytes() == (many / path.relative_to(few)).read_bytes()


def test_the_data_set_has_the_layout_of_mvtec_ad_and_print_masks(tmp_path: Path) -> None:
    write_set(tmp_path, "cover", train=1, good=1, bad=1)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")} == {
        "train/good/000000.jpg",
        "test/good/000000.jpg",
        "test/missing_clip/000000.jpg",
        "ground_truth/missing_clip/000000_mask.png",
        "print/train/good/000000.png",
        "print/test/good/000000.png",
        "print/test/missing_clip/000000.png",
    }
    with Image.open(tmp_path / "test/missing_clip/000000.jpg") as image:
        assert (image.size, image.mode) == ((768, 576), "RGB")
    with Image.open(tmp_path / "ground_truth/missing_clip/000000_mask.png") as mask:
        assert set(np.unique(np.asarray(mask))) == {0, 255}


def write_set(out: Path, name: str, *, train: int, good: int, bad: int) -> None:
    counts = ["--train", str(train), "--good", str(good), "--bad", str(bad)]
    defect = "missing_clip" if name == "cover" else "missing_pin"
    result = CliRunner().invoke(main, [name, str(out), *counts, "--defect", defect])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("wrong", [["bonnet"], ["housing", "--defect", "missing_clip"]])
def test_unknown_names_are_refused(wrong: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [wrong[0], str(tmp_path / "out"), *wrong[1:]])
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_jobs_of_different_folders_and_seeds_are_different_parts() -> None:
    places = [Job("train", "good", 0), Job("test", "good", 0), Job("test", "dent", 0), Job("test", "dent", 1)]
    assert len({job.seed(base) for job in places for base in (0, 1)}) == 8


@pytest.mark.parametrize("name", PARTS)
def test_parts_do_not_move_without_tolerances(name: str) -> None:
    fixed = replace(STANDARD, part_shift=0.0, part_rotation=0.0, label_shift=0.0, label_rotation=0.0)
    rim = [np.argwhere(render(PARTS[name](), seed, tolerances=fixed).print_mask).min(axis=0) for seed in (0, 1)]
    assert np.abs(rim[0] - rim[1]).max() <= 2


@pytest.mark.parametrize("name", PARTS)
def test_turned_parts_lie_any_way_and_are_seen_whole(name: str) -> None:
    pictures = [render(PARTS[name](), seed, None, TURNED) for seed in range(8)]
    middles = np.array([np.argwhere(picture.print_mask).mean(axis=0) for picture in pictures])
    assert np.ptp(middles, axis=0).min() > 40
    edges = [
        np.concatenate([picture.print_mask[[0, -1]].ravel(), picture.print_mask[:, [0, -1]].ravel()])
        for picture in pictures
    ]
    assert not np.any(edges)
    assert all(texts for texts in (picture.texts for picture in pictures))
    borders = [np.median(picture.image[[0, -1]], axis=(0, 1)) for picture in pictures]
    assert np.std(borders, axis=0).max() < 12  # the ground, and no part on it
