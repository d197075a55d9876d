import doctest
import math
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import pipeline.inspector
from pipeline.bundle import Bundle, load_bundle
from pipeline.framing import Frame
from pipeline.images import Image, read_image
from pipeline.inspector import Inspector
from pipeline.network import Network, Residuals
from pipeline.verdict import Verdict

WIDTH, HEIGHT = 384, 288


@pytest.fixture(scope="module")
def bundle(model: Path) -> Bundle:
    return load_bundle(model)


@pytest.fixture(scope="module")
def inspector(bundle: Bundle) -> Inspector:
    return Inspector(bundle)


@pytest.fixture
def good(dataset: Path) -> Image:
    return read_image(dataset / "test" / "good" / "100.png", max_megapixels=1)


def with_block(image: Image, x: int, y: int) -> Image:
    spoilt = image.copy()
    cv2.rectangle(spoilt, (x - 14, y - 14), (x + 14, y + 14), (255, 0, 255), -1)
    return spoilt


def test_a_result_says_everything(inspector: Inspector, good: Image) -> None:
    found = inspector.inspect(good)
    assert found.score is not None
    assert math.isfinite(found.score)
    assert found.threshold == inspector.bundle.calibration.threshold
    assert found.reason
    assert found.ms > 0
    assert 0 <= found.masked < 0.5
    assert found.registration is not None
    assert found.registration.found
    assert found.print_mask is not None
    assert found.print_mask.pixels.shape == (HEIGHT, WIDTH)
    assert found.evidence is None


@pytest.mark.parametrize(("x", "y"), [(120, 90), (250, 200), (190, 60)])
def test_a_fault_is_found_where_it_is(inspector: Inspector, good: Image, x: int, y: int) -> None:
    found, clean = inspector.inspect(with_block(good, x, y)), inspector.inspect(good)
    assert found.score is not None
    assert clean.score is not None
    assert found.score > max(2 * clean.score, found.threshold)
    assert found.verdict is not Verdict.OK
    assert found.peak is not None
    assert math.dist(found.peak, (x, y)) < 25


