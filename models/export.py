"""Export of the trained detector as one ONNX graph with its weights inside."""

import logging
import warnings

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from models.detector import Detector
from pipeline.lighting import DETAIL
from pipeline.network import INPUTS, OUTPUTS

WORTH = 256
"""Numbers from which on a tensor is worth storing in 16 bits."""


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
            dynamo=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    _halve(model.graph)
    _forget_origin(model)
    serialised: bytes = model.SerializeToString()
    return serialised


def round_weights(detector: Detector) -> None:
    """Round all weights to what 16 bits hold, so that the file may store those; to be done before statistics."""
    for weights in detector.parameters():
        weights.data = weights.data.half().float()


def _halve(graph: onnx.GraphProto) -> None:
    """Store in 16 bits what loses nothing by it; the runtime widens it once, when it loads the model."""
    for stored in [found for found in graph.initializer if found.data_type == onnx.TensorProto.FLOAT]:
        values = numpy_helper.to_array(stored)
        with np.errstate(over="ignore"):  # what 16 bits cannot hold stays as it is
            narrow = values.astype(np.float16)
        if values.size >= WORTH and np.array_equal(narrow.astype(np.float32), values):
            wide = stored.name
            stored.CopyFrom(numpy_helper.from_array(narrow, f"{wide}_16"))
            graph.node.insert(0, helper.make_node("Cast", [f"{wide}_16"], [wide], to=onnx.TensorProto.FLOAT))


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes on every node: they hold paths of the training machine, and change the hash."""
    for noted in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        noted.ClearField("metadata_props")
        noted.ClearField("doc_string")
