import numpy as np

from models.suspicious import FAR, MOST, oddness, suspicious

RNG = np.random.default_rng(3)


def test_parts_that_are_all_alike_are_not_suspicious() -> None:
    scores = [RNG.gumbel(0, 1, 60), np.full(20, 0.5)]
    assert suspicious([f"{index}.png" for index in range(80)], scores) == ()


def test_the_oddest_comes_first_and_each_kind_has_its_own_scale() -> None:
    learned, held = RNG.normal(0, 0.1, 40), RNG.normal(5, 1, 40)
    learned[7], held[3] = 3.0, 15.0  # nothing special among those held back, but far off for what was learned
    assert suspicious([f"{index}" for index in range(80)], [learned, held]) == ("7", "43")


def test_a_few_bad_parts_do_not_hide_each_other() -> None:
    scores = np.concatenate([RNG.normal(0, 1, 190), RNG.uniform(30, 60, 10)])
    assert (oddness(scores)[190:] > FAR).all()


def test_the_list_stays_short() -> None:
    scores = np.concatenate([RNG.normal(0, 1, 3000), np.full(200, 1e3)])
    assert len(suspicious([""] * 3200, [scores])) == MOST
