"""Fitting the networks: the losses, the loop, and checkpoints that make a resumed run end like an undisturbed one."""

import io
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.batches import Batch, make_batch, to_tensor
from models.detector import Detector, Reconstruction
from models.distributed import Report, Start, Team, average, average_gradients, together
from models.frames import Frames
from models.segmenter import PATCH
from pipeline.config import TrainingConfig
from pipeline.exceptions import TrainingError
from pipeline.images import write_bytes

PAINT_WEIGHT = 2.0
"""Weight of the painted image's error beside that of the features."""

SEGMENT_WEIGHT = 4.0
"""Weight of the segmentation head's error; it moves the head alone."""

CHUNK = 2
"""Images the frozen backbone takes at a time on a CPU: larger tensors fall out of its cache and cost twice the time."""

DRAWERS = 8
"""Threads at the most that make batches for one GPU; each holds one ready, of some 30 MB."""

CHECKPOINT_SECONDS = 15.0

logger = logging.getLogger(__name__)

Part = nn.Module | torch.optim.Optimizer | torch.optim.lr_scheduler.LRScheduler


def fit(
    detector: Detector,
    frames: Frames,
    config: TrainingConfig,
    *,
    checkpoint: Path,
    report: Report,
    devices: tuple[str, ...] = ("cpu",),
    elsewhere: Start | None = None,
) -> None:
    """Train the autoencoder and the segmentation head of `detector` in place.

    Args:
        detector: with its feature standardisation already set.
        frames: of good parts.
        config: steps, batch size, learning rate and seed.
        checkpoint: file that the state is kept in; continued from where it exists. Where it cannot be written, a
            warning is logged and the training goes on: it could only not be resumed from there.
        report: called after every step with the number of steps done and the smoothed loss.
        devices: that share each batch evenly, a process each.
        elsewhere: starts the processes on other machines, instead; they share the folders of frames and checkpoint.

    Raises:
        TrainingError: what was learned elsewhere did not arrive.
    """
    work = partial(_learn, detector, frames, config, checkpoint)
    if elsewhere:
        elsewhere(work, report)
        devices, report = ("cpu",), partial(_not_arrived, checkpoint)  # all that is left is to read the last checkpoint
    together(devices, work, report)
    detector.to("cpu")


def _not_arrived(checkpoint: Path, *_: float) -> None:
    raise TrainingError(
        f"{checkpoint}: not what the workers have learned; make room where that is, then the same command with "
        "--resume continues"
    )


def _learn(
    detector: Detector, frames: Frames, config: TrainingConfig, checkpoint: Path, team: Team, report: Report
) -> None:
    detector.to(team.device)
    learning = nn.ModuleDict({"autoencoder": detector.autoencoder, "segmenter": detector.segmenter})
    optimiser, schedule = one_cycle(learning, config.learning_rate, config.steps)
    state = _Checkpoint(checkpoint, networks=learning, optimiser=optimiser, schedule=schedule)
    loop = state.restore() if checkpoint.exists() else {"step": 0, "loss": 0.0}
    learning.train()
    for step, batch in _batches(frames, config, int(loop["step"]), team):
        loss = _step(detector, batch.to(team.device), optimiser, team)
        schedule.step()
        loop = {"step": step + 1, "loss": loss if step == 0 else 0.95 * loop["loss"] + 0.05 * loss}
        report(step + 1, loop["loss"])
        if team.leads and state.age > CHECKPOINT_SECONDS:
            state.save(loop)
    if team.leads:
        state.save(loop)
    learning.eval()


@torch.no_grad()
def standardise_features(detector: Detector, frames: Frames) -> None:
    """Set mean and scale of each feature channel from some frames of good parts."""
    found = [detector.backbone(to_tensor(frames.image(index)[None])) for index in range(len(frames))]
    for level in range(len(found[0])):
        together = torch.cat([maps[level] for maps in found])
        detector.get_buffer(f"feature_mean_{level}").copy_(together.mean((0, 2, 3), keepdim=True))
        detector.get_buffer(f"feature_scale_{level}").copy_(1 / (together.std((0, 2, 3), keepdim=True) + 1e-4))


@torch.no_grad()
def features_of(network: Callable[[Tensor], list[Tensor]], images: Tensor) -> list[Tensor]:
    """Run a frozen network over a batch, on a CPU in chunks that fit its cache."""
    found = [network(chunk) for chunk in images.split(CHUNK if images.device.type == "cpu" else len(images))]
    return [torch.cat(level) for level in zip(*found, strict=True)]


