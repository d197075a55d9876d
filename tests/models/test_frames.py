from pathlib import Path

import numpy as np
import pytest

from models.frames import KINDS, SHARD, Frames
from pipeline.exceptions import TrainingError
from pipeline.framing import PRINT, UNCOMPARED, Frame


def numbered(number: int) -> Frame:
    image = np.full((32, 64, 3), number, np.uint8)
    ignored = np.zeros((32, 64), np.uint8)
    ignored[0], ignored[:, 0] = PRINT, UNCOMPARED
    return Frame(image, ignored, np.full((64, 128), number + 100, np.uint8))


def test_frames_come_back_from_the_disk(tmp_path: Path) -> None:
    Frames.create(tmp_path / "new", 3, (64, 32)).write(0, [numbered(index) for index in range(3)])
    frames = Frames.create(tmp_path / "new", 3, (64, 32))
    assert len(frames) == 3
    for kind in KINDS:
        np.testing.assert_array_equal(getattr(frames[2], kind), getattr(numbered(2), kind))
    np.testing.assert_array_equal(frames.image(1), numbered(1).image)
    np.testing.assert_array_equal(frames.ignored(1), numbered(1).ignored)


def test_a_subset_of_a_subset_counts_in_its_own_order(tmp_path: Path) -> None:
    frames = Frames.create(tmp_path, 6, (64, 32))
    frames.write(0, [numbered(index) for index in range(6)])
    some = frames.subset(np.array([5, 3, 1])).subset(np.array([2, 0]))
    assert len(some) == 2
    assert [int(some.image(index).max()) for index in range(2)] == [1, 5]


def test_every_shard_is_a_file_even_one_of_zeros(tmp_path: Path) -> None:
    frames = Frames.create(tmp_path, SHARD + 1, (64, 32))
    for start in (0, SHARD):
        empty = Frame(np.zeros((32, 64, 3), np.uint8), np.zeros((32, 64), np.uint8), np.zeros((64, 128), np.uint8))
        frames.write(start, [empty] * min(SHARD, SHARD + 1 - start))
    assert all(path.is_file() for shard in (0, 1) for path in frames.files(shard))
    assert not frames.image(SHARD).any()


def test_a_damaged_frame_is_an_error_not_another_picture(tmp_path: Path) -> None:
    frames = Frames.create(tmp_path, 2, (64, 32))
    frames.write(0, [numbered(0), numbered(1)])
    path = frames.files(0)[0]
    data = bytearray(path.read_bytes())
    data[8] ^= 255
    path.write_bytes(data)
    with pytest.raises(TrainingError, match=r"frame 0 is damaged.*--resume"):
        frames[0]
    assert frames.image(1).max() == 1
