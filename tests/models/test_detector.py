from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from models.averages import KINDS
from models.batches import as_inputs, to_tensor
from models.detector import Detector
from models.directions import _learn_whole
from models.distance import JOINT, mean_difference
from models.evidence import Evidence
from models.frames import Frames
from models.levels import FINE, LEVELS, SEGMENTED
from models.scoring import BRIGHTNESS, PEAK, TEXTURE, TINT, WHOLE, Scoring, average_level, fine_level
from pipeline.framing import PRINT, UNCOMPARED, Frame
from pipeline.images import Mask
from tests.models.conftest import SIZE, framed


def judged(detector: Detector, frame: Frame) -> tuple[Tensor, ...]:
    with torch.no_grad():
        found: tuple[Tensor, ...] = detector(*as_inputs(frame))
    return found


NOTHING = np.zeros(SIZE[::-1], np.uint8)
SSIM_MAP, FEATURE_MAP = 4, 5


def with_hole(frame: Frame, x: int, y: int, ignored: Mask | None = None) -> Frame:
    image, detail = frame.image.copy(), frame.detail.copy()
    image[y - 4 : y + 4, x - 4 : x + 4] = (250, 10, 10)
    detail[2 * y - 8 : 2 * y + 8, 2 * x - 8 : 2 * x + 8] = 82  # as grey
    return Frame(image, frame.ignored if ignored is None else ignored, detail)


def test_shapes_and_types(detector: Detector, frames: Frames) -> None:
    score, all_over, anomaly, painted, ssim, features, detail = judged(detector, frames[0])
    assert score.shape == all_over.shape == (1,)
    assert anomaly.shape == ssim.shape == features.shape == detail.shape == (1, 16, 24)
    assert painted.shape == (1, 64, 96, 3)
    assert painted.dtype == torch.uint8


def test_the_score_is_the_peak_of_the_anomaly(detector: Detector, frames: Frames) -> None:
    for index in range(4):
        score, _, anomaly, *_ = judged(detector, frames[index])
        assert score.item() == anomaly.max().item()


@pytest.mark.parametrize(("x", "y"), [(30, 40), (60, 20), (80, 50)])
def test_a_fault_is_found_where_it_is(detector: Detector, frames: Frames, x: int, y: int) -> None:
    good = max(judged(detector, frames[index])[0].item() for index in range(len(frames)))
    score, _, anomaly, *_ = judged(detector, with_hole(frames[0], x, y))
    row, column = np.unravel_index(int(anomaly.argmax()), (16, 24))
    assert score.item() > 2 * good
    assert abs(column * 4 + 2 - x) <= 8
    assert abs(row * 4 + 2 - y) <= 8


def test_a_shallow_dent_is_found_where_it_is(detector: Detector, frames: Frames) -> None:
    good = max(judged(detector, frames[index])[0].item() for index in range(len(frames)))
    dented = frames[0].detail.copy()
    dented[72:104, 88:120] -= 10
    score, _, anomaly, *_ = judged(detector, replace(frames[0], detail=dented))
    row, column = np.unravel_index(int(anomaly.argmax()), (16, 24))
    assert score.item() > good
    assert 9 <= row < 13
    assert 11 <= column < 15


