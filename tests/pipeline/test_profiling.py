import io

import pytest
from rich.console import Console

from pipeline.profiling import Profile, Stopwatch


def words(profile: Profile) -> list[list[str]]:
    screen = Console(file=io.StringIO(), width=120)
    screen.print(profile.table())
    assert isinstance(screen.file, io.StringIO)
    return [line.split() for line in screen.file.getvalue().splitlines()]


def test_laps_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 1.002, 1.005, 1.006])
    monkeypatch.setattr("pipeline.profiling.time.perf_counter", lambda: next(now))
    watch = Stopwatch()
    watch.lap("decode")
    watch.lap("print")
    assert watch.steps == pytest.approx({"decode": 2.0, "print": 3.0})
    assert watch.ms == pytest.approx(6.0)


def test_the_table_has_median_and_99th_percentile_of_each_step_and_pictures_last() -> None:
    profile = Profile()
    for ms in range(101):
        profile.add_picture(5.0 if ms < 3 else 0.0)
        profile.add({"decode": ms, "network": 2.0 * ms}, total=3.0 * ms)
    assert words(profile)[1:] == [
        ["decode", "50.0", "99.0", "33%", "101"],
        ["network", "100.0", "198.0", "67%", "101"],
        ["until", "the", "verdict", "150.0", "297.0", "100%", "101"],
        ["pictures,", "after", "it", "5.0", "5.0", "0%", "3"],
    ]


def test_images_that_were_not_judged_have_no_steps() -> None:
    profile = Profile()
    profile.add({}, total=0.3)
    assert len(words(profile)) == 1
