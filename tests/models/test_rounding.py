from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from models.backbone import Backbone
from models.rounding import LARGEST, compact, round_frozen, round_trained


def test_weights_become_multiples_of_one_scale_for_each_channel() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 16, 3)
    before = layer.weight.detach().clone()
    round_frozen(layer)
    largest = before.abs().amax((1, 2, 3), keepdim=True)
    assert ((layer.weight - before).abs() <= 0.51 * largest / LARGEST).all()
    for channel in layer.weight.detach():
        assert len(channel.unique()) <= 2 * LARGEST + 1
        multiples = channel / (channel.abs().max() / LARGEST)
        torch.testing.assert_close(multiples, multiples.round(), atol=1e-4, rtol=0)


def test_a_channel_of_zeros_stays_one() -> None:
    layer = nn.Conv2d(2, 3, 1)
    nn.init.zeros_(layer.weight)
    round_frozen(layer)
    assert (layer.weight == 0).all()


def test_what_is_frozen_is_left_to_the_other_rounding() -> None:
    layer = nn.Conv2d(2, 3, 1).requires_grad_(False)
    before = layer.weight.clone()
    round_trained(layer)
    assert torch.equal(layer.weight, before)


@pytest.mark.parametrize(("kind", "narrow"), [("whole", TensorProto.INT8), ("half", TensorProto.FLOAT16)])
def test_the_file_holds_few_bits_and_the_graph_the_same_numbers(kind: str, narrow: int) -> None:
    torch.manual_seed(1)
    layer = nn.Conv2d(16, 32, 3)
    (round_frozen if kind == "whole" else round_trained)(layer)
    weights = layer.weight.detach().numpy()
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, weights.shape)
    stored = numpy_helper.from_array(weights, "weights")
    graph = helper.make_graph([helper.make_node("Identity", ["weights"], ["out"])], "g", [], [out], [stored])
    compact(graph)
    assert narrow in {kept.data_type for kept in graph.initializer}
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(None, {})[0], weights)


def test_the_packaged_network_fits_into_8_bits_a_weight(exported: bytes) -> None:
    frozen = [tuple(module.weight.shape) for module in Backbone().modules() if isinstance(module, nn.Conv2d)]
    stored = [kept for kept in onnx.load_from_string(exported).graph.initializer if kept.data_type == TensorProto.INT8]
    assert not Counter(frozen) - Counter(tuple(kept.dims) for kept in stored)
