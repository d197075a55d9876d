"""Frames of good parts on disk: read, registered and searched for print once, then used again and again.

The format is Zarr 3: see docs/frames.md for why, and for what it costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from pipeline.exceptions import TrainingError
from pipeline.framing import Frame
from pipeline.images import Grey, Image, Mask
from pipeline.lighting import DETAIL

SHARD = 64
"""Frames in one file; each is compressed and checked on its own, so that one can be read alone."""

KINDS = ("image", "ignored", "detail")
"""What is kept of a frame; each in an array of its own."""


@dataclass(frozen=True)
class Frames:
    """Compressed working frames on disk; only those in use take memory.

    Attributes:
        folder: where they lie.
        arrays: of each of `KINDS`, the frames one after the other.
        chosen: (M,) indices of the frames that this view holds.
    """

    folder: Path
    arrays: Mapping[str, zarr.Array[Any]]
    chosen: NDArray[np.int64]

    @classmethod
    def create(cls, folder: Path, count: int, size: tuple[int, int]) -> "Frames":
        """Room for `count` frames of `size` (w, h); what lies there from an interrupted run of the same size stays."""
        folder.mkdir(parents=True, exist_ok=True)
        width, height = size
        shapes = ((height, width, 3), (height, width), (DETAIL * height, DETAIL * width))
        arrays = {kind: _array(folder / kind, count, shape) for kind, shape in zip(KINDS, shapes, strict=True)}
        return cls(folder, arrays, np.arange(count))

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the working frame."""
        _, height, width, _ = self.arrays["image"].shape
        return (width, height)

    def write(self, start: int, frames: Sequence[Frame]) -> None:
        """Write one file of frames, whole or not at all; `start` is the number of its first, a multiple of `SHARD`."""
        for path in self.files(start // SHARD):
            path.unlink(missing_ok=True)  # else Zarr reads what a damaged file holds, to keep what is not overwritten
        for kind, array in self.arrays.items():
            array[start : start + len(frames)] = np.stack([getattr(frame, kind) for frame in frames])

    def __getitem__(self, index: int) -> Frame:
        """What is kept of a frame; raises TrainingError where a file is damaged."""
        image, ignored, detail = (self._read(kind, index) for kind in KINDS)
        return Frame(image, ignored, detail)

    def image(self, index: int) -> Image:
        """(h, w, 3), as in `Frame`, alone."""
        return self._read("image", index)

    def ignored(self, index: int) -> Mask:
        """(h, w), as in `Frame`, alone."""
        return self._read("ignored", index)

    def detail(self, index: int) -> Grey:
        """(2 h, 2 w), as in `Frame`, alone."""
        return self._read("detail", index)

    def _read(self, kind: str, index: int) -> NDArray[np.uint8]:
        number = int(self.chosen[index])
        try:
            return np.asarray(self.arrays[kind][number], np.uint8)
        except (ValueError, RuntimeError) as error:
            raise TrainingError(
                f"{self.folder}: frame {number} is damaged ({error}); the same command with --resume makes it again"
            ) from error

    def subset(self, indices: NDArray[np.int64]) -> "Frames":
        """A view of some of these frames."""
        return replace(self, chosen=self.chosen[indices])

    def files(self, shard: int) -> tuple[Path, ...]:
        """The files that hold the frames from `shard * SHARD` on."""
        return tuple(
            (self.folder / kind / "c" / str(shard)).joinpath(*"0" * (array.ndim - 1))
            for kind, array in self.arrays.items()
        )


def _array(path: Path, count: int, shape: tuple[int, ...]) -> zarr.Array[Any]:
    """One frame a chunk, `SHARD` chunks a file; frames of zeros are written too: a file that is missing is a fault."""
    config = zarr.core.array_spec.ArrayConfig(order="C", write_empty_chunks=True)
    if (path / "zarr.json").is_file():
        return zarr.open_array(path, mode="r+", config=config)
    return zarr.create_array(
        path,
        shape=(count, *shape),
        chunks=(1, *shape),
        shards=(SHARD, *shape),
        dtype="uint8",
        compressors=[ZstdCodec(level=3), Crc32cCodec()],
        config=config,
    )
