import pytest
import torch
from torch import Tensor

from models.detail import STRIDE
from models.pooling import SIDES, Pooling

SIZE = (64, 48)
ALL, LARGE = torch.ones(1, 1, 48, 64), torch.ones(1, 1, 96, 128)


def grain(number: int) -> Tensor:
    return torch.randn(LARGE.shape, generator=torch.Generator().manual_seed(number))


@pytest.fixture(scope="module")
def pooling() -> Pooling:
    made = Pooling(SIZE)
    made.learn((grain(number), ALL) for number in range(60))
    return made


def test_good_parts_lie_about_a_deviation_off(pooling: Pooling) -> None:
    found = pooling(grain(99), ALL)
    assert found.shape == (1, len(SIDES), 96 // STRIDE, 128 // STRIDE)
    assert 0.3 < found[:, SIDES.index(STRIDE)].mean() < 1.2
    assert found.max() < 6


def test_what_is_faint_and_wide_stands_out_in_squares_of_its_size_alone(pooling: Pooling) -> None:
    dented = grain(99)
    dented[..., 32:48, 64:80] += 0.8  # less than its grain
    good, found = (pooling(off, ALL).amax((0, 2, 3)) for off in (grain(99), dented))
    assert found[SIDES.index(16)] > 2 * good[SIDES.index(16)]
    assert found[SIDES.index(2)] < 1.5 * good[SIDES.index(2)]
    where = pooling(dented, ALL)[0, SIDES.index(16)]
    assert (where == where.max()).nonzero().tolist() == [[4, 8], [4, 9], [5, 8], [5, 9]]


def test_means_are_of_what_is_compared(pooling: Pooling) -> None:
    kept = ALL.clone()
    kept[..., 1::2, :] = 0
    off = grain(99)
    off[..., ::4, :] = off[..., 1::4, :] = 1.5
    off[..., 2::4, :] = off[..., 3::4, :] = 40.0
    usual = pooling(1.5 * LARGE, ALL)
    torch.testing.assert_close(pooling(off, kept)[:, 1:], usual[:, 1:])  # of the smallest, half are not compared


def test_slivers_say_nothing(pooling: Pooling) -> None:
    kept = torch.zeros_like(ALL)
    kept[..., 20:21, :] = 1
    assert (pooling(grain(99) - 9, kept) == 0).all()


def test_what_no_good_part_shows_says_nothing() -> None:
    shown = ALL.clone()
    shown[..., 32:] = 0
    made = Pooling(SIZE)
    made.learn((grain(number), shown) for number in range(20))
    found = made(grain(99) + 5, ALL)
    assert found[..., :6].min() > 2
    assert found[..., -2:].max() < 1
