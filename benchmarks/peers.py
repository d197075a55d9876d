"""The peers that `benchmarks.runtime` measures beside this project: PaDiM and PatchCore, run by ONNX Runtime.

Both compare features of the same frozen backbone as this project, at the same working size, on the grid of stride 8:
strides 4, 8 and 16, averaged 3x3, 176 channels. As published, without registration and without a print mask.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pipeline.images import Image, read_image

Vectors = NDArray[np.float32]

MEGAPIXELS = 100
PADIM_CHANNELS = 100
"""Drawn at random, as in the paper for a small backbone."""

CORESET_SHARE, CORESET_FROM, PROJECTED = 0.01, 50_000, 64
"""Share of all vectors that PatchCore keeps; greedily, from that many at random, at so many random projections."""


class Features:
    """The backbone in ONNX Runtime on one core: (P, 176) features of the P positions of an image file."""

    def __init__(self, graph: Path, size: tuple[int, int]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_mem_pattern = False
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._size = size

    def frame(self, path: Path) -> Image:
        """The image at the working size."""
        image = read_image(path, max_megapixels=MEGAPIXELS)
        return np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.uint8)

    def of_frame(self, frame: Image) -> Vectors:
        """The features of a frame."""
        found: list[Vectors] = self._session.run(None, {"image": frame[None]})
        return found[0]

    def __call__(self, path: Path) -> Vectors:
        """The features of an image file."""
        return self.of_frame(self.frame(path))


class Padim:
    """Mahalanobis distance at each position (Defard et al. 2020, arXiv:2011.08785); the largest is the score."""

    def __init__(self, features: Features, learned: Path) -> None:
        with np.load(learned) as arrays:
            self._channels, self._mean, self._whitening = (arrays[key] for key in ("channels", "mean", "whitening"))
        self._features = features

    @staticmethod
    def learn(features: Features, good: Sequence[Path], learned: Path) -> None:
        """Mean and covariance per position, the latter as the inverse of its Cholesky factor."""
        channels = np.sort(np.random.default_rng(0).permutation(features(good[0]).shape[1])[:PADIM_CHANNELS])
        seen = np.stack([features(path)[:, channels] for path in good])
        mean = seen.mean(0)
        whitening = np.empty((*mean.shape, len(channels)), np.float32)
        for position in range(len(mean)):
            covariance = np.cov(seen[:, position], rowvar=False) + 0.01 * np.eye(len(channels))
            whitening[position] = np.linalg.inv(np.linalg.cholesky(covariance))
        np.savez(learned, channels=channels, mean=mean, whitening=whitening)

    def score(self, path: Path) -> float:
        """The largest distance."""
        off = self._features(path)[:, self._channels] - self._mean
        return float(np.sqrt(np.square(np.matmul(self._whitening, off[:, :, None])).sum((1, 2)).max()))


class PatchCore:
    """Distance to the nearest feature of any good part, anywhere (Roth et al. 2021, arXiv:2106.08265)."""

    def __init__(self, features: Features, learned: Path) -> None:
        with np.load(learned) as arrays:
            self._bank = arrays["bank"]
        self._squares = np.square(self._bank).sum(1)
        self._features = features

    @staticmethod
    def learn(features: Features, good: Sequence[Path], learned: Path) -> None:
        """A greedy coreset: again and again the vector that is farthest from all that were taken."""
        rng = np.random.default_rng(0)
        seen = np.concatenate([features(path) for path in good])
        some = seen[rng.permutation(len(seen))[:CORESET_FROM]]
        projected = some @ rng.normal(size=(some.shape[1], PROJECTED)).astype(np.float32)
        taken, nearest = [0], np.full(len(some), np.inf, np.float32)
        while len(taken) < min(CORESET_SHARE * len(seen), len(some)):
            nearest = np.minimum(nearest, np.square(projected - projected[taken[-1]]).sum(1))
            taken.append(int(nearest.argmax()))
        np.savez(learned, bank=some[taken])

    def score(self, path: Path) -> float:
        """The largest distance of a position to its nearest neighbour."""
        seen = self._features(path)
        squares = self._squares - 2 * (seen @ self._bank.T)
        return float(np.sqrt((squares.min(1) + np.square(seen).sum(1)).max()))


PEERS: dict[str, type[Padim | PatchCore]] = {"PaDiM": Padim, "PatchCore": PatchCore}


def export_backbone(graph: Path, size: tuple[int, int], *, bare: bool) -> None:
    """Write the backbone as an ONNX graph: `bare`, its three maps; else the (P, 176) features of the peers."""
    import logging
    import warnings

    import torch
    from torch.nn import functional as F

    from models.backbone import Backbone

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = Backbone()

        def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
            maps: list[torch.Tensor] = self.backbone(image.permute(0, 3, 1, 2).float() / 255)
            if bare:
                return maps
            fine, middle, coarse = (F.avg_pool2d(found, 3, 1, 1) for found in maps)
            grid = middle.shape[-2:]
            wide = F.interpolate(coarse, size=grid, mode="bilinear", align_corners=False)
            return [torch.cat([F.avg_pool2d(fine, 2), middle, wide], 1)[0].flatten(1).T.contiguous()]

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        example = (torch.zeros(1, size[1], size[0], 3, dtype=torch.uint8),)
        program = torch.onnx.export(Graph().eval(), example, input_names=["image"], dynamo=True, verbose=False)
    assert program is not None
    program.save(str(graph))