def _batches(frames: Frames, config: TrainingConfig, start: int, team: Team) -> Iterator[tuple[int, Batch]]:
    """This process's share of the batches from step `start` on; the next are made while the last is learned from."""
    share, ahead = len(team.devices), _drawers(team)

    def draw(step: int) -> Batch:
        number = step * share + team.rank
        return make_batch(frames, size=config.batch_size // share, seed=config.seed, step=number)

    with ThreadPoolExecutor(ahead) as pool:
        coming = deque(pool.submit(draw, step) for step in range(start, min(start + ahead, config.steps)))
        for step in range(start, config.steps):
            batch = coming.popleft().result()
            if step + ahead < config.steps:
                coming.append(pool.submit(draw, step + ahead))
            yield step, batch


def _drawers(team: Team) -> int:
    """Threads that make batches: one beside a CPU that learns; for a GPU, which learns faster, the cores it has."""
    if team.device.type == "cpu":
        return 1
    return min(DRAWERS, max(1, (os.cpu_count() or 1) // len(team.devices)))


def _step(detector: Detector, batch: Batch, optimiser: torch.optim.Optimizer, team: Team) -> float:
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    with team.precision():
        loss = _loss(detector, batch)
    optimiser.zero_grad()
    loss.backward()
    average_gradients(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()
    return average(loss).item()


def _loss(detector: Detector, batch: Batch) -> Tensor:
    wanted = features_of(detector.features, batch.clean)
    features = features_of(detector.features, batch.corrupted)
    expected, painted = detector.autoencoder(features)
    seen = Reconstruction(features, expected, batch.corrupted, painted)
    return _reconstruction_loss(seen, wanted, batch) + SEGMENT_WEIGHT * _segmentation_loss(detector, seen, batch)


def _reconstruction_loss(seen: Reconstruction, wanted: list[Tensor], batch: Batch) -> Tensor:
    loss = PAINT_WEIGHT * _mean_where(batch.kept, (seen.painted - batch.clean).abs())
    for found, target in zip(seen.expected, wanted, strict=True):
        kept = F.adaptive_avg_pool2d(batch.kept, (found.shape[-2], found.shape[-1]))
        loss = loss + _mean_where(kept, (found - target).square())
    return loss


def one_cycle(
    network: nn.Module, rate: float, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), its rate up to `rate` and down again over all steps."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
    rise = 0.1 if steps * 0.1 != 1 else 0.11  # torch divides by the steps of the rise, less one
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=rise)


def _segmentation_loss(detector: Detector, seen: Reconstruction, batch: Batch) -> Tensor:
    still = Reconstruction(seen.features, [e.detach() for e in seen.expected], seen.image, seen.painted.detach())
    return fault_loss(detector.segment(still, batch.kept), batch.changed, batch.kept, PATCH)


def fault_loss(logits: Tensor, changed: Tensor, kept: Tensor, stride: int) -> Tensor:
    """Focal cross-entropy (Lin et al. 2017, arXiv:1708.02002): nearly all positions are easy, and good.

    Args:
        logits: (N, 1, H / stride, W / stride), of a fault.
        changed: (N, 1, H, W), 1 where a fault was put, else 0.
        kept: (N, 1, H, W), 1 where it counts, else 0.
        stride: pixels along a side of a position.
    """
    wanted = F.max_pool2d(changed, stride)
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return _mean_where(F.avg_pool2d(kept, stride), (1 - torch.exp(-entropy)) * entropy)


def _mean_where(kept: Tensor, error: Tensor) -> Tensor:
    return (error.mean(1, keepdim=True) * kept).sum() / average(kept.sum()).clamp(min=1)


class _Checkpoint:
    """The state of the loop in a file: the old one or the new one, whole, whatever happens."""

    def __init__(self, path: Path, **parts: Part) -> None:
        self._path, self._parts = path, parts
        self._tried, self._warned = time.monotonic(), False

    @property
    def age(self) -> float:
        """Seconds since the state was last saved, or could not be."""
        return time.monotonic() - self._tried

    def save(self, loop: dict[str, float]) -> None:
        data = io.BytesIO()  # torch's own writer tells a full disk from other faults by its words alone
        torch.save({"loop": loop, **{name: part.state_dict() for name, part in self._parts.items()}}, data)
        try:
            write_bytes(self._path, data.getvalue())
        except OSError as error:
            self._warn(f"{self._path}: cannot be written ({error.strerror}); the training goes on without")
        self._tried = time.monotonic()

    def restore(self) -> dict[str, float]:
        state = torch.load(self._path, map_location="cpu", weights_only=True)
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        loop: dict[str, float] = state["loop"]
        return loop

    def _warn(self, message: str) -> None:
        if not self._warned:  # once: it is tried again every few seconds
            logger.warning(message)
        self._warned = True
