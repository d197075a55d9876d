from typing import cast

import pytest
import torch
from torch import nn

from models.backbone import _fold_batch_norms
from models.pieces import PIECE, InPieces
from tests.models.test_backbone import whole_network


@pytest.fixture(scope="module", params=("blocks.1.0", "blocks.2.0"))
def block(request: pytest.FixtureRequest) -> nn.Module:
    network = whole_network()
    _fold_batch_norms(network)
    return network.get_submodule(request.param)


def convolution(block: nn.Module, name: str) -> nn.Conv2d:
    return cast(nn.Conv2d, block.get_submodule(name))


def test_the_pieces_of_a_block_add_up_to_it(block: nn.Module) -> None:
    narrow = convolution(block, "conv_pw").in_channels
    maps = torch.randn(2, narrow, 24, 36, generator=torch.Generator().manual_seed(0))
    expected = block(maps)
    assert expected.std() > 0.1
    torch.testing.assert_close(InPieces(block)(maps), expected, rtol=1e-4, atol=1e-4)


def test_no_map_within_is_wider_than_a_piece(block: nn.Module) -> None:
    within = InPieces(block)
    assert len(within.pieces) * PIECE == convolution(block, "conv_dw").out_channels
    for piece in within.pieces:
        assert convolution(piece, "0").out_channels == convolution(piece, "2").out_channels == PIECE
