from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from pipeline import bundle, cli
from pipeline.calibration import Goal, calibrate_scores
from pipeline.drift import STEP, alarm_limit, distances, watch
from pipeline.exceptions import UsageError
from pipeline.quality import Conditions, usual_conditions
from pipeline.rows import Row
from tests.pipeline.rows import row, write_results

MEASURES = ("brightness", "contrast", "focus", "pose", "size", "masked")


def conditions(rng: np.random.Generator, moved: str | None = None) -> Conditions:
    values = {name: float(rng.normal(100, 5)) + 15 * (name == moved) for name in MEASURES}
    return Conditions(**values | {"masked": 0.02})


def model(seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    calibration = calibrate_scores(rng.normal(size=400), np.zeros(0), Goal())
    usual = usual_conditions([conditions(rng) for _ in range(400)])
    return SimpleNamespace(model_id="m", calibration=calibration, usual=usual)


def shift(count: int, *, seed: int = 1, moved: str | None = None, start: int = 0) -> list[Row]:
    rng = np.random.default_rng(seed)
    return [
        row(
            f"{i}.png",
            float(rng.normal()) + 3 * (moved == "score" and i >= start),
            conditions=conditions(rng, moved if i >= start else None),
        )
        for i in range(count)
    ]


def test_distances_are_those_of_kolmogorov_and_smirnov() -> None:
    rng = np.random.default_rng(3)
    values, good = rng.integers(0, 9, 120).astype(float), rng.integers(0, 9, 80).astype(float)
    found = distances(values, good)
    assert found[4] == pytest.approx(ks_2samp(values[4 * STEP : 4 * STEP + 50], good).statistic)
    assert distances(good, good)[0] < 0.2
    assert (distances(np.full(60, 0.02), np.full(101, 0.02)) == 0).all()


@pytest.mark.parametrize(
    ("moved", "stage"),
    [("brightness", "light"), ("focus", "focus"), ("pose", "pose"), ("size", "pose"), ("score", "score")],
)
def test_it_says_which_stage_moved_and_when(moved: str, stage: str) -> None:
    tracks = watch(shift(300, moved=moved, start=150), model(), false_alarms=0.01)
    (alarmed,) = [track for track in tracks if track.alarm]
    assert alarmed.stage == stage
    assert alarmed.alarm is not None
    assert 150 < alarmed.alarm < 200
    assert "higher than on the good parts" in alarmed.words


def test_a_steady_shift_is_steady() -> None:
    assert [track.alarm for track in watch(shift(300), model(), false_alarms=0.01)] == [None] * 7


def test_alarms_are_as_rare_as_stated() -> None:
    """On shifts of its own, not those of the simulation, and of another distribution."""
    limit, rng = alarm_limit(200, 150, 0.05), np.random.default_rng(99)
    alarms = [distances(rng.exponential(size=150), rng.exponential(size=200)).max() > limit for _ in range(600)]
    assert 0.02 < np.mean(alarms) < 0.08


@pytest.mark.parametrize(
    ("rows", "words"),
    [(shift(19), "at least 20"), ([replace(one, model="x") for one in shift(30)], "model x, not of m")],
)
def test_results_that_tell_nothing(rows: list[Row], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        watch(rows, model(), false_alarms=0.01)


@pytest.mark.parametrize(("moved", "code"), [(None, 0), ("focus", 4)])
def test_the_command_writes_a_report_and_alarms(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moved: str | None, code: int
) -> None:
    monkeypatch.setattr(bundle, "load_bundle", lambda _: model())
    results, out = write_results(tmp_path / "results.csv", shift(100, moved=moved)), tmp_path / "out"
    assert cli.main(["drift", "m", str(results), "--out", str(out)]) == code
    page = (out / "index.html").read_text()
    assert ("Moved: focus" in page) == (moved == "focus")
    assert page.count("data:image/svg") == 7
    lines = (out / "drift.csv").read_text().splitlines()
    assert len(lines) == 1 + 7 * 11


def test_conditions_cover_what_results_hold() -> None:
    assert set(asdict(conditions(np.random.default_rng(0)))) == set(MEASURES)
