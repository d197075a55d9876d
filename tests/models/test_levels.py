from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from models.levels import BESIDE, FAR_BESIDE, features_kept, greys_kept, textures_kept, tints_kept
from pipeline.framing import CLIPPED, PRINT, UNCOMPARED


@pytest.mark.parametrize(("kept", "beside"), [(greys_kept, BESIDE), (tints_kept, FAR_BESIDE)])
def test_print_keeps_its_own_pixels_from_averages_and_what_is_burnt_out_also_what_lies_beside(
    kept: Callable[[Tensor], Tensor], beside: int
) -> None:
    ignored = torch.zeros(1, 1, 64, 96, dtype=torch.uint8)
    ignored[..., 4:12, 4:12], ignored[..., 40, 60] = PRINT, UNCOMPARED
    found = kept(ignored)
    assert (found == 0).sum() == beside**2 + 8 * 8
    assert found[..., 3, 3] == found[..., 12, 12] == 1
    burnt = (found[0, 0, 20:] == 0).nonzero()
    assert (burnt.amin(0) - torch.tensor([20, 60]) + beside // 2).abs().max() <= 1


def test_what_a_shot_has_clipped_somewhere_is_compared_but_for_tint_and_texture() -> None:
    ignored = torch.full((1, 1, 64, 96), CLIPPED, dtype=torch.uint8)
    assert (greys_kept(ignored) == 1).all()
    assert (tints_kept(ignored) == 0).all()
    ignored[..., 4:12, 4:12] = PRINT
    assert (features_kept(ignored) == 1).all()
    assert (textures_kept(ignored) == 0).all()


def test_texture_is_compared_on_print_and_one_shot_keeps_no_other_from_it() -> None:
    ignored = torch.zeros(2, 1, 64, 96, dtype=torch.uint8)
    ignored[0, :, 4:12, 4:12], ignored[1, 0, 40, 60] = PRINT, CLIPPED
    found = textures_kept(ignored)
    assert (found[0] == 1).all()
    assert (found[1] == 0).all()
