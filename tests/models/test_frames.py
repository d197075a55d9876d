from pathlib import Path

import numpy as np

from models.frames import Frames
from pipeline.framing import Frame


def numbered(number: int) -> Frame:
    image = np.full((32, 64, 3), number, np.uint8)
    masked, outside = np.zeros((32, 64), np.uint8), np.zeros((32, 64), np.uint8)
    masked[0], outside[:, 0] = 255, 255
    return Frame(image, masked, outside)


def test_frames_come_back_from_the_disk(tmp_path: Path) -> None:
    frames = Frames.create(tmp_path / "new", 3, (64, 32))
    for index in range(3):
        frames[index] = numbered(index)
    image, ignored = frames[2]
    np.testing.assert_array_equal(image, numbered(2).image)
    np.testing.assert_array_equal(ignored, numbered(2).ignored)
    assert isinstance(frames.images, np.memmap)
    assert np.load(tmp_path / "new" / "images.npy", mmap_mode="r").shape == (3, 32, 64, 3)


def test_a_subset_of_a_subset_counts_in_its_own_order(tmp_path: Path) -> None:
    frames = Frames.create(tmp_path, 6, (64, 32))
    for index in range(6):
        frames[index] = numbered(index)
    some = frames.subset(np.array([5, 3, 1])).subset(np.array([2, 0]))
    assert len(some) == 2
    assert [int(some[index][0].max()) for index in range(2)] == [1, 5]
