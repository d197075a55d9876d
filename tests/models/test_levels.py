import torch

from models.levels import BESIDE, greys_kept, tints_kept
from pipeline.framing import PRINT, UNCOMPARED


def test_print_keeps_its_own_pixels_from_the_averages_of_grey_alone_and_what_is_burnt_out_also_what_lies_beside() -> (
    None
):
    ignored = torch.zeros(1, 1, 48, 64, dtype=torch.uint8)
    ignored[..., 8:16, 8:16], ignored[..., 30, 40] = PRINT, UNCOMPARED
    grey, tint = greys_kept(ignored), tints_kept(ignored)
    assert (tint == 0).nonzero()[:, 2:].aminmax(dim=0).min.tolist() == [30 - BESIDE // 2, 40 - BESIDE // 2]
    assert (tint == 0).sum() == BESIDE**2
    assert (grey == 0).sum() == BESIDE**2 + 8 * 8
    assert grey[..., 7, 7] == 1
