"""The cache: what a killed run has left is used as far as it is whole, and never beyond."""

import errno
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

import models.good_parts
import models.teach_in
from models.cache import cache_key, read_shard
from models.frames import KINDS, SHARD
from models.teach_in import Taught, teach_in, workload
from pipeline.config import Config, parse_config
from pipeline.engines import Processes
from pipeline.exceptions import TrainingError
from pipeline.images import Image, read_image, write_image

COUNT = SHARD + 16
SETTINGS = {"image": {"working_megapixels": 0.02}, "print": {"mask": False}}
CONFIG = parse_config(SETTINGS, source="test")

KILLED = """
import os, signal, sys
from pathlib import Path
import models.cache, models.teach_in
from tests.models.test_cache import CONFIG

def write_and_die(path, data):
    if path.name.startswith("notes-") and len(list(path.parent.glob("notes-*"))) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    real(path, data)

real, models.cache.write_bytes = models.cache.write_bytes, write_and_die
models.teach_in.teach_in(sorted(Path(sys.argv[1]).iterdir()), CONFIG, Path(sys.argv[2]), lambda name: None)
"""


@pytest.fixture(scope="module")
def good(drawn_part: Image, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Parts of 320x240 px, moved by up to 4 px; number 3 is cut off in the middle of the file."""
    folder = tmp_path_factory.mktemp("good")
    for number in range(COUNT):
        rng = np.random.default_rng(number)
        shift = np.hstack([np.eye(2), rng.uniform(-4, 4, (2, 1))])
        moved = cv2.warpAffine(drawn_part, shift, (320, 240), borderMode=cv2.BORDER_REPLICATE)
        write_image(folder / f"{number:03}.png", np.asarray(moved, np.uint8))
    cut = folder / "003.png"
    cut.write_bytes(cut.read_bytes()[:3000])
    return sorted(folder.iterdir())


def taught(paths: list[Path], work: Path, config: Config = CONFIG) -> tuple[Taught, Counter[str]]:
    steps: Counter[str] = Counter()
    return teach_in(paths, config, work, lambda name: steps.update([name])), steps


def same(one: Taught, other: Taught) -> bool:
    pictures = all(
        np.array_equal(getattr(one.frames[index], kind), getattr(other.frames[index], kind))
        for index in range(len(one.frames))
        for kind in KINDS
    )
    return pictures and (one.paths, one.usual, one.refused, one.max_outside, one.min_quality) == (
        other.paths, other.usual, other.refused, other.max_outside, other.min_quality,
    )  # fmt: skip


def count_reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    read: Counter[str] = Counter()

    def counted(path: Path, *, max_megapixels: float) -> Image:
        read[path.name] += 1
        return read_image(path, max_megapixels=max_megapixels)

    monkeypatch.setattr(models.good_parts, "read_image", counted)
    return read


def test_a_file_that_is_cut_off_is_refused_and_the_others_go_on(good: list[Path], tmp_path: Path) -> None:
    found, steps = taught(good, tmp_path)
    assert len(found.frames) == COUNT - 1
    assert [line.split(":")[0] for line in found.refused] == ["003.png"]
    assert good[3] not in found.paths
    assert sum(steps.values()) == workload(COUNT, CONFIG)


@pytest.fixture(scope="module")
def whole(good: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Taught, Path]:
    """What an undisturbed run finds, and its folder; tests that change it work on a copy."""
    work = tmp_path_factory.mktemp("cache") / "work"
    return taught(good, work)[0], work


def test_processes_that_share_the_images_make_the_same_frames_and_notes(
    good: list[Path], whole: tuple[Taught, Path], tmp_path: Path
) -> None:
    shared = teach_in(good, CONFIG, tmp_path, lambda _: None, engine=Processes(2))
    assert same(shared, whole[0])
    for name in ("lesson.npz", "notes-000000.json", "notes-000001.json"):
        assert (tmp_path / name).read_bytes() == (whole[1] / name).read_bytes()


@pytest.mark.parametrize("shards", [0, 1])
def test_a_killed_run_goes_on_where_it_was(
    good: list[Path], whole: tuple[Taught, Path], tmp_path: Path, shards: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(good[0].parent), str(tmp_path / "killed"), str(shards)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == -signal.SIGKILL, run.stderr
    read = count_reads(monkeypatch)
    resumed, _ = taught(good, tmp_path / "killed")
    assert same(resumed, whole[0])
    assert sum(read.values()) == COUNT - shards * SHARD


def test_a_whole_cache_is_used_without_reading_an_image(
    good: list[Path], whole: tuple[Taught, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = count_reads(monkeypatch)
    again, _ = taught(good, whole[1])
    assert not read
    assert same(whole[0], again)


@pytest.mark.parametrize(
    "file", ["image/c/0/0/0/0", "ignored/c/1/0/0", "detail/c/0/0/0", "notes-000001.json", "lesson.npz"]
)
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_what_is_damaged_is_made_again(
    good: list[Path], whole: tuple[Taught, Path], tmp_path: Path, file: str, damage: str
) -> None:
    shutil.copytree(whole[1], tmp_path / "work")
    path = tmp_path / "work" / file
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[: len(data) // 2] if damage == "cut" else data[:-40] + bytes(40))
    again, _ = taught(good, tmp_path / "work")
    assert same(again, whole[0])
    assert all(read_shard(again.frames, shard) for shard in (0, 1))


@pytest.mark.parametrize("writer", ["models.cache.write_bytes", "models.lesson.write_bytes", "zarr.create_array"])
def test_a_full_disk_is_one_line_and_loses_nothing_that_was_written(
    good: list[Path], whole: tuple[Taught, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writer, full)
        with pytest.raises(TrainingError, match=r"work: cannot be written \(No space left on device\).*--resume"):
            taught(good, tmp_path / "work")
    assert same(taught(good, tmp_path / "work")[0], whole[0])


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"network": {"width": 64}}, True),
        ({"training": {"steps": 3, "seed": 9}}, True),
        ({"image": {"working_megapixels": 0.05}}, False),
        ({"registration": {"motion": "none"}}, False),
        ({"print": {"mask": True}}, False),
    ],
)
def test_frames_depend_on_what_shapes_them_alone(good: list[Path], change: dict[str, object], kept: bool) -> None:
    changed, folder = parse_config({**SETTINGS, **change}, source="test"), good[0].parent
    assert (cache_key(folder, good, changed) == cache_key(folder, good, CONFIG)) is kept


def test_another_file_is_another_cache(good: list[Path], tmp_path: Path) -> None:
    copies = [tmp_path / path.name for path in good]
    for copy, path in zip(copies, good, strict=True):
        copy.write_bytes(path.read_bytes())
    before = cache_key(tmp_path, copies, CONFIG)
    copies[5].write_bytes(good[6].read_bytes())
    assert cache_key(tmp_path, copies, CONFIG) != before
    assert cache_key(tmp_path, copies[1:], CONFIG) != before


def test_a_file_of_the_same_name_in_another_folder_is_another_file(tmp_path: Path) -> None:
    one, other = tmp_path / "monday" / "0.png", tmp_path / "tuesday" / "0.png"
    one.parent.mkdir()
    one.write_bytes(b"the same")
    before = cache_key(tmp_path, [one], CONFIG)
    one.parent.rename(other.parent)
    assert cache_key(tmp_path, [other], CONFIG) != before


def test_the_same_files_elsewhere_are_the_same_cache(good: list[Path], tmp_path: Path) -> None:
    moved = shutil.copytree(good[0].parent, tmp_path / "moved")
    copies = sorted(moved.iterdir())
    assert cache_key(moved, copies, CONFIG) == cache_key(good[0].parent, good, CONFIG)
