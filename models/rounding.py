"""Numbers as the file stores them: 8 bits for weights of the frozen network and for directions, 16 for what is trained.

They are rounded before anything is learned from what they compute, so that the file loses nothing; all computation
stays in 32 bits.
"""

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

LARGEST = 127
"""Of the whole numbers that stand for the weights of one channel."""

SCALE_BITS = 12
"""Significant bits of a channel's scale: few enough that whole multiples of it are exact in 32 bits."""

WORTH = 256
"""Numbers from which on a tensor is worth storing in fewer bits."""


def round_frozen(network: nn.Module) -> None:
    """Round the convolutions of a network, in place, to whole multiples of one scale for each output channel.

    Symmetric quantisation of weights alone (Krishnamoorthi 2018, arXiv:1806.08342, section 3.1.1).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = to_multiples(module.weight.data)


def to_multiples(weights: Tensor) -> Tensor:
    """(C, ...) of four dimensions, rounded to whole multiples, up to `LARGEST`, of one scale for each of the first."""
    mantissa, exponent = torch.frexp(weights.abs().amax((1, 2, 3), keepdim=True) / LARGEST)
    scale = torch.ldexp((mantissa * 2**SCALE_BITS).round() / 2**SCALE_BITS, exponent)
    return (weights / scale.clamp(min=1e-30)).round().clamp(-LARGEST, LARGEST) * scale


def round_trained(network: nn.Module) -> None:
    """Round what was trained of a network, in place, to what 16 bits hold; to be done before statistics."""
    for weights in network.parameters():
        if weights.requires_grad:
            weights.data = weights.data.half().float()


def compact(graph: onnx.GraphProto) -> None:
    """Store in fewer bits what loses nothing by it; the runtime widens it once, when it loads the model."""
    for stored in [found for found in graph.initializer if found.data_type == TensorProto.FLOAT]:
        values = numpy_helper.to_array(stored)
        if values.size < WORTH:
            continue
        for narrow in (_in_8_bits, _in_16_bits):
            if narrow(graph, stored, values):
                break


def _in_8_bits(graph: onnx.GraphProto, stored: TensorProto, values: NDArray[np.float32]) -> bool:
    if values.ndim != 4:
        return False
    scale = np.abs(values).max((1, 2, 3), keepdims=True) / np.float32(LARGEST)
    whole = np.round(values / np.maximum(scale, np.float32(1e-30))).astype(np.int8)
    if not np.array_equal(whole * scale, values):
        return False
    name = stored.name
    stored.CopyFrom(numpy_helper.from_array(whole, f"{name}_8"))
    graph.initializer.append(numpy_helper.from_array(scale, f"{name}_scale"))
    graph.node.insert(0, helper.make_node("Mul", [f"{name}_whole", f"{name}_scale"], [name]))
    graph.node.insert(0, helper.make_node("Cast", [f"{name}_8"], [f"{name}_whole"], to=TensorProto.FLOAT))
    return True


def _in_16_bits(graph: onnx.GraphProto, stored: TensorProto, values: NDArray[np.float32]) -> bool:
    with np.errstate(over="ignore"):  # what 16 bits cannot hold stays as it is
        narrow = values.astype(np.float16)
    if not np.array_equal(narrow.astype(np.float32), values):
        return False
    name = stored.name
    stored.CopyFrom(numpy_helper.from_array(narrow, f"{name}_16"))
    graph.node.insert(0, helper.make_node("Cast", [f"{name}_16"], [name], to=TensorProto.FLOAT))
    return True
