"""The exported network, run by ONNX Runtime on one core."""

import ctypes
import os
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Before the import: from 1.29 on, official builds tell their maker about every session, hashes of graph and weights
# among it (its Privacy.md). A machine at a line calls nobody.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

from pipeline.exceptions import ModelError
from pipeline.framing import Frame
from pipeline.images import Image

INPUTS = ("image", "ignored", "detail")
OUTPUTS = ("score", "all_over", "anomaly", "reconstruction", "ssim_residual", "feature_residual", "detail_residual")


class Residuals(NamedTuple):
    """What the network says about one working frame of h x w pixels.

    Attributes:
        score: the largest anomaly, in deviations of the worst place of a good part.
        all_over: what of it the part as a whole has added, and no place: wear, dirt, another material; 0 or more.
        anomaly: (h/4, w/4) float32, same unit.
        reconstruction: (h, w, 3) uint8 RGB, how the part should look.
        ssim: (h/4, w/4) float32, SSIM residual in deviations of good parts at the same position.
        features: (h/4, w/4) float32, feature residual, same unit.
        detail: (h/4, w/4) float32, what stands out at twice the working size, by itself or averaged, same unit.
    """

    score: float
    all_over: float
    anomaly: NDArray[np.float32]
    reconstruction: Image
    ssim: NDArray[np.float32]
    features: NDArray[np.float32]
    detail: NDArray[np.float32]


class Network:
    """One ONNX graph: features, reconstruction, residuals and their normalisation.

    Args:
        serialised: the graph; weights inside, so that no other file is read.
        threads: cores that one image may use.

    Raises:
        ModelError: the graph cannot be loaded.
    """

    def __init__(self, serialised: bytes, *, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False
        try:
            self._session = onnxruntime.InferenceSession(serialised, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises a class of its own for each kind of damage
            raise ModelError(f"model.onnx: cannot be loaded ({str(error)[:120]}); train again") from error
        _give_back_memory()

    def run(self, frame: Frame) -> Residuals:
        """Compare one working frame."""
        score, all_over, *maps = self._session.run(OUTPUTS, {name: getattr(frame, name)[None] for name in INPUTS})
        return Residuals(float(score[0]), float(all_over[0]), *(found[0] for found in maps))


def _give_back_memory() -> None:
    """Give what loading has freed back to the system: the C library would keep it, and counts as taking it.

    Other libraries than glibc do not know how, or do it themselves.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
