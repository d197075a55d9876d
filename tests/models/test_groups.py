import numpy as np
import pytest
from numpy.typing import NDArray

from models.normalisation import _halves
from models.selection import split
from pipeline.config import Config, TrainingConfig
from pipeline.exceptions import TrainingError


def alike(count: int) -> NDArray[np.uint8]:
    return np.zeros((count, 4), np.uint8)


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_held_back_whole(seed: int) -> None:
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(12), 10))
    learn, held = split(alike(120), groups, Config(training=TrainingConfig(seed=seed)))
    assert not set(groups[learn]) & set(groups[held])
    assert sorted([*learn, *held]) == list(range(120))
    assert len(held) == 30


def test_images_on_their_own_are_held_back_one_by_one() -> None:
    learn, held = split(alike(100), np.arange(100), Config())
    assert (len(learn), len(held)) == (75, 25)


def test_of_many_images_those_that_add_variety_are_learned_and_the_held_back_ones_stay_a_random_draw() -> None:
    odd = np.arange(1000) % 10 == 0
    likeness = np.where(odd[:, None], np.arange(1000)[:, None] // 4, 0).astype(np.uint8)
    learn, held = split(likeness, np.arange(1000), Config(training=TrainingConfig(max_images=50)))
    assert (len(learn), len(held)) == (50, 800)
    assert not set(learn) & set(held)
    assert odd[learn].sum() >= 15  # 20 of the 200 that it picks from
    assert 0.07 < odd[held].mean() < 0.13


def test_one_group_leaves_nothing_to_learn_from() -> None:
    with pytest.raises(TrainingError, match=r"training\.groups"):
        split(alike(40), np.zeros(40, np.int64), Config())


def test_the_halves_keep_groups_together() -> None:
    groups = np.repeat(np.arange(7, 13), 5)
    half = _halves(groups)
    assert not set(groups[half]) & set(groups[~half])
    assert half.sum() == 15
    assert _halves(np.zeros(8, np.int64)).sum() == 4
