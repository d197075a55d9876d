import pytest
import torch
from torch import Tensor

from models.pooling import Pooling

SIDES, STRIDE = (1, 2, 4, 8), 4
ALL = torch.ones(1, 1, 48, 64)


def made() -> Pooling:
    return Pooling((64, 48), 1, SIDES, STRIDE)


def grain(number: int) -> Tensor:
    return torch.randn(ALL.shape, generator=torch.Generator().manual_seed(number))


@pytest.fixture(scope="module")
def pooling() -> Pooling:
    pooling = made()
    pooling.learn((grain(number), ALL) for number in range(60))
    return pooling


def test_good_parts_lie_about_a_deviation_off(pooling: Pooling) -> None:
    found = pooling(grain(99), ALL)
    assert found.shape == (1, len(SIDES), 48 // STRIDE, 64 // STRIDE)
    assert 0.3 < found[:, SIDES.index(STRIDE)].mean() < 1.2
    assert found.max() < 6


def test_what_is_faint_and_wide_stands_out_in_squares_of_its_size_alone(pooling: Pooling) -> None:
    dented = grain(99)
    dented[..., 16:24, 32:40] += 1.2  # about as much as its grain
    good, found = (pooling(off, ALL).amax((0, 2, 3)) for off in (grain(99), dented))
    assert found[SIDES.index(8)] > 2 * good[SIDES.index(8)]
    assert found[SIDES.index(1)] < 1.5 * good[SIDES.index(1)]
    where = pooling(dented, ALL)[0, SIDES.index(8)]
    assert (where == where.max()).nonzero().tolist() == [[4, 8], [4, 9], [5, 8], [5, 9]]


def test_each_channel_is_averaged_by_itself() -> None:
    pooling = Pooling((64, 48), 2, SIDES, STRIDE)
    parts = (torch.cat([grain(number), 3 * grain(number + 100)], dim=1) for number in range(40))
    pooling.learn((off, ALL) for off in parts)
    found = pooling(torch.cat([0 * ALL, 3 * ALL], dim=1), ALL)
    assert found.shape == (1, 2 * len(SIDES), 48 // STRIDE, 64 // STRIDE)
    assert (found[:, ::2] == 0).all()
    assert found[:, 1::2].amin() > 0.5


def test_means_are_of_what_is_compared(pooling: Pooling) -> None:
    kept, off = ALL.clone(), torch.full(ALL.shape, 1.5)
    kept[..., 1::2, :] = 0
    off[..., 1::2, :] = 40.0
    torch.testing.assert_close(pooling(off, kept)[:, 1:], pooling(1.5 * ALL, ALL)[:, 1:])  # of the smallest, half


def test_slivers_say_nothing(pooling: Pooling) -> None:
    kept = torch.zeros_like(ALL)
    kept[..., 20:21, :] = 1
    assert (pooling(grain(99) - 9, kept) == 0).all()


def test_what_no_good_part_shows_says_nothing() -> None:
    shown = ALL.clone()
    shown[..., 32:] = 0
    pooling = made()
    pooling.learn((grain(number), shown) for number in range(20))
    found = pooling(grain(99) + 5, ALL)
    assert found[..., :6].min() > 2
    assert (found[..., -2:] == 0).all()
