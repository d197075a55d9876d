"""Export of the trained detector as one ONNX graph with its weights inside."""

import logging
import warnings

import torch

from models.detector import Detector
from pipeline.network import OUTPUTS


def export(detector: Detector) -> bytes:
    """Serialise the detector for images one at a time; inputs `image` and `ignored`, outputs as in `OUTPUTS`."""
    width, height = detector.size
    example = (
        torch.zeros(1, height, width, 3, dtype=torch.uint8),
        torch.zeros(1, height, width, dtype=torch.uint8),
    )
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            detector.eval(), example, input_names=["image", "ignored"], output_names=list(OUTPUTS),
            dynamo=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    serialised: bytes = program.model_proto.SerializeToString()
    return serialised
