"""What good parts show: how differences vary, and what residuals and evidence they leave."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.averages import LESSONS, Seen
from models.batches import to_tensor
from models.detail_learning import KNOWN_IMAGES
from models.detector import Detector
from models.directions import Advance, distance_passes, learn_distance
from models.disturbance import looks
from models.evidence import Residuals
from models.frames import Frames
from models.hairlines import hurt
from models.normalisation import learn_normal
from models.texture_learning import learn_texture, texture_passes
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
        learned: frames of good parts that were trained on; how differences and textures vary comes from them.
        held: frames of good parts that were not trained on.
        advance: told of every image done, as often as `passes` says.
        groups: (N,) numbers of the groups of the frames, which the halves keep together; None if all are independent.

    Returns:
        (N,) scores of the held-back parts.
    """
    learn_distance(detector, learned, advance)
    learn_texture(detector, learned, advance)
    _learn_averages(detector, learned, advance)
    residuals = _all_residuals(detector, held, advance)
    hairlines = _hairlines(detector, held, advance)
    ignored = torch.from_numpy(np.stack([held.ignored(index) for index in range(len(held))]))[:, None]
    groups = np.arange(len(held)) if groups is None else groups
    return learn_normal(detector.scoring, residuals, hairlines, ignored, groups)


def _learn_averages(detector: Detector, learned: Frames, advance: Advance) -> None:
    """From parts as they were taken: blur and grain would drown faults."""

    def parts() -> Iterator[Seen]:
        for index in range(min(len(learned), KNOWN_IMAGES)):
            yield _seen(detector, learned[index])
            advance()

    detector.averages.learn(parts)


def passes(learned: int, held: int) -> int:
    """How many images `learn_statistics` goes through for so many frames."""
    first = distance_passes(learned) + texture_passes(learned)
    return first + LESSONS * min(learned, KNOWN_IMAGES) + held * len(looks(held)) + held


def _all_residuals(detector: Detector, held: Frames, advance: Advance) -> Residuals:
    found = []
    for look, index in product(looks(len(held)), range(len(held))):
        frame = look(held[index], index)
        seen = detector.reconstruct(to_tensor(frame.image[None]))
        found.append(detector.residuals(seen, *_planes(frame)))
        advance()
    return Residuals.together(found)


def _hairlines(detector: Detector, held: Frames, advance: Advance) -> Tensor:
    """(N, 1, h, w) raw residuals of the detail, of held-back parts with synthetic hairlines on them."""
    found = []
    for index in range(len(held)):
        found.append(detector.detail(_seen(detector, scratched(held[index], index)).off))
        advance()
    return torch.cat(found)


def _seen(detector: Detector, frame: Frame) -> Seen:
    return detector.shown(to_tensor(frame.image[None]), *_planes(frame))


def _planes(frame: Frame) -> tuple[Tensor, Tensor]:
    """What is ignored, (1, 1, h, w), and the detail, (1, 1, 2 h, 2 w), uint8."""
    return torch.from_numpy(frame.ignored[None, None]), torch.from_numpy(frame.detail[None, None])


def scratched(frame: Frame, number: int) -> Frame:
    """The frame of this number with synthetic hairlines in its detail."""
    return replace(frame, detail=hurt(frame.detail, np.random.default_rng(number))[0])
