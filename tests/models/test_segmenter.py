import torch
from torch.nn import functional as F

from models.backbone import CHANNELS, STRIDES
from models.segmenter import Segmenter
from tests.models.conftest import SIZE

WIDTH, HEIGHT = SIZE


def differences(count: int) -> list[torch.Tensor]:
    shapes = [(count, channels, HEIGHT // s, WIDTH // s) for channels, s in zip(CHANNELS, STRIDES, strict=True)]
    return [torch.zeros(shape) for shape in shapes]


def learned() -> Segmenter:
    """Taught in a few steps that a difference at stride 4, at one place at a time, is a fault."""
    torch.manual_seed(0)
    head = Segmenter(SIZE, width=8)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.02)
    for _ in range(60):
        seen, unpainted = differences(4), torch.zeros(4, 3, HEIGHT, WIDTH)
        wanted = torch.zeros(4, 1, HEIGHT // 4, WIDTH // 4)
        for number, row, column in zip(range(4), torch.randint(16, (4,)), torch.randint(24, (4,)), strict=True):
            seen[0][number, :, row, column] = 3.0
            wanted[number, 0, row, column] = 1.0
        loss = F.binary_cross_entropy_with_logits(head(seen, unpainted), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return head.eval()


def test_one_logit_for_each_patch_and_faults_are_rare() -> None:
    logits = Segmenter(SIZE, width=8)(differences(2), torch.zeros(2, 3, HEIGHT, WIDTH))
    assert logits.shape == (2, 1, HEIGHT // 4, WIDTH // 4)
    assert (logits < 0).all()


def test_what_was_taught_as_a_fault_stands_out_where_it_is() -> None:
    head, seen = learned(), differences(1)
    seen[0][0, :, 5, 17] = 3.0
    with torch.no_grad():
        logits = head(seen, torch.zeros(1, 3, HEIGHT, WIDTH))[0, 0]
    assert divmod(int(logits.argmax()), WIDTH // 4) == (5, 17)
    assert logits.max() > logits.median() + 2


@torch.no_grad()
def test_pixels_alone_are_seen_too() -> None:
    head, pixels = Segmenter(SIZE, width=8).eval(), torch.zeros(1, 3, HEIGHT, WIDTH)
    still = head(differences(1), pixels)
    pixels[..., 20:22, 40:60] = 0.5
    changed = (head(differences(1), pixels) - still).abs()[0, 0]
    assert changed[5, 10:15].min() > 0