def test_the_peak_is_a_pixel_of_the_original_image(inspector: Inspector, good: Image) -> None:
    """The part moves, and the fault on it; the peak moves along, and stays inside the image."""
    spoilt = with_block(good, 250, 200)
    moved = cv2.warpAffine(
        spoilt, np.array([[1.0, 0, 5], [0, 1, -4]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE
    )
    here, there = inspector.inspect(spoilt).peak, inspector.inspect(np.asarray(moved, np.uint8)).peak
    assert here is not None
    assert there is not None
    assert max(abs(here[0] - 250), abs(here[1] - 200)) <= 16
    assert max(abs(there[0] - 255), abs(there[1] - 196)) <= 16


def test_evidence_is_in_the_working_frame_and_agrees_with_the_verdict(inspector: Inspector, good: Image) -> None:
    evidence = inspector.inspect(with_block(good, 250, 200), evidence=True).evidence
    assert evidence is not None
    w, h = inspector.bundle.view.size
    assert evidence.registered.shape == evidence.reconstruction.shape == (h, w, 3)
    for residual in (evidence.ssim_residual, evidence.feature_residual, evidence.anomaly):
        assert residual.shape == (h, w)
        assert residual.dtype == np.float32
    assert evidence.masked.shape == (h, w)
    assert set(np.unique(evidence.masked)) <= {0, 255}
    row, column = np.unravel_index(np.argmax(evidence.anomaly), (h, w))
    assert column / w == pytest.approx(250 / WIDTH, abs=0.08)
    assert row / h == pytest.approx(200 / HEIGHT, abs=0.08)


def test_the_same_image_gets_the_same_result(inspector: Inspector, model: Path, good: Image) -> None:
    first, again, elsewhere = (found.inspect(good) for found in (inspector, inspector, Inspector.load(model)))
    assert first.score == again.score == elsewhere.score
    assert first.reason == again.reason == elsewhere.reason


@pytest.mark.parametrize(
    "make",
    [
        lambda image: image[:-1],
        lambda image: image[:, :, :2],
        lambda image: image[..., 0],
        lambda image: image.astype(np.float32),
        lambda image: image.transpose(1, 0, 2),
        lambda _: np.zeros((1, 1, 3), np.uint8),
        lambda _: np.zeros((0, 0, 3), np.uint8),
    ],
)
def test_an_image_of_another_kind_is_an_error(
    inspector: Inspector, good: Image, make: Callable[[Image], Image]
) -> None:
    found = inspector.inspect(make(good))
    assert found.verdict is Verdict.ERROR
    assert found.score is None
    assert found.peak is None
    assert "384x288 px" in found.reason


@pytest.mark.parametrize("grey", [0, 127, 255])
def test_an_image_of_nothing_is_for_a_person(inspector: Inspector, grey: int) -> None:
    found = inspector.inspect(np.full((HEIGHT, WIDTH, 3), grey, np.uint8))
    assert found.verdict is Verdict.REVIEW
    assert "pose was not found" in found.reason


def test_a_part_half_outside_is_for_a_person(inspector: Inspector, good: Image) -> None:
    gone = np.roll(good, 150, axis=1)
    gone[:, :150] = 0
    assert inspector.inspect(gone).verdict is not Verdict.OK


def test_what_lies_outside_is_said(bundle: Bundle, good: Image) -> None:
    found = Inspector(replace(bundle, max_outside=-1.0)).inspect(good)
    assert found.verdict is Verdict.REVIEW
    assert "outside the image" in found.reason


BURNING = 1.35
"""Brighter by that, the label of these parts is burnt out."""


def brighter(image: Image, strength: float) -> Image:
    return np.clip(np.round(image * strength), 0, 255).astype(np.uint8)


def test_a_good_part_that_the_shot_has_burnt_out_in_places_scores_no_worse(inspector: Inspector, good: Image) -> None:
    bright, usual = inspector.inspect(brighter(good, BURNING), evidence=True), inspector.inspect(good, evidence=True)
    assert bright.score is not None
    assert bright.score <= max(usual.score or 0.0, inspector.bundle.calibration.threshold)
    assert bright.evidence is not None
    assert usual.evidence is not None
    assert np.count_nonzero(bright.evidence.masked) > np.count_nonzero(usual.evidence.masked)


def test_a_part_of_which_more_is_burnt_out_than_may_be_is_for_a_person(
    inspector: Inspector, good: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.inspector, "MOST_BURNT", 0.001)
    assert not any("burnt out" in doubt for doubt in inspector.inspect(good).doubts)
    found = inspector.inspect(brighter(good, BURNING))
    assert found.verdict is not Verdict.OK
    assert any("burnt out" in doubt for doubt in found.doubts)


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_never_ok(
    inspector: Inspector, good: Image, monkeypatch: pytest.MonkeyPatch, score: float
) -> None:
    run = Network.run

    def broken(self: Network, frame: Frame) -> Residuals:
        found = run(self, frame)
        return found._replace(score=score, anomaly=np.full_like(found.anomaly, score))

    monkeypatch.setattr(Network, "run", broken)
    found = inspector.inspect(good)
    assert found.verdict is Verdict.REVIEW
    assert "not a number" in found.reason


@pytest.mark.parametrize(("all_over", "said"), [(3.0, "differs from good parts all over"), (0.5, "(x ")])
def test_a_fault_that_shows_only_all_over_has_no_place(
    bundle: Bundle, good: Image, monkeypatch: pytest.MonkeyPatch, all_over: float, said: str
) -> None:
    calibration, run = replace(bundle.calibration, threshold=5.0, reject=6.0), Network.run
    monkeypatch.setattr(Network, "run", lambda self, frame: run(self, frame)._replace(score=7.0, all_over=all_over))
    assert said in Inspector(replace(bundle, calibration=calibration)).inspect(good).reason


def test_the_threshold_decides(bundle: Bundle, good: Image) -> None:
    score = Inspector(bundle).inspect(good).score
    assert score is not None
    verdicts = []
    for threshold in (score + 0.01, score - 0.01):
        calibration = replace(bundle.calibration, threshold=threshold, reject=threshold)
        verdicts.append(Inspector(replace(bundle, calibration=calibration)).inspect(good).verdict)
    assert verdicts[0] is not Verdict.NG
    assert verdicts[1] is not Verdict.OK


def test_files_that_cannot_be_read_are_errors_with_the_reason(
    inspector: Inspector, dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.png").touch()
    for name, why in (("empty.png", "empty"), ("nowhere.png", "cannot be opened")):
        found = inspector.inspect_file(tmp_path / name)
        assert found.verdict is Verdict.ERROR
        assert found.reason.startswith(f"{name}: ")
        assert why in found.reason
        assert found.evidence is None
    path = tmp_path / "Gehäuse 7" / "gut ä.png"
    path.parent.mkdir()
    shutil.copy(dataset / "test" / "good" / "100.png", path)
    assert inspector.inspect_file(path).score == inspector.inspect_file(dataset / "test" / "good" / "100.png").score


def test_the_steps_are_timed_and_add_up(inspector: Inspector, dataset: Path) -> None:
    found = inspector.inspect_file(dataset / "test" / "good" / "100.png")
    assert list(found.steps) == ["decode", "registration", "frame", "print", "network", "judging"]
    assert min(found.steps.values()) > 0
    assert sum(found.steps.values()) <= found.ms


def test_threads_that_share_a_model_find_what_one_alone_finds(inspector: Inspector, dataset: Path) -> None:
    paths = sorted((dataset / "test").rglob("*.png"))

    def told(path: Path) -> tuple[object, ...]:
        found = inspector.inspect_file(path, evidence=True)
        assert found.evidence is not None
        return found.score, found.peak, found.reason, found.codes and found.codes[0].text, found.evidence.anomaly.sum()

    alone = [told(path) for path in paths]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(told, paths * 4)) == alone * 4


def test_the_image_is_handed_on_with_the_evidence_and_not_changed(inspector: Inspector, good: Image) -> None:
    before = good.copy()
    assert inspector.inspect(good, evidence=True).image is good
    assert inspector.inspect(good).image is None
    np.testing.assert_array_equal(good, before)


def test_the_example_for_people_who_embed_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert doctest.testmod(pipeline.inspector, extraglobs={"Path": Path}) == (0, 6)
