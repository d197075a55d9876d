import pytest
import timm
import torch
from torch import nn

from models.backbone import CHANNELS, STRIDES, Backbone, _fold_batch_norms, _imagenet_weights


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone().eval()


def whole_network() -> nn.Module:
    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False, features_only=True, out_indices=(1, 2, 3))
    whole.load_state_dict(_imagenet_weights(whole))
    return whole.eval()


IMAGE = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def test_folding_the_norms_changes_nothing_but_the_speed() -> None:
    whole, folded = whole_network(), whole_network()
    _fold_batch_norms(folded)
    for found, expected in zip(folded(IMAGE), whole(IMAGE), strict=True):
        assert expected.std() > 0.1
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    assert not [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d)]


def test_rounded_weights_see_what_the_packaged_ones_do(backbone: Backbone) -> None:
    for found, expected in zip(backbone(IMAGE), whole_network()((IMAGE - 0.5) / 0.5), strict=True):
        assert (found - expected).std() < 0.2 * expected.std()


def test_shapes(backbone: Backbone) -> None:
    maps = backbone(torch.rand(2, 3, 64, 96))
    assert [tuple(found.shape) for found in maps] == [
        (2, channels, 64 // stride, 96 // stride) for channels, stride in zip(CHANNELS, STRIDES, strict=True)
    ]


def test_early_features_of_grey_are_those_of_three_equal_channels_after_the_first_blocks(backbone: Backbone) -> None:
    grey, net = IMAGE[:, :1], backbone.encoder.get_submodule("model")
    rgb = (grey.expand(-1, 3, -1, -1) - 0.5) / 0.5
    two, four, eight = (net.get_submodule(f"blocks.{stage}.0") for stage in range(3))
    expected_4 = four(two(net.get_submodule("bn1")(net.get_submodule("conv_stem")(rgb))))
    found_4, found_8 = backbone.early(grey)
    assert expected_4.std() > 0.1
    torch.testing.assert_close(found_4, expected_4, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found_8, eight(expected_4), rtol=1e-3, atol=1e-3)


def test_it_is_frozen_and_ends_after_stride_16(backbone: Backbone) -> None:
    assert not any(weight.requires_grad for weight in backbone.parameters())
    assert sum(weight.numel() for weight in backbone.parameters()) < 0.75e6


def test_weights_of_another_network_are_refused() -> None:
    other = timm.create_model("tf_efficientnet_lite1", pretrained=False, features_only=True, out_indices=(1, 2, 3))
    with pytest.raises(RuntimeError, match="do not fit"):
        _imagenet_weights(other)
