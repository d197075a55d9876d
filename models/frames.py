"""Frames of good parts on disk: read, registered and searched for print once, then used again and again.

The format is Zarr 3: see docs/frames.md for why, and for what it costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from pipeline.exceptions import TrainingError
from pipeline.framing import Frame
from pipeline.images import Image, Mask

SHARD = 64
"""Frames in one file; each is compressed and checked on its own, so that one can be read alone."""

IMAGES, IGNORED = "images", "ignored"


@dataclass(frozen=True)
class Frames:
    """Compressed working frames on disk; only those in use take memory.

    Attributes:
        folder: where they lie.
        images: (N, h, w, 3) uint8 RGB, registered.
        ignored: (N, h, w) uint8, as in `Frame`.
        chosen: (M,) indices of the frames that this view holds.
    """

    folder: Path
    images: zarr.Array[Any]
    ignored: zarr.Array[Any]
    chosen: NDArray[np.int64]

    @classmethod
    def create(cls, folder: Path, count: int, size: tuple[int, int]) -> "Frames":
        """Room for `count` frames of `size` (w, h); what lies there from an interrupted run of the same size stays."""
        folder.mkdir(parents=True, exist_ok=True)
        shape = (size[1], size[0])
        images, ignored = _array(folder / IMAGES, count, (*shape, 3)), _array(folder / IGNORED, count, shape)
        return cls(folder, images, ignored, np.arange(count))

    def __len__(self) -> int:
        return len(self.chosen)

    def write(self, start: int, frames: Sequence[Frame]) -> None:
        """Write one file of frames, whole or not at all; `start` is the number of its first, a multiple of `SHARD`."""
        for path in self.files(start // SHARD):
            path.unlink(missing_ok=True)  # else Zarr reads what a damaged file holds, to keep what is not overwritten
        where = slice(start, start + len(frames))
        self.images[where] = np.stack([frame.image for frame in frames])
        self.ignored[where] = np.stack([frame.ignored for frame in frames])

    def __getitem__(self, index: int) -> tuple[Image, Mask]:
        """Raises TrainingError where the file is damaged."""
        number = int(self.chosen[index])
        try:
            return np.asarray(self.images[number], np.uint8), np.asarray(self.ignored[number], np.uint8)
        except (ValueError, RuntimeError) as error:
            raise TrainingError(
                f"{self.folder}: frame {number} is damaged ({error}); the same command with --resume makes it again"
            ) from error

    def subset(self, indices: NDArray[np.int64]) -> "Frames":
        """A view of some of these frames."""
        return replace(self, chosen=self.chosen[indices])

    def files(self, shard: int) -> tuple[Path, Path]:
        """The files that hold the frames from `shard * SHARD` on."""
        return (
            self.folder / IMAGES / "c" / str(shard) / "0" / "0" / "0",
            self.folder / IGNORED / "c" / str(shard) / "0" / "0",
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
