from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.averages import KINDS
from models.batches import as_inputs, to_tensor
from models.detector import Detector
from models.disturbance import DISTURBED, looks
from models.evidence import Residuals
from models.frames import Frames
from models.levels import DETAILED, FEATURES, FINE, LEVELS
from models.normalisation import learn_normal
from models.scoring import Scoring
from models.statistics import learn_statistics, passes
from tests.models.conftest import SIZE, make_detector


def score(detector: Detector, frames: Frames, index: int) -> float:
    with torch.no_grad():
        return float(detector(*as_inputs(frames[index]))[0])


def standardised(detector: Detector, frames: Frames) -> list[Tensor]:
    """One (2 N, 1, h, w) for each level, with what the shots have done to the detail; each part disturbed once."""
    levels: list[list[Tensor]] = []
    for look, index in product(looks(len(frames))[:2], range(len(frames))):
        frame = look(frames[index], index)
        seen = detector.reconstruct(to_tensor(frame.image[None]))
        ignored = torch.from_numpy(frame.ignored[None, None])
        residuals = detector.residuals(seen, ignored, torch.from_numpy(frame.detail[None, None]))
        levels.append(detector.scoring.in_deviations(residuals.levels, torch.zeros_like(ignored)))
    return [torch.cat(level) for level in zip(*levels, strict=True)]


def test_scores_are_numbers_around_those_of_good_parts(frames: Frames) -> None:
    seen: list[int] = []
    scores = learn_statistics(make_detector(frames).eval(), frames, frames, lambda: seen.append(1))
    assert scores.shape == (len(frames),)
    assert np.isfinite(scores).all()
    assert -1 < np.median(scores) < 4
    assert len(seen) == passes(len(frames), len(frames))


def test_the_same_frames_give_the_same_scores(frames: Frames) -> None:
    first, again = (learn_statistics(make_detector(frames).eval(), frames, frames, lambda: None) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("count", [3, 75, 250])
def test_few_parts_are_disturbed_again_and_again_and_never_alike(frames: Frames, count: int) -> None:
    as_taken, *disturbed = looks(count)
    np.testing.assert_array_equal(as_taken(frames[0], 0).image, frames[0].image)
    assert count * len(disturbed) >= DISTURBED > count * (len(disturbed) - 1)
    shots = {look(frames[0], 0).image.tobytes() for look in disturbed}
    assert len(shots) == len(disturbed)
    again = looks(count)[1](frames[0], 0)
    np.testing.assert_array_equal(again.image, disturbed[0](frames[0], 0).image)


@torch.no_grad()
def test_residuals_of_good_parts_have_mean_0_and_deviation_1(detector: Detector, frames: Frames) -> None:
    levels = standardised(detector, frames)
    for fine in FINE:
        levels[fine] = levels[fine][: len(frames)]  # learned from the parts as they were taken
    for level, stride, least in zip(levels, LEVELS, (0.6, 0.6, 0.6, 0.4, 0.6), strict=True):
        compared = level[..., 16 // stride :, 16 // stride :]  # the corner is ignored in these frames
        assert compared.mean(0).abs().max() < 0.05
        assert least < compared.std(0).mean() < 1.1


@torch.no_grad()
def test_what_good_parts_show_everywhere_is_white_in_the_projection(detector: Detector, frames: Frames) -> None:
    products = torch.zeros(())
    for index in range(len(frames)):
        seen = detector.reconstruct(to_tensor(frames.image(index)[None]))
        white = detector.distance.project(seen.differences).flatten(2)[0]
        products = products + white @ white.T / white.shape[1] / len(frames)
    assert products.diagonal().max() < 1.05
    assert (products - torch.diag(products.diagonal())).abs().max() < 0.2


@torch.no_grad()
def test_a_step_along_a_usual_direction_counts_less_than_one_across(detector: Detector) -> None:
    centre, directions = detector.distance.get_buffer("centre"), detector.distance.get_buffer("directions").float()
    along = directions[-1]  # principal components come in ascending order
    across = torch.roll(along, 1, dims=0)
    for level in range(len(directions)):
        across = across - (across * directions[level]).sum(0) * directions[level]
    across = across / across.norm(dim=0).clamp(min=1e-6)
    only = torch.zeros(1, dtype=torch.int64)
    usual, odd = (detector.distance(centre + 20 * step, only)[..., 2:, 2:] for step in (along, across))
    assert (usual < 0.7 * odd).float().mean() > 0.9


def test_a_bad_part_among_the_good_ones_cannot_hide_itself(frames: Frames, tmp_path: Path) -> None:
    """It is scored with what the other half shows."""
    copies = [frames[index] for index in range(len(frames))]
    copies[7].image[30:42, 50:62] = (250, 10, 10)
    spoilt = Frames.create(tmp_path, len(frames), SIZE)
    spoilt.write(0, copies)
    scores = learn_statistics(make_detector(frames).eval(), frames, spoilt, lambda: None)
    assert int(np.argmax(scores)) == 7
    assert scores[7] > 1.5 * np.sort(scores)[-2]


def test_the_score_of_an_inspection_is_of_the_kind_the_threshold_rests_on(frames: Frames) -> None:
    """Frames are scored by statistics of all, calibration by those of the other half: no more than that differs."""
    detector = make_detector(frames).eval()
    calibration = learn_statistics(detector, frames, frames, lambda: None)
    inspection = np.array([score(detector, frames, index) for index in range(len(frames))])
    assert np.median(inspection) == pytest.approx(np.median(calibration), abs=1.0)
    assert (inspection < calibration + 0.5).mean() > 0.8


def test_what_is_ignored_does_not_count(frames: Frames) -> None:
    detector = make_detector(frames).eval()
    learn_statistics(detector, frames, frames, lambda: None)
    ignored, detail = (torch.from_numpy(pixels[None, None]) for pixels in (frames.ignored(0), frames[0].detail))
    with torch.no_grad():
        seen = detector.reconstruct(to_tensor(frames.image(0)[None]))
        features = detector.scoring.standardise(detector.residuals(seen, ignored, detail).levels, ignored)[FEATURES]
    assert (features[..., :1, :1] == 0).all()


def test_detail_that_shows_no_hairlines_does_not_count() -> None:
    count, size = 8, (64, 64)
    scoring = Scoring(size)
    draw = torch.Generator().manual_seed(0)
    levels = [torch.rand((count, 1, 64 // stride, 64 // stride), generator=draw) for stride in LEVELS]
    residuals = Residuals(levels, torch.rand((count, sum(KINDS), 16, 16), generator=draw), torch.zeros(count))
    ignored = torch.zeros((count, 1, *size), dtype=torch.uint8)
    clear, lost = levels[DETAILED].clone(), levels[DETAILED].clone()
    clear[..., 4, 4] += 5
    for hairlines, counts in ((clear, True), (lost, False)):
        learn_normal(scoring, residuals, hairlines, ignored, np.arange(count))
        assert (float(scoring.get_buffer("detail_share")) > 0) == counts
