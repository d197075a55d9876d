"""Batch normalisation over the batches of all devices that learn together."""

from typing import Any

import torch
from torch import Tensor, distributed, nn

from models.distributed import alone, average


class SharedNorm(nn.BatchNorm2d):
    """Batch normalisation over the batches of all processes; torch has that for GPUs alone."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        if not self.training or alone():
            return super().forward(x)
        x = x.float()
        mean, square = _Average.apply(torch.stack([x.mean((0, 2, 3)), x.square().mean((0, 2, 3))]))
        variance = square - mean.square()
        self._remember(mean.detach(), variance.detach(), x.numel() / x.shape[1] * distributed.get_world_size())
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift: Tensor = self.bias - mean * scale
        return x * scale[:, None, None] + shift[:, None, None]

    def _remember(self, mean: Tensor, variance: Tensor, count: float) -> None:
        weight = self.momentum or 0.0
        self.get_buffer("running_mean").lerp_(mean, weight)
        self.get_buffer("running_var").lerp_(variance * count / (count - 1), weight)


class _Average(torch.autograd.Function):
    """`average`, whose gradient is the mean of the gradients."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        return average(x)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return average(gradient)
