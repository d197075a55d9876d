"""Wide blocks of the frozen network, a few channels at a time: what they expand maps to then fits into the cache."""

import copy
from typing import cast

from torch import Tensor, nn

PIECE = 16
"""Channels of a piece: as many as ONNX Runtime convolves at once."""


class InPieces(nn.Module):
    """An inverted residual block (Sandler et al. 2018, arXiv:1801.04381) as the sum of narrow ones.

    Its expanded maps are by far the largest of the network. Each of their channels is made, filtered and projected
    without the others, so that few of them need to be there at a time.

    Args:
        block: of timm, with its batch norms folded, and without a shortcut around it.
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        expand, spread, project = (cast(nn.Conv2d, block.get_submodule(f"conv_{kind}")) for kind in ("pw", "dw", "pwl"))
        after_expand, after_spread = block.get_submodule("bn1"), block.get_submodule("bn2")
        parts = [slice(first, first + PIECE) for first in range(0, expand.out_channels, PIECE)]
        self.pieces = nn.ModuleList(
            nn.Sequential(_out(expand, part), after_expand, _out(spread, part), after_spread, _into(project, part))
            for part in parts
        )

    def forward(self, maps: Tensor) -> Tensor:
        """What the block makes of (N, C, H, W) maps."""
        total: Tensor = self.pieces[0](maps)
        for piece in self.pieces[1:]:
            total = total + piece(maps)
        return total


def _out(conv: nn.Conv2d, part: slice) -> nn.Conv2d:
    """The convolution that gives a part of the channels; one that looks at each channel alone looks at that part."""
    narrow = copy.deepcopy(conv)
    narrow.weight = nn.Parameter(conv.weight[part].clone())
    narrow.bias = None if conv.bias is None else nn.Parameter(conv.bias[part].clone())
    narrow.out_channels = len(narrow.weight)
    narrow.groups = 1 if conv.groups == 1 else narrow.out_channels
    return narrow


def _into(conv: nn.Conv2d, part: slice) -> nn.Conv2d:
    """What a part of the channels adds to the convolution; its bias is added with the first."""
    narrow = copy.deepcopy(conv)
    narrow.weight = nn.Parameter(conv.weight[:, part].clone())
    narrow.in_channels = narrow.weight.shape[1]
    if part.start:
        narrow.bias = None
    return narrow
