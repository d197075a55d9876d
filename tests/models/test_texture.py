from copy import deepcopy
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.batches import as_inputs
from models.detector import Detector
from models.frames import Frames
from models.levels import LEVELS, TEXTURED
from models.normalisation import _learn_positions
from models.scoring import TEXTURE, Scoring
from models.texture import BANDS, EARLY_CHANNELS, Texture, in_bands
from models.texture_learning import learn_texture, texture_passes
from pipeline.framing import CLIPPED
from pipeline.images import Grey
from tests.models.conftest import COUNT, SIZE, make_detector

FIRST = torch.zeros(1, dtype=torch.int64)


def lower(places: int, sides: int) -> Tensor:
    return torch.randn((places, sides, sides), generator=torch.Generator().manual_seed(0)).tril()


@torch.no_grad()
def off(detector: Detector, detail: Grey) -> Tensor:
    """(h / 4, w / 4) distances."""
    features = detector.texture.features(detector.backbone, torch.from_numpy(detail[None, None]))
    found: Tensor = detector.texture(features, FIRST)
    assert found.shape == (1, 1, SIZE[1] // 4, SIZE[0] // 4)
    return found[0, 0]


@pytest.fixture(scope="module")
def learned(frames: Frames) -> Detector:
    detector, told = make_detector(frames).eval(), [0]

    def advance() -> None:
        told[0] += 1

    learn_texture(detector, frames, advance)
    assert told[0] == texture_passes(COUNT)
    return detector


@pytest.mark.parametrize(("places", "sides"), [(2, 8), (8, 64)])
def test_bands_hold_all_of_a_lower_triangle_without_most_of_its_zeros(places: int, sides: int) -> None:
    axes = lower(places, sides)
    bands = in_bands(axes)
    assert torch.equal(torch.cat([F.pad(band[:, 0], (0, sides - band.shape[-1])) for band in bands], dim=1), axes)
    assert sum(band.numel() for band in bands) == axes.numel() * (BANDS + 1) / (2 * BANDS)


def test_a_new_one_measures_plain_lengths_each_at_its_place() -> None:
    texture = Texture(SIZE)
    rows, columns = texture.get_buffer("centre").shape[2:]
    lengths = torch.arange(2.0 * rows * columns).view(2, 1, rows, columns)
    found = texture(lengths.expand(-1, EARLY_CHANNELS, -1, -1), FIRST.repeat(2))
    wanted = F.interpolate(lengths, size=found.shape[2:], mode="nearest")
    torch.testing.assert_close(found, wanted)


def test_good_parts_that_were_learned_from_are_about_one_off(learned: Detector, frames: Frames) -> None:
    usual = torch.stack([off(learned, frames.detail(index)) for index in range(COUNT)])
    assert 0.3 < usual.mean() < 1.1


def test_a_hairline_stands_out_at_its_place_alone(learned: Detector, frames: Frames) -> None:
    scratched = frames.detail(0).copy()
    cv2.line(scratched, (60, 70), (84, 76), 255, 1)
    more = off(learned, scratched) - off(learned, frames.detail(0))
    row, column = np.unravel_index(int(more.argmax()), tuple(more.shape))
    assert abs(column - 9) <= 2
    assert abs(row - 9) <= 1
    assert more.max() > 3
    assert more[:, 16:].abs().max() < 0.1 * more.max()


def test_each_variant_is_compared_with_its_own_means(learned: Detector, frames: Frames) -> None:
    texture = Texture(SIZE, variants=2)
    for name, known in learned.texture.named_buffers():
        both = known.repeat(2, 1, 1, 1) if name == "centre" else known  # the means of both alike
        texture.get_buffer(name).copy_(both)
    texture.get_buffer("centre")[EARLY_CHANNELS:] += 5
    features = texture.features(learned.backbone, torch.from_numpy(frames.detail(0)[None, None]))
    own, other = (texture(features, torch.tensor([number])) for number in (0, 1))
    torch.testing.assert_close(own, learned.texture(features, FIRST))
    assert other.mean() > 3 * own.mean()


@torch.no_grad()
def test_a_hairline_in_the_texture_adds_to_the_score(detector: Detector, frames: Frames) -> None:
    scratched = frames.detail(0).copy()
    cv2.line(scratched, (30, 90), (38, 92), 255, 1)  # too short to raise the texture of all the shot
    inputs = as_inputs(replace(frames[0], detail=scratched))
    blind = deepcopy(detector)
    blind.scoring.get_buffer("summary_spread")[TEXTURE] = torch.inf  # good parts differ by any amount
    scores = [judge(*inputs)[0].item() for judge in (blind, detector)]
    assert scores[1] > scores[0] + 1


def test_a_place_that_disturbances_change_more_than_all_the_shot_counts_less() -> None:
    count, draw = 20, torch.Generator().manual_seed(0)
    flat, levels = (slice(None), slice(None), slice(4, 6), slice(4, 6)), []
    for stride in LEVELS:
        levels.append(torch.randn((3 * count, 1, 64 // stride, 64 // stride), generator=draw))
    levels[TEXTURED][count:] *= 3
    levels[TEXTURED][count:][flat] *= 5
    scoring, ignored = Scoring((64, 64)), torch.zeros((count, 1, 64, 64), dtype=torch.uint8)
    _learn_positions(scoring, levels, ignored)
    certainty = scoring.get_buffer(f"certainty_{TEXTURED}")
    assert 3 < certainty.mean() / certainty[flat].mean() < 7


def test_the_file_has_room_for_all_features() -> None:
    kept = sum(band.numel() for band in Texture((384, 288)).axes)
    assert kept == 972 * EARLY_CHANNELS**2 * (BANDS + 1) / (2 * BANDS) < 2_300_000


@pytest.mark.parametrize(("burnt_out", "counts"), [(1, True), (5, False)])
def test_texture_counts_only_where_most_good_parts_have_one(burnt_out: int, counts: bool) -> None:
    count, draw = 20, torch.Generator().manual_seed(0)
    levels = [torch.randn((count, 1, 64 // stride, 64 // stride), generator=draw) for stride in LEVELS]
    scoring, ignored = Scoring((64, 64)), torch.zeros((count, 1, 64, 64), dtype=torch.uint8)
    ignored[:burnt_out, :, :4, :4] = CLIPPED
    _learn_positions(scoring, levels, ignored)
    assert bool(scoring.get_buffer(f"certainty_{TEXTURED}").any()) == counts
