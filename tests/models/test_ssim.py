import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor

from models.ssim import LUMA, STEP, dissimilarity

Planes = NDArray[np.float32]
EVERYWHERE = torch.ones(1, 1, 64, 96)


def picture(seed: int, smoothness: float) -> Planes:
    """(64, 96, 3), 0..1, smooth structure of full contrast."""
    noise = np.random.default_rng(seed).random((64, 96, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), smoothness)
    return np.asarray(cv2.normalize(blurred, np.empty(0), 0, 1, cv2.NORM_MINMAX), np.float32)


def tensor(image: Planes) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None]


def reference(image: Planes, other: Planes) -> Planes:
    """1 - SSIM by scikit-image at every STEP-th pixel, averaged over squares of 4x4 px."""
    weights = np.array(LUMA, np.float32)
    _, similarity = structural_similarity(  # type: ignore[no-untyped-call]
        image @ weights, other @ weights,
        data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True,
    )  # fmt: skip
    stepped = (1 - similarity)[::STEP, ::STEP]
    return np.asarray(stepped.reshape(16, 4 // STEP, 24, 4 // STEP).mean((1, 3)), np.float32)


@given(st.integers(0, 999), st.floats(0.5, 4), st.floats(0, 0.3))
def test_inside_the_border_it_is_that_of_scikit_image(seed: int, smoothness: float, noise: float) -> None:
    image = picture(seed, smoothness)
    grain = np.random.default_rng(seed + 1).normal(0, noise, image.shape)
    other = np.clip(image + grain, 0, 1).astype(np.float32)
    found = dissimilarity(tensor(image), tensor(other), EVERYWHERE)[0, 0].numpy()
    np.testing.assert_allclose(found[2:-2, 2:-2], reference(image, other)[2:-2, 2:-2], atol=1e-3)


def test_alike_is_zero_and_opposite_is_more_than_one() -> None:
    image = picture(0, 1.0)
    same = dissimilarity(tensor(image), tensor(image), EVERYWHERE)
    opposite = dissimilarity(tensor(image), tensor(1 - image), EVERYWHERE)
    assert same.shape == (1, 1, 16, 24)
    assert same.abs().max() < 1e-4
    assert opposite.mean() > 1
    assert opposite.max() <= 2


@pytest.mark.parametrize("content", [0.0, 1.0])
def test_what_is_not_compared_has_no_influence_at_all(content: float) -> None:
    image, other, kept = tensor(picture(0, 1.5)), tensor(picture(1, 1.5)), EVERYWHERE.clone()
    kept[..., 16:48, 24:72] = 0
    printed = torch.where(kept > 0, image, torch.full_like(image, content))
    torch.testing.assert_close(dissimilarity(printed, other, kept), dissimilarity(image, other, kept))
    assert dissimilarity(printed, other, kept)[..., 6:10, 8:16].abs().max() < 1e-4
