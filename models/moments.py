"""How vectors vary, over all places of good parts or at each: their means, and all that goes together."""

import torch
from torch import Tensor


class Covariance:
    """Second moments of vectors about the origin, summed up, over all places.

    Args:
        dimensions: D of the vectors.
    """

    def __init__(self, dimensions: int) -> None:
        self._total, self._count = torch.zeros(dimensions, dimensions), 0

    def add(self, vectors: Tensor) -> None:
        """Count vectors, (D, M)."""
        self._total, self._count = self._total + vectors @ vectors.T, self._count + vectors.shape[1]

    def regular(self) -> Tensor:
        """(D, D), with a hundredth of the mean variance added to each: it can be inverted, whatever was counted."""
        found = self._total / max(self._count, 1)
        return found + (0.01 * found.diagonal().mean() + 1e-6) * torch.eye(len(found))

    def whitening(self) -> Tensor:
        """(D, D) lower triangle that makes vectors white."""
        white: Tensor = torch.linalg.inv(torch.linalg.cholesky(self.regular()))
        return white


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
