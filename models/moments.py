"""How vectors vary at each place of good parts: their means, and all that goes together."""

import torch
from torch import Tensor


class Moments:
    """First moments of vectors at each place, for each variant, and second moments over all of them.

    Args:
        shape: rows, columns, and dimensions D of the vectors.
        variants: of the good part.
    """

    def __init__(self, shape: tuple[int, int, int], variants: int) -> None:
        rows, columns, dimensions = shape
        self._total = torch.zeros(variants, *shape)
        self._products = torch.zeros(rows * columns, dimensions, dimensions)
        self._counts = torch.zeros(variants)

    def add(self, vectors: Tensor, variant: int) -> None:
        """Count the vectors, (D, rows, columns), of a part of this variant."""
        placed = vectors.permute(1, 2, 0)
        self._total[variant] += placed
        self._counts[variant] += 1
        _add_products(self._products, placed)

    def centre_and_covariance(self) -> tuple[Tensor, Tensor]:
        """(V, rows, columns, D) and (rows, columns, D, D), about these means; it ends the sums."""
        centre = self._total / self._counts.clamp(min=1)[:, None, None, None]
        self._products.div_(self._counts.sum())
        for mean, share in zip(centre, self._counts / self._counts.sum(), strict=True):
            _add_products(self._products, mean, -share.item())
        return centre, self._products.view(*centre.shape[1:], -1)


def _add_products(products: Tensor, vectors: Tensor, weight: float = 1) -> Tensor:
    """Add each place's vector times itself, in place: the products of all places are too large to have twice."""
    flat = vectors.flatten(0, 1)
    return products.baddbmm_(flat[:, :, None], flat[:, None], alpha=weight)
