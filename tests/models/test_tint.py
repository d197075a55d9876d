import pytest
import torch
from torch import Tensor

from models.tint import COARSE, Tint

WIDTH, HEIGHT = 32, 24
ALL = torch.ones(1, 1, HEIGHT, WIDTH)
ORANGE, GREEN = (0.9, 0.5, 0.1), (0.2, 0.6, 0.2)
FIRST, SECOND = torch.tensor([0]), torch.tensor([1])


def painted(colour: tuple[float, float, float]) -> Tensor:
    return torch.tensor(colour)[None, :, None, None] * ALL


@pytest.fixture(scope="module")
def tint() -> Tint:
    """Of parts in two colours."""
    made = Tint((WIDTH, HEIGHT), variants=2)
    made.learn([(painted(ORANGE), ALL, FIRST), (painted(GREEN), ALL, SECOND)] * 10)
    return made


def test_each_variant_has_its_own_tint(tint: Tint) -> None:
    for colour, own, other in ((ORANGE, FIRST, SECOND), (GREEN, SECOND, FIRST)):
        assert tint(painted(colour), ALL, own)[0].abs().max() < 0.2
        assert tint(painted(colour), ALL, other)[0].abs().min() > 20


def test_how_far_off_is_told_in_grey_levels_of_red_against_green_and_yellow_against_blue(tint: Tint) -> None:
    redder, bluer = (painted((0.9 + red, 0.5 - red, 0.1 + blue)) for red, blue in ((0.02, 0), (0, 0.04)))
    for image, expected in ((redder, (0.04 * 255, 0.0)), (bluer, (0.0, -0.04 * 255))):
        off, share = tint(image, ALL, FIRST)
        assert off.shape == (1, 2, HEIGHT // COARSE, WIDTH // COARSE)
        torch.testing.assert_close(off.amax((0, 2, 3)), torch.tensor(expected), atol=0.2, rtol=0)
        assert (share == 1).all()


def test_all_greys_have_the_same_tint() -> None:
    made = Tint((WIDTH, HEIGHT))
    made.learn([(painted((0.8, 0.8, 0.8)), ALL, FIRST)] * 10)
    assert made(painted((0.1, 0.1, 0.1)), ALL, FIRST)[0].abs().max() < 0.1


def test_a_place_is_told_from_what_is_compared_of_it(tint: Tint) -> None:
    image, kept = painted(ORANGE), ALL.clone()
    image[..., ::COARSE] = 1.0
    kept[..., ::COARSE] = 0.0
    off, share = tint(image, kept, FIRST)
    assert off.abs().max() < 0.2
    assert (share == 1 / COARSE).all()
