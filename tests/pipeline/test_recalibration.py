import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline import cli
from pipeline.bundle import MANIFEST, load_bundle
from pipeline.calibration import Goal
from pipeline.engines import Processes
from pipeline.exceptions import UsageError
from pipeline.images import write_image
from pipeline.recalibration import calibrate, recalibrate
from pipeline.reviews import read_reviews
from pipeline.rows import Row
from pipeline.verdict import Verdict
from tests.pipeline.rows import row, write_results, write_reviews


@pytest.fixture
def folder(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "model"))


def shift(model_id: str, count: int = 60) -> list[Row]:
    """Good parts with scores 0.0, 0.1, ...; the highest ones called NG."""
    scores = np.arange(count) / 10
    return [row(f"{i:03}.png", s, Verdict.NG if s > 5 else Verdict.OK, model=model_id) for i, s in enumerate(scores)]


def test_reviewed_results_give_new_thresholds_and_keep_the_old_ones(folder: Path, tmp_path: Path) -> None:
    old = load_bundle(folder)
    rows = [*shift(old.model_id), row("bad.png", 9.0, Verdict.NG, model=old.model_id)]
    said = ["OK" if one.verdict is Verdict.NG else "" for one in rows[:-1]] + ["ng"]
    calibration = recalibrate(folder, [write_reviews(tmp_path / "r.csv", rows, said)], Goal(false_calls=0.1))
    assert (calibration.good_parts, calibration.bad_parts, calibration.found) == (60, 1, 1)
    assert calibration.threshold == pytest.approx(5.8)
    new = load_bundle(folder)
    assert new.calibration == calibration
    assert new.model_id != old.model_id
    assert old.model_id in new.history[-1]
    (folder / f"manifest-{old.model_id}.json").replace(folder / MANIFEST)
    assert load_bundle(folder).model_id == old.model_id


def test_print_findings_use_up_the_budget(folder: Path, tmp_path: Path) -> None:
    rows = shift(load_bundle(folder).model_id)
    rows[3] = replace(rows[3], verdict=Verdict.NG, findings=("faded",))
    path = write_reviews(tmp_path / "r.csv", rows, ["OK"] * 60)
    calibration = recalibrate(folder, [path], Goal(false_calls=0.1))
    assert (calibration.otherwise, calibration.called) == (1, 1)
    assert calibration.threshold == pytest.approx(5.9)


@pytest.mark.parametrize(
    ("change", "said", "words"),
    [
        ({}, "", "line 61: 059.png was called NG and is not reviewed"),
        ({}, "perhaps", "reviewed is 'perhaps'"),
        ({"model": "other"}, "OK", "holds results of model other"),
    ],
)
def test_reviews_that_cannot_be_used(
    folder: Path, tmp_path: Path, change: dict[str, str], said: str, words: str
) -> None:
    before = (folder / MANIFEST).read_bytes()
    rows = shift(load_bundle(folder).model_id)
    rows[-1] = replace(rows[-1], **change)  # type: ignore[arg-type]
    path = write_reviews(tmp_path / "r.csv", rows, ["OK"] * 59 + [said])
    with pytest.raises(UsageError, match=words):
        recalibrate(folder, [path], Goal())
    assert (folder / MANIFEST).read_bytes() == before


def test_all_scores_equal_leave_the_model_as_it_was(folder: Path, tmp_path: Path) -> None:
    before = (folder / MANIFEST).read_bytes()
    rows = [row(f"{i}.png", 1.0, model=load_bundle(folder).model_id) for i in range(20)]
    with pytest.raises(UsageError, match=r"the same.*stays as it was"):
        recalibrate(folder, [write_reviews(tmp_path / "r.csv", rows, [""] * 20)], Goal())
    assert (folder / MANIFEST).read_bytes() == before


def test_results_that_nobody_reviewed_are_refused(folder: Path, tmp_path: Path) -> None:
    model = load_bundle(folder).model_id
    with pytest.raises(UsageError, match="has no column reviewed"):
        read_reviews(write_results(tmp_path / "r.csv", shift(model)), model)


def test_errors_and_images_without_a_score_are_left_out(tmp_path: Path) -> None:
    rows = [row("a.png", None, Verdict.ERROR), row("b.png")]
    assert [one.image for one, _ in read_reviews(write_reviews(tmp_path / "r.csv", rows, ["", ""]), "m")] == ["b.png"]


@pytest.mark.parametrize("content", ["nothing", "empty", "other size"])
def test_images_that_allow_no_calibration(
    folder: Path, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "good"
    good.mkdir()
    if content == "empty":
        (good / "a.png").write_bytes(b"")
    if content == "other size":
        write_image(good / "a.png", np.zeros((9, 9, 3), np.uint8))
    before = (folder / MANIFEST).read_bytes()
    assert cli.main(["calibrate", str(folder), "--good", str(good), "--jobs", "2"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (folder / MANIFEST).read_bytes() == before


def test_calibrating_on_images_in_groups(folder: Path, dataset: Path) -> None:
    good = dataset / "test" / "good"
    alone = calibrate(folder, good, dataset / "test" / "label_missing", Goal())
    together = calibrate(folder, good, None, Goal(), group=r"\d\d(?P<group>[0-2])|\d\d[3-9]")
    assert (alone.good_parts, alone.worth, alone.bad_parts) == (6, 6, 4)
    assert calibrate(folder, good, dataset / "test" / "label_missing", Goal(), engine=Processes(2)) == alone
    assert together.worth < 6
    assert together.promised > alone.promised
    with pytest.raises(UsageError, match="one group"):
        calibrate(folder, good, None, Goal(), group="1")


def test_a_wanted_recall_needs_bad_parts(folder: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = str(dataset / "test" / "good")
    assert cli.main(["calibrate", str(folder), "--good", good, "--recall", "0.9"]) == 2
    assert "--bad" in capsys.readouterr().err


def test_a_bad_part_among_the_good_ones_is_refused_unless_a_person_vouches(
    folder: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = Path(shutil.copytree(dataset / "test" / "good", tmp_path / "mixed"))
    shutil.copy(dataset / "test" / "label_missing" / "200.png", mixed / "slipped_in.png")
    before = (folder / MANIFEST).read_bytes()
    assert cli.main(["calibrate", str(folder), "--good", str(mixed)]) == 2
    assert "slipped_in.png score far above" in capsys.readouterr().err
    assert (folder / MANIFEST).read_bytes() == before
    assert cli.main(["calibrate", str(folder), "--good", str(mixed), "--trust"]) == 0
    assert (folder / MANIFEST).read_bytes() != before