def test_distances_are_nowhere_negative_and_zero_where_nothing_is_compared(detector: Detector, frames: Frames) -> None:
    ignored = torch.zeros(1, 1, 64, 96, dtype=torch.uint8)
    ignored[..., :, 48:] = UNCOMPARED
    with torch.no_grad():
        seen = detector.reconstruct(to_tensor(frames.image(0)[None]))
        raw = detector.residuals(seen, ignored, torch.from_numpy(frames[0].detail[None, None])).levels
        standardised = detector.scoring.standardise(raw, ignored)
    assert all(level.min() >= -1e-5 for level in raw[:SEGMENTED])  # logits have both signs
    for level, stride, found in zip(raw, LEVELS, standardised, strict=True):
        assert level.shape == found.shape == (1, 1, 64 // stride, 96 // stride)
        assert (found[..., 48 // stride :] == 0).all()
        assert found[..., : 48 // stride].abs().max() > 0


def test_a_fault_under_the_mask_is_not_seen_there(detector: Detector, frames: Frames) -> None:
    ignored = NOTHING.copy()
    ignored[16:48, 32:80] = UNCOMPARED
    seen = judged(detector, with_hole(frames[0], 56, 32))[0].item()
    hidden = judged(detector, with_hole(frames[0], 56, 32, ignored))[0].item()
    assert hidden < seen / 2


def test_under_print_features_are_compared_and_pixels_are_not(detector: Detector, frames: Frames) -> None:
    printed = NOTHING.copy()
    printed[16:48, 32:80] = PRINT
    seen, behind = (judged(detector, with_hole(frames[0], 56, 32, where)) for where in (NOTHING, printed))
    inside = (0, slice(6, 10), slice(10, 18))
    assert (behind[SSIM_MAP][inside] == 0).all()
    torch.testing.assert_close(behind[FEATURE_MAP][inside], seen[FEATURE_MAP][inside])


def test_nothing_to_compare_is_no_number_out_of_range(detector: Detector, frames: Frames) -> None:
    everything = np.full(SIZE[::-1], 255, np.uint8)
    score, _, anomaly, *_ = judged(detector, with_hole(frames[0], 56, 32, everything))
    clean = judged(detector, replace(frames[0], ignored=everything))
    assert torch.isfinite(anomaly).all()
    assert score.item() == clean[0].item()


@pytest.mark.parametrize("value", [0, 255])
def test_a_black_or_white_image_is_anomalous_not_a_failure(detector: Detector, frames: Frames, value: int) -> None:
    score, _, anomaly, *_ = judged(detector, framed(np.full((128, 192, 3), value, np.uint8), NOTHING))
    assert torch.isfinite(anomaly).all()
    assert score.item() > max(judged(detector, frames[index])[0].item() for index in range(len(frames)))


def three_usual(detector: Detector) -> tuple[Tensor, Tensor]:
    """The summaries of three parts that are as good ones usually are, and how far those spread."""
    usual, spread = detector.scoring.get_buffer("summary_usual"), detector.scoring.get_buffer("summary_spread")
    return torch.cat([usual, detector.scoring.get_buffer("background_usual")[None]]).repeat(3, 1), spread


@torch.no_grad()
def test_the_whole_counts_where_it_is_farther_off_than_good_parts_are(detector: Detector) -> None:
    summaries, spread = three_usual(detector)
    summaries[:, WHOLE] += spread[WHOLE] * torch.tensor([-2.0, 1.0, 3.0])
    scores = detector.scoring.score(summaries)
    score, all_over = scores.highest, scores.all_over
    torch.testing.assert_close(score, torch.tensor([0.0, 0.0, 2.0]), atol=1e-4, rtol=0)
    torch.testing.assert_close(all_over, score)  # nothing else has added to it


@torch.no_grad()
def test_a_shot_whose_tint_is_not_compared_speaks_no_better_of_its_part(detector: Detector) -> None:
    summaries, spread = three_usual(detector)
    summaries[:, TINT] += spread[TINT] * torch.tensor([-9.0, 1.0, 5.0])
    score = detector.scoring.score(summaries).highest
    torch.testing.assert_close(score, torch.tensor([0.0, 0.0, 2.0]), atol=1e-4, rtol=0)


@torch.no_grad()
def test_brightness_stands_for_itself_and_adds_to_nothing(detector: Detector) -> None:
    summaries, spread = three_usual(detector)
    summaries[:, PEAK] += spread[PEAK] * torch.tensor([6.0, 6.0, 0.0])
    summaries[:, BRIGHTNESS] += spread[BRIGHTNESS] * torch.tensor([0.0, 5.0, 5.0])
    score = detector.scoring.score(summaries).highest
    torch.testing.assert_close(score, torch.tensor([6.0, 6.0, 4.0]), atol=1e-4, rtol=0)


@torch.no_grad()
def test_texture_adds_to_whatever_is_higher_and_takes_nothing_away(detector: Detector) -> None:
    summaries, spread = three_usual(detector)
    summaries[:, BRIGHTNESS] += spread[BRIGHTNESS] * torch.tensor([0.0, 5.0, 5.0])
    summaries[:, TEXTURE] += spread[TEXTURE] * torch.tensor([4.0, 4.0, -4.0])
    scores = detector.scoring.score(summaries)
    torch.testing.assert_close(scores.highest, torch.tensor([2.0, 6.0, 4.0]), atol=1e-4, rtol=0)
    torch.testing.assert_close(scores.all_over, torch.zeros(3), atol=1e-4, rtol=0)


@torch.no_grad()
def test_the_highest_place_of_the_map_has_the_score_whatever_it_comes_from(detector: Detector) -> None:
    evidence, averages, texture = torch.zeros((3, 1, 16, 24)), torch.zeros((3, 2, 16, 24)), torch.zeros((3, 1, 16, 24))
    evidence[0, 0, 3, 4] = averages[1, 0, 5, 6] = texture[2, 0, 7, 8] = 100.0
    seen = Evidence(evidence, evidence, texture)
    scores = detector.scoring.score(detector.scoring.summarise(seen, averages, torch.zeros(3)))
    maps = detector.scoring.spread_out(seen, averages, scores)
    torch.testing.assert_close(maps.amax((1, 2)), scores.highest)
    assert [int(one.argmax()) for one in maps] == [3 * 24 + 4, 5 * 24 + 6, 7 * 24 + 8]


@torch.no_grad()
def test_a_fault_does_not_lift_the_places_beside_it(detector: Detector) -> None:
    evidence, nothing = torch.zeros(1, 1, 16, 24), torch.zeros(1, 2, 16, 24)
    evidence[0, 0, 3, 4], evidence[0, 0, 9, 9] = 1000.0, 500.0
    seen = Evidence(evidence, evidence, torch.zeros_like(evidence))
    maps = []
    for whole in (torch.zeros(1), torch.full((1,), 1000.0)):  # as a whole the second part is far off, too
        scores = detector.scoring.score(detector.scoring.summarise(seen, nothing, whole))
        maps.append(detector.scoring.spread_out(seen, nothing, scores)[0])
    changed = maps[1] - maps[0]
    assert changed[3, 4] > 10
    changed[3, 4] = 0
    assert changed.abs().max() < 1e-3


@torch.no_grad()
def test_a_small_difference_everywhere_is_far_off_as_a_whole_and_a_large_one_somewhere_is_not() -> None:
    draw = torch.Generator().manual_seed(0)
    nowhere = torch.zeros((1, 1, 64, 64), dtype=torch.uint8)
    good = [torch.randn((1, JOINT, 8, 8), generator=draw) for _ in range(200)]
    worn, spotted = good[0] + 0.5 * torch.sign(torch.randn((1, JOINT, 1, 1), generator=draw)), good[0].clone()
    spotted[..., 4, 4] += 4
    detector = Detector((64, 64), width=16, bottleneck=4, segmenter=8)
    only = torch.zeros(len(good), dtype=torch.int64)
    _learn_whole(detector, torch.cat([mean_difference(one, nowhere) for one in good]), only)
    usual, off, spot = (
        float(detector.distance.whole(mean_difference(one, nowhere), only[:1])) for one in (good[1], worn, spotted)
    )
    assert off > 2 * usual
    assert spot < 1.5 * usual


@pytest.mark.parametrize("level", FINE)
@torch.no_grad()
def test_what_a_shot_does_to_all_of_the_detail_is_taken_out_as_far_as_disturbed_good_parts_go(
    detector: Detector, frames: Frames, level: int
) -> None:
    nowhere = torch.zeros(1, 1, *SIZE[::-1], dtype=torch.uint8)
    seen = detector.reconstruct(to_tensor(frames.image(0)[None]))
    raw = detector.residuals(seen, nowhere, torch.from_numpy(frames[0].detail[None, None])).levels
    usual, most, detector = torch.tensor(2.0), torch.tensor(3.0), deepcopy(detector)
    detector.scoring.get_buffer(f"level_usual_{level}").copy_(usual)
    detector.scoring.get_buffer(f"level_most_{level}").copy_(most)
    certainty, centre = (detector.scoring.get_buffer(f"{what}_{level}") for what in ("certainty", "usual"))
    shown = torch.rand(raw[level].shape, generator=torch.Generator().manual_seed(0))
    shown = shown / fine_level(shown) * usual
    for factor, left in ((0.5, 0.5), (1.0, 1.0), (2.5, 1.0), (6.0, 2.0)):
        raw[level] = centre + factor * shown / certainty
        found = detector.scoring.standardise(raw, nowhere)[level]
        torch.testing.assert_close(found, left * shown, atol=1e-3, rtol=1e-3)


def test_what_a_shot_does_to_all_averages_is_taken_out_as_far_as_disturbed_good_parts_go() -> None:
    scoring, draw = Scoring((96, 64)), torch.Generator().manual_seed(0)
    usual = 1 + torch.rand((1, sum(KINDS), 1, 1), generator=draw)
    scoring.get_buffer("average_level").copy_(usual)
    scoring.get_buffer("average_most").fill_(3.0)
    shown = torch.rand((1, sum(KINDS), 16, 24), generator=draw)
    shown = shown / average_level(shown) * usual
    for factor, left in ((0.5, 0.5), (1.0, 1.0), (2.5, 1.0), (6.0, 2.0)):
        torch.testing.assert_close(scoring.steady(factor * shown), left * shown)


def test_of_brightness_and_of_tint_the_average_farthest_off_for_good_parts_counts() -> None:
    scoring, averages = Scoring((96, 64)), torch.zeros(1, sum(KINDS), 16, 24)
    scoring.get_buffer("average_usual")[:, 1::2] = 10
    scoring.get_buffer("average_most").fill_(1.0)
    averages[0, 0, 3, 4], averages[0, 1, 3, 4] = 2, 11
    averages[0, -2, 5, 6], averages[0, -1, 5, 6] = 1, 13
    found = scoring.joined(averages)
    assert found.shape == (1, 2, 16, 24)
    assert found[0, :, 3, 4].tolist() == [2, 0]
    assert found[0, :, 5, 6].tolist() == [0, 3]


def test_a_hairline_does_not_pass_for_what_the_shot_does() -> None:
    detail = torch.rand(1, 1, 64, 96, generator=torch.Generator().manual_seed(0))
    scratched = detail.clone()
    scratched[0, 0, 30, 10:70] = 9.0
    torch.testing.assert_close(fine_level(scratched), fine_level(detail), atol=0.05, rtol=0)
