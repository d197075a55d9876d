import pytest
import torch
from torch import Tensor

from models.autoencoder import Autoencoder
from models.backbone import CHANNELS, STRIDES
from tests.models.conftest import NETWORK


def features(size: tuple[int, int], count: int = 1, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(count, channels, size[1] // stride, size[0] // stride, generator=generator)
        for channels, stride in zip(CHANNELS, STRIDES, strict=True)
    ]


@pytest.mark.parametrize("size", [(32, 32), (96, 64), (64, 160)])
def test_it_gives_back_what_it_is_given_and_an_image(size: tuple[int, int]) -> None:
    maps = features(size, count=2)
    expected, painted = Autoencoder(size, width=NETWORK.width, bottleneck=NETWORK.bottleneck)(maps)
    assert [found.shape for found in expected] == [found.shape for found in maps]
    assert painted.shape == (2, 3, size[1], size[0])
    assert painted.min() >= 0
    assert painted.max() <= 1


def test_every_weight_is_trained() -> None:
    network = Autoencoder((64, 64), width=NETWORK.width, bottleneck=NETWORK.bottleneck)
    expected, painted = network(features((64, 64), count=2))
    (painted.square().mean() + sum(found.square().mean() for found in expected)).backward()
    assert not [name for name, weight in network.named_parameters() if weight.grad is None]


def test_fine_detail_has_no_way_past_the_bottleneck() -> None:
    """What averages to nothing at stride 16 cannot be copied: cracks and scratches would be."""
    torch.manual_seed(0)
    network = Autoencoder((64, 64), width=NETWORK.width, bottleneck=NETWORK.bottleneck).eval()
    maps = features((64, 64))
    columns, rows = torch.arange(16), torch.arange(16)[:, None]
    checkered = [maps[0] + 5.0 * (1 - 2 * ((rows + columns) % 2)), *maps[1:]]
    with torch.no_grad():
        (plain, plain_image), (crossed, crossed_image) = network(maps), network(checkered)
    torch.testing.assert_close(crossed_image, plain_image)
    for found, usual in zip(crossed, plain, strict=True):
        torch.testing.assert_close(found, usual, atol=1e-4, rtol=1e-4)
    with torch.no_grad():
        shifted = network([maps[0] + 5.0, *maps[1:]])[1]
    assert not torch.allclose(shifted, plain_image, atol=1e-3)


def test_the_same_features_at_another_place_are_expected_to_differ() -> None:
    torch.manual_seed(0)
    network = Autoencoder((64, 64), width=NETWORK.width, bottleneck=NETWORK.bottleneck).eval()
    even = [torch.zeros_like(level) for level in features((64, 64))]
    with torch.no_grad():
        painted = network(even)[1]
    assert painted[..., 16:48, 16:48].std() > 1e-4
