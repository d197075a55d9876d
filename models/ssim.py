"""Structural dissimilarity between an image and its reconstruction, where both are compared."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW, SIGMA = 11, 1.5
STEP = 2
"""Pixels from one window to the next: they overlap so much that those between say nothing new."""

C1, C2 = 0.01**2, 0.03**2
LUMA = (0.299, 0.587, 0.114)
_BELL = [math.exp(-((i - WINDOW // 2) ** 2) / (2 * SIGMA**2)) for i in range(WINDOW)]
KERNEL = [weight / sum(_BELL) for weight in _BELL]
"""Numbers, not operations: the exported graph shall not compute them anew, a little differently."""


def dissimilarity(image: Tensor, other: Tensor, kept: Tensor) -> Tensor:
    """1 - SSIM of the luma (Wang et al. 2004, IEEE TIP 13:4), brought to a quarter of the size.

    Where an image is not compared, it is given the other's pixels first: so no edge of the mask leaks into the
    windows around it.

    Args:
        image: (N, 3, H, W), 0..1.
        other: (N, 3, H, W), 0..1.
        kept: (N, 1, H, W), 1 where the image is compared, else 0.

    Returns:
        (N, 1, H/4, W/4), 0 (alike) .. 2.
    """
    y = _luma(other)
    x = _luma(image) * kept + y * (1 - kept)
    mean_x, mean_y, xx, yy, xy = _blur(torch.cat([x, y, x * x, y * y, x * y], dim=1)).split(1, dim=1)
    both, product = mean_x * mean_x + mean_y * mean_y, mean_x * mean_y
    luminance = (2 * product + C1) / (both + C1)
    structure = (2 * (xy - product) + C2) / (xx + yy - both + C2)
    return F.avg_pool2d(1 - luminance * structure, 4 // STEP)


def _luma(image: Tensor) -> Tensor:
    red, green, blue = image.split(1, dim=1)
    luma: Tensor = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    return luma


def _blur(planes: Tensor) -> Tensor:
    """Gaussian windows, separable, one every STEP pixels; the border is reflected about its last pixel."""
    kernel = planes.new_tensor(KERNEL)
    channels, half = planes.shape[1], WINDOW // 2
    padded = F.pad(planes, (half, half, half, half), mode="reflect")
    across, down = (
        kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1),
        kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1),
    )
    columns = F.conv2d(padded, down, stride=(STEP, 1), groups=channels)  # first: it is the faster of the two
    return F.conv2d(columns, across, stride=(1, STEP), groups=channels)
