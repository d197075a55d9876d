"""Frames of good parts on disk: read, registered and searched for print once, then used again and again."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.framing import Frame
from pipeline.images import Image, Mask


@dataclass(frozen=True)
class Frames:
    """Working frames in memory-mapped files; only those in use take memory.

    Attributes:
        images: (N, h, w, 3) uint8 RGB, registered.
        ignored: (N, h, w) uint8, 255 where nothing can be compared.
        chosen: (M,) indices of the frames that this view holds.
    """

    images: NDArray[np.uint8]
    ignored: NDArray[np.uint8]
    chosen: NDArray[np.int64]

    @classmethod
    def create(cls, folder: Path, count: int, size: tuple[int, int]) -> "Frames":
        """Make empty files for `count` frames of `size` (w, h)."""
        folder.mkdir(parents=True, exist_ok=True)
        shape = (count, size[1], size[0])
        images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (*shape, 3))
        ignored = np.lib.format.open_memmap(folder / "ignored.npy", "w+", np.uint8, shape)
        return cls(images, ignored, np.arange(count))

    def __len__(self) -> int:
        return len(self.chosen)

    def __setitem__(self, index: int, frame: Frame) -> None:
        self.images[self.chosen[index]], self.ignored[self.chosen[index]] = frame.image, frame.ignored

    def __getitem__(self, index: int) -> tuple[Image, Mask]:
        return self.images[self.chosen[index]], self.ignored[self.chosen[index]]

    def subset(self, indices: NDArray[np.int64]) -> "Frames":
        """A view of some of these frames."""
        return replace(self, chosen=self.chosen[indices])
