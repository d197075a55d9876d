"""What good parts show: how differences vary, and what residuals and evidence they leave."""

from dataclasses import replace
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.batches import to_tensor
from models.detector import Detector
from models.directions import Advance, distance_passes, learn_distance
from models.disturbance import looks
from models.frames import Frames
from models.hairlines import hurt
from models.levels import LEVELS, pixels_kept
from models.normalisation import learn_normal
from pipeline.framing import Frame
from pipeline.groups import Groups


@torch.no_grad()
def learn_statistics(
    detector: Detector, learned: Frames, held: Frames, advance: Advance, *, groups: Groups | None = None
) -> NDArray[np.float64]:
    """Set all normalisation of `detector` from held-back good parts.

    The images are split in two halves. Each is scored with the statistics of the other, so that the scores are those
    of unseen parts; the detector then keeps the statistics of both.

    Args:
        detector: trained.
        learned: frames of good parts that were trained on; how differences vary comes from them.
        held: frames of good parts that were not trained on.
        advance: told of every image done, as often as `passes` says.
        groups: (N,) numbers of the groups of the frames, which the halves keep together; None if all are independent.

    Returns:
        (N,) scores of the held-back parts.
    """
    learn_distance(detector, learned, advance)
    residuals, whole = _all_residuals(detector, held, advance)
    hairlines = _hairlines(detector, held, advance)
    ignored = torch.from_numpy(np.stack([held.ignored(index) for index in range(len(held))]))[:, None]
    groups = np.arange(len(held)) if groups is None else groups
    return learn_normal(detector.scoring, residuals, whole, hairlines, ignored, groups)


def passes(learned: int, held: int) -> int:
    """How many images `learn_statistics` goes through for so many frames."""
    return distance_passes(learned) + held * len(looks(held)) + held


def _all_residuals(detector: Detector, held: Frames, advance: Advance) -> tuple[list[Tensor], Tensor]:
    found: list[list[Tensor]] = [[] for _ in LEVELS]
    wholes = []
    for look, index in product(looks(len(held)), range(len(held))):
        frame = look(held[index], index)
        ignored, detail = (torch.from_numpy(pixels[None, None]) for pixels in (frame.ignored, frame.detail))
        seen = detector.reconstruct(to_tensor(frame.image[None]))
        residuals, whole = detector.residuals(seen, ignored, detail)
        wholes.append(whole)
        for level, residual in zip(found, residuals, strict=True):
            level.append(residual)
        advance()
    return [torch.cat(level) for level in found], torch.cat(wholes)


def _hairlines(detector: Detector, held: Frames, advance: Advance) -> Tensor:
    """(N, 1, h, w) raw residuals of the detail, of held-back parts with synthetic hairlines on them."""
    found = []
    for index in range(len(held)):
        frame = scratched(held[index], index)
        ignored, detail = (torch.from_numpy(pixels[None, None]) for pixels in (frame.ignored, frame.detail))
        variant = detector.variant(to_tensor(frame.image[None]))
        found.append(detector.detail(detector.detail.deviations(detail.float(), pixels_kept(ignored), variant)))
        advance()
    return torch.cat(found)


def scratched(frame: Frame, number: int) -> Frame:
    """The frame of this number with synthetic hairlines in its detail."""
    return replace(frame, detail=hurt(frame.detail, np.random.default_rng(number))[0])
