import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.levels import LEVELS, SSIM
from models.normalisation import _learn_positions, _learn_summaries
from models.scoring import PEAK, SUMMARIES, TINT, Scoring
from pipeline.framing import UNCOMPARED

SIZE, COUNT = (96, 64), 40
CORNER = (slice(None), slice(None), slice(32, 64), slice(64, 96))


@pytest.fixture
def scoring() -> Scoring:
    return Scoring(SIZE)


def residuals() -> list[Tensor]:
    """Of good parts, each but once: all about 5, with deviation 1."""
    random = torch.Generator().manual_seed(0)
    shapes = [(COUNT, 1, SIZE[1] // stride, SIZE[0] // stride) for stride in LEVELS]
    return [5 + torch.randn(shape, generator=random) for shape in shapes]


def shown_by(parts: int) -> Tensor:
    """Masks of parts, of which only the first show the corner; where it is not shown there is no residual."""
    ignored = torch.zeros(COUNT, 1, SIZE[1], SIZE[0], dtype=torch.uint8)
    ignored[parts:][CORNER] = UNCOMPARED
    return ignored


def blanked(found: list[Tensor], ignored: Tensor) -> list[Tensor]:
    return [level * (F.max_pool2d(ignored.float(), stride) == 0) for level, stride in zip(found, LEVELS, strict=True)]


def deviations_of_8(scoring: Scoring) -> Tensor:
    """(h, w) of SSIM, where a part has residuals of 8 everywhere."""
    found = [torch.full_like(level[:1], 8) for level in residuals()]
    return scoring.in_deviations(found, torch.zeros(1, 1, SIZE[1], SIZE[0], dtype=torch.uint8))[SSIM][0, 0]


@pytest.mark.parametrize("parts", [3, 10, COUNT])
def test_what_few_parts_show_is_as_usual_there_as_elsewhere(scoring: Scoring, parts: int) -> None:
    ignored = shown_by(parts)
    _learn_positions(scoring, blanked(residuals(), ignored), ignored)
    odd = deviations_of_8(scoring)
    corner, elsewhere = odd[8:, 16:], odd[:8, :16]
    assert 0.6 * elsewhere.mean() < corner.mean() < 1.1 * elsewhere.mean()
    assert corner.max() < 2 * elsewhere.max()


def test_what_no_good_part_shows_is_not_judged(scoring: Scoring) -> None:
    ignored = shown_by(0)
    _learn_positions(scoring, blanked(residuals(), ignored), ignored)
    odd = deviations_of_8(scoring)
    assert odd[-1, -1] == 0
    assert odd[0, 0] > 1


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_few_parts_that_are_all_alike_are_not_believed(scoring: Scoring, parts: int) -> None:
    found, ignored = residuals(), shown_by(parts)
    for level, stride in zip(found, LEVELS, strict=True):
        level[..., 32 // stride :, 64 // stride :] = 5
    _learn_positions(scoring, blanked(found, ignored), ignored)
    certainty = scoring.get_buffer(f"certainty_{SSIM}")[0, 0]
    assert certainty[12:, 20:].max() < 2 / (1 / certainty[:8, :16]).mean()


def test_what_compression_adds_to_the_tint_of_all_places_counts_nothing(scoring: Scoring) -> None:
    """Nine of ten disturbed good parts stay below one unit, from which on tint counts; a fault in a place does not."""
    taken = torch.randn(COUNT, SUMMARIES + 1, generator=torch.Generator().manual_seed(0))
    raised = torch.zeros(SUMMARIES + 1)
    raised[TINT] = raised[PEAK] = 4
    _learn_summaries(scoring, taken, torch.cat([taken, taken + raised]))
    usual, spread = scoring.get_buffer("summary_usual"), scoring.get_buffer("summary_spread")
    units = ((taken + raised).median(0).values[:SUMMARIES] - usual) / spread
    assert units[TINT] < 1 < units[PEAK]
