from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.teach_in import Taught, teach_in
from pipeline.config import Config, parse_config
from pipeline.exceptions import TrainingError
from pipeline.images import Image, read_image, write_image
from pipeline.view import View

CONFIG = parse_config({"image": {"working_megapixels": 0.02}, "print": {"mask": False}}, source="test")


@pytest.fixture
def good(drawn_part: Image, tmp_path: Path) -> list[Path]:
    """Twelve parts of 320x240 px, moved by up to 6 px, the first one brighter than the others."""
    paths = [tmp_path / "good" / f"{number:02}.png" for number in range(12)]
    for number, path in enumerate(paths):
        rng = np.random.default_rng(number)
        shift = np.hstack([np.eye(2), rng.uniform(-6, 6, (2, 1))])
        moved = cv2.warpAffine(drawn_part, shift, (320, 240), borderMode=cv2.BORDER_REPLICATE)
        write_image(path, np.clip(moved + rng.normal(0, 2, moved.shape), 0, 255).astype(np.uint8))
    return paths


def taught(paths: list[Path], folder: Path, config: Config = CONFIG) -> tuple[Taught, Counter[str]]:
    steps: Counter[str] = Counter()
    return teach_in(paths, config, folder, lambda name: steps.update([name])), steps


def test_all_good_parts_lie_alike_in_their_frames(good: list[Path], tmp_path: Path) -> None:
    found, steps = taught(good, tmp_path / "work")
    assert found.view == View.of_all((320, 240), (160, 128))
    assert len(found.frames) == 12
    assert not found.refused
    assert set(steps.values()) == {12}
    images = np.stack([found.frames.image(index)[16:-16, 16:-16] for index in range(12)]).astype(float)
    assert images.std(axis=0).mean() < 3
    files = [cv2.resize(read_image(path, max_megapixels=1), (160, 128))[16:-16, 16:-16] for path in good]
    assert np.std(files, axis=0).mean() > 4


def test_what_good_parts_leave_unseen_is_allowed_with_a_margin(good: list[Path], tmp_path: Path) -> None:
    found, _ = taught(good, tmp_path / "work")
    assert 0.04 < found.max_outside < 0.3
    assert 0.2 <= found.min_quality < 1


def test_files_of_no_use_are_named(good: list[Path], drawn_part: Image, tmp_path: Path) -> None:
    folder = good[0].parent
    (folder / "empty.png").touch()
    write_image(folder / "small.png", np.ascontiguousarray(drawn_part[:100, :100]))
    noise = np.random.default_rng(0).integers(0, 256, drawn_part.shape, np.uint8)
    write_image(folder / "wrong thing.png", noise)
    found, _ = taught(sorted(folder.iterdir()), tmp_path / "work")
    assert len(found.frames) == 12
    assert len(found.refused) == 3
    for name, why in (("empty", "empty"), ("small", "another size"), ("wrong thing", "pose")):
        assert [line for line in found.refused if line.startswith(f"{name}.png: ") and why in line]


def test_the_reference_is_no_outlier(good: list[Path], drawn_part: Image, tmp_path: Path) -> None:
    write_image(good[0], np.asarray(cv2.GaussianBlur(drawn_part, (0, 0), 12), np.uint8))
    found, _ = taught(good, tmp_path / "work")
    assert np.corrcoef(found.reference.ravel(), drawn_part.ravel())[0, 1] > 0.8
    assert cv2.Laplacian(found.reference, cv2.CV_64F).std() > 5


@pytest.mark.parametrize("usable", [1, 7])
def test_too_few_images_are_one_line(good: list[Path], tmp_path: Path, usable: int) -> None:
    (good[0].parent / "0 empty.png").touch()
    with pytest.raises(TrainingError, match=rf"only {usable} usable images.*at least 8.*0 empty.png") as caught:
        taught([good[0].parent / "0 empty.png", *good[:usable]], tmp_path / "work")
    assert "\n" not in str(caught.value)


def test_no_usable_image_at_all_is_one_line(tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        path.write_text("no image")
    with pytest.raises(TrainingError, match="only 0 usable"):
        taught(paths, tmp_path / "work")
