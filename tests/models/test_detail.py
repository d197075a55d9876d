import numpy as np
import pytest
import torch
from torch import Tensor

from models.detail import FAINT, FAR, STRIDE, DetailHead
from models.detail_learning import detail_passes, learn_detail
from models.frames import Frames
from pipeline.config import TrainingConfig
from tests.models.conftest import ONE_KIND, SIZE

CONFIG = TrainingConfig(steps=60, batch_size=4)
ALL = torch.ones(1, 1, SIZE[1], SIZE[0])
FIRST = torch.zeros(1, dtype=torch.int64)


def learned(frames: Frames, config: TrainingConfig = CONFIG) -> DetailHead:
    torch.manual_seed(0)
    head = DetailHead(SIZE)
    learn_detail(head, frames, ONE_KIND, config, lambda: None)
    return head


@pytest.fixture(scope="module")
def head(frames: Frames) -> DetailHead:
    return learned(frames)


def detail_of(frames: Frames, index: int) -> Tensor:
    return torch.from_numpy(frames[index].detail[None, None]).float()


@torch.no_grad()
def test_good_parts_are_within_their_deviations(head: DetailHead, frames: Frames) -> None:
    off = torch.cat([head.deviations(detail_of(frames, index), ALL, FIRST) for index in range(len(frames))])
    assert off.abs().mean() < 1
    assert off.abs().max() <= FAR


@torch.no_grad()
def test_deviations_are_in_units_of_what_good_parts_show() -> None:
    head = DetailHead(SIZE)
    head.know(torch.full((1, 128, 192), 100.0), torch.full((1, 128, 192), 6.0))
    off = head.deviations(torch.full((1, 1, 128, 192), 130.0), ALL, FIRST)
    torch.testing.assert_close(off, torch.full_like(off, 30 / (6 + FAINT)))


@torch.no_grad()
def test_the_largest_deviation_nearby_counts() -> None:
    deviation = torch.zeros(128, 192)
    deviation[64, 96] = 40
    head = DetailHead(SIZE)
    head.know(torch.zeros(1, 128, 192), deviation[None])
    spread = head.get_buffer("spread")[0, 0]
    assert spread[32, 48] > FAINT + 20
    assert spread[32, 47] > FAINT + 5
    assert spread[32, 52] == FAINT


@torch.no_grad()
def test_a_window_has_the_deviations_of_its_place(head: DetailHead, frames: Frames) -> None:
    detail = detail_of(frames, 3)
    whole = head.deviations(detail, ALL, FIRST)
    window = head.deviations(detail[..., 32:96, 64:160], ALL[..., :32, :48], FIRST, (16, 32))
    torch.testing.assert_close(window, whole[..., 32:96, 64:160])


@torch.no_grad()
def test_what_is_not_compared_is_not_off(head: DetailHead) -> None:
    kept = ALL.clone()
    kept[..., 10:20, 30:50] = 0
    off = head.deviations(torch.full((1, 1, 128, 192), 255.0), kept, FIRST)
    assert (off[..., 20:40, 60:100] == 0).all()
    assert (off[..., :20, :] != 0).any()


@torch.no_grad()
def test_a_hairline_stands_out_where_it_is(head: DetailHead, frames: Frames) -> None:
    good = torch.cat([head(head.deviations(detail_of(frames, index), ALL, FIRST)) for index in range(len(frames))])
    spoilt = detail_of(frames, 0)
    spoilt[..., 70, 100:140] = (spoilt[..., 70, 100:140] + 128) % 256
    found = head(head.deviations(spoilt, ALL, FIRST))
    assert found.shape == (1, 1, 128 // STRIDE, 192 // STRIDE)
    row, column = np.unravel_index(int(found.argmax()), tuple(found.shape[-2:]))
    assert abs(row * STRIDE + 4 - 70) <= STRIDE
    assert 100 - STRIDE <= column * STRIDE + 4 <= 140 + STRIDE
    assert found.max() > good.max()


def test_learning_is_the_same_again_and_tells_how_far_it_is(frames: Frames) -> None:
    config, told = TrainingConfig(steps=3, batch_size=2), [0]
    heads = [learned(frames, config) for _ in range(2)]
    for one, other in zip(heads[0].state_dict().values(), heads[1].state_dict().values(), strict=True):
        assert torch.equal(one, other)
    learn_detail(DetailHead(SIZE), frames, ONE_KIND, config, lambda: told.append(1))
    assert sum(told) == detail_passes(len(frames), config)
