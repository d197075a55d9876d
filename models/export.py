"""Export of the trained detector as one ONNX graph with its weights inside."""

import logging
import warnings

import onnx
import torch

from models.detector import Detector
from models.rounding import compact
from pipeline.lighting import DETAIL
from pipeline.network import INPUTS, OUTPUTS

OPSET = 18
"""Of ONNX: from the next one on, the runtime does not average in its own order of channels, and has to sort them."""


def export(detector: Detector) -> bytes:
    """Serialise the detector for images one at a time; inputs and outputs as in `INPUTS` and `OUTPUTS`."""
    width, height = detector.size
    example = (
        torch.zeros(1, height, width, 3, dtype=torch.uint8),
        torch.zeros(1, height, width, dtype=torch.uint8),
        torch.zeros(1, DETAIL * height, DETAIL * width, dtype=torch.uint8),
    )
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            detector.eval(), example, input_names=list(INPUTS), output_names=list(OUTPUTS),
            dynamo=True, verbose=False, opset_version=OPSET,
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    compact(model.graph)
    _forget_origin(model)
    serialised: bytes = model.SerializeToString()
    return serialised


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes on every node: they hold paths of the training machine, and change the hash."""
    for noted in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        noted.ClearField("metadata_props")
        noted.ClearField("doc_string")
