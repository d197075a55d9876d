import numpy as np
import pytest

from pipeline.exceptions import UsageError
from pipeline.groups import effective_number, find_groups, group_names


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (r"(?P<group>[^/]+)/", ["early", "late", "early"]),
        (r"^([a-z]+)/", ["early", "late", "early"]),
        (r"\d+(?=\.)", ["1", "1", "2"]),
        (r"cam(?P<group>\d)?", ["None", "None", "None"]),
    ],
)
def test_a_pattern_finds_the_group(pattern: str, names: list[str]) -> None:
    assert group_names(pattern, ["early/cam-1.png", "late/cam-1.png", "early/cam-2.png"]) == names


def test_groups_are_numbered_as_they_are_met() -> None:
    assert find_groups(r"^(\w+)/", ["b/1", "a/1", "b/2"]).tolist() == [0, 1, 0]


@pytest.mark.parametrize(("pattern", "words"), [("(", "no regular expression"), ("day", "x/1.png: does not match")])
def test_a_pattern_that_cannot_be_used(pattern: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        group_names(pattern, ["x/1.png"])


def test_single_parts_are_worth_themselves() -> None:
    assert effective_number(np.arange(50.0), np.arange(50), confidence=0.95) == 50


def test_copies_are_worth_one_part_a_group() -> None:
    values, groups = np.repeat(np.random.default_rng(0).random(20), 10), np.repeat(np.arange(20), 10)
    assert effective_number(values, groups, confidence=0.95) == pytest.approx(20)


def test_groups_without_likeness_cost_little() -> None:
    rng = np.random.default_rng(1)
    assert 200 < effective_number(rng.random(600), np.repeat(np.arange(120), 5), confidence=0.95) <= 600


@pytest.mark.parametrize("likeness", [0.2, 0.5, 0.8])
def test_the_worth_is_rarely_more_than_it_is(likeness: float) -> None:
    rng, size, count = np.random.default_rng(2), 6, 30
    groups = np.repeat(np.arange(count), size)
    truth = count * size / (1 + (size - 1) * likeness)
    found = [
        effective_number(
            np.sqrt(likeness) * rng.normal(size=count)[groups] + np.sqrt(1 - likeness) * rng.normal(size=len(groups)),
            groups,
            confidence=0.95,
        )
        for _ in range(300)
    ]
    assert np.mean(np.array(found) > truth) < 0.1
    assert np.median(found) > 0.6 * truth


def test_one_group_proves_nothing() -> None:
    with pytest.raises(UsageError, match="one group"):
        effective_number(np.arange(9.0), np.zeros(9, int), confidence=0.95)
