"""The detail head: hairlines and specks, looked for at twice the working size.

At half the camera's resolution a hairline drowns in the grain, and no network finds it there. A registered part needs
no reconstruction to be compared at that size: what each place shows on good parts is known, and how far it varies.
Which deviations from that are faults, a small network learns from synthetic ones.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.autoencoder import Mixer
from models.variants import of_variant
from pipeline.lighting import DETAIL

STRIDE = 8
"""Pixels of the detail along a side of one position; as large on the part as `models.segmenter.PATCH`."""

WIDTH = 8
"""Channels at the finest positions: with twice as many it takes twice as long and finds no more."""

FAINT = 4.0
"""Grey levels that are added to every deviation: what is less than the camera's noise is never far off."""

REACH = 5
"""Pixels of the detail around a place whose largest deviation is its own: edges move further than they did before."""

FAR = 8.0
"""Deviations beyond which it makes no difference how far off a pixel is."""


class DetailHead(nn.Module):
    """Knows how the detail of good parts looks, and gives logits of a fault at stride 8.

    Args:
        size: width and height of the working frame, pixels.
        variants: of the good part; each has its own look.
    """

    def __init__(self, size: tuple[int, int], variants: int = 1) -> None:
        super().__init__()
        shape = (variants, 1, DETAIL * size[1], DETAIL * size[0])
        self.register_buffer("usual", torch.zeros(shape, dtype=torch.uint8))
        self.register_buffer("spread", torch.ones((variants, 1, size[1], size[0])))
        self.judge = nn.Sequential(
            nn.Conv2d(1, WIDTH, 6, stride=2, padding=2),
            nn.ReLU6(inplace=True),
            nn.Conv2d(WIDTH, 2 * WIDTH, 3, stride=2, padding=1),
            nn.ReLU6(inplace=True),
            Mixer(2 * WIDTH),
        )
        self.decide = nn.Conv2d(2 * WIDTH, 1, 1)
        self.decide.bias = nn.Parameter(torch.tensor([-4.0]))  # faults are rare: start from there

    def know(self, mean: Tensor, deviation: Tensor) -> None:
        """Keep what good parts show at each place, (V, 2 H, 2 W) grey levels each; stored coarser than it is given."""
        largest = F.max_pool2d(deviation[:, None], REACH, stride=1, padding=REACH // 2)
        self.get_buffer("usual").copy_(mean[:, None].round())
        self.get_buffer("spread").copy_((F.avg_pool2d(largest, DETAIL) + FAINT).half())

    def deviations(self, detail: Tensor, kept: Tensor, variant: Tensor, corner: tuple[int, int] = (0, 0)) -> Tensor:
        """How far off each pixel is, in deviations of good parts; 0 where pixels are not compared.

        Args:
            detail: (N, 1, 2 h, 2 w), 0..255; all of it, or a window.
            kept: (N, 1, h, w), 1 where pixels are compared, else 0.
            variant: (N,) the number of the variant of each.
            corner: top and left of the window, pixels of the working frame.
        """
        (top, left), (height, width) = corner, kept.shape[-2:]
        usual = of_variant(self.get_buffer("usual"), variant)[..., DETAIL * top :, DETAIL * left :]
        spread = of_variant(self.get_buffer("spread"), variant)[..., top : top + height, left : left + width]
        off = detail - usual[..., : DETAIL * height, : DETAIL * width].float()
        return (off * enlarge(1 / spread) * enlarge(kept)).clamp(-FAR, FAR)

    def forward(self, deviations: Tensor) -> Tensor:
        """(N, 1, h / 8, w / 8) logits of a fault, of (N, 1, h, w) deviations."""
        found: Tensor = self.decide(self.judge(deviations))
        return F.max_pool2d(found, 2)


def enlarge(maps: Tensor) -> Tensor:
    """(N, C, h, w) of the working frame to (N, C, 2 h, 2 w) of its detail."""
    return F.interpolate(maps, scale_factor=float(DETAIL), mode="nearest")
