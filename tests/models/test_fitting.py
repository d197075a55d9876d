import errno
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import models.fitting
from models.batches import to_tensor
from models.detector import Detector
from models.distributed import Team
from models.fitting import features_of, fit, one_cycle
from models.frames import Frames
from pipeline.config import TrainingConfig
from tests.models.conftest import make_detector

CONFIG = TrainingConfig(steps=8, batch_size=2, learning_rate=2e-3)


class KilledError(Exception):
    """Stands for a kill: nothing may be tidied up after it."""


def fitted(frames: Frames, checkpoint: Path, config: TrainingConfig = CONFIG, *, kill_at: int = 0) -> Detector:
    """A new detector, fitted; raises KilledError in step `kill_at`."""

    def report(step: int, _: float) -> None:
        if step == kill_at:
            raise KilledError

    detector = make_detector(frames)
    fit(detector, frames, config, checkpoint=checkpoint, report=report)
    return detector


def weights(detector: Detector) -> dict[str, Tensor]:
    return detector.autoencoder.state_dict()


@pytest.fixture(scope="module")
def undisturbed(frames: Frames, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return fitted(frames, tmp_path_factory.mktemp("fit") / "checkpoint.pt")


@pytest.mark.parametrize("kill_at", [1, 2, 5, 8])
def test_a_resumed_run_ends_bit_for_bit_like_an_undisturbed_one(
    frames: Frames, undisturbed: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_at: int
) -> None:
    monkeypatch.setattr(models.fitting, "CHECKPOINT_SECONDS", 0)
    with pytest.raises(KilledError):
        fitted(frames, tmp_path / "checkpoint.pt", kill_at=kill_at)
    resumed = fitted(frames, tmp_path / "checkpoint.pt")
    for name, weight in weights(undisturbed).items():
        assert torch.equal(weight, weights(resumed)[name]), name


def test_a_resumed_run_does_only_what_is_left(frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.fitting, "CHECKPOINT_SECONDS", 0)
    with pytest.raises(KilledError):
        fitted(frames, tmp_path / "checkpoint.pt", kill_at=4)
    steps: list[int] = []
    fit(
        make_detector(frames), frames, CONFIG,
        checkpoint=tmp_path / "checkpoint.pt", report=lambda step, _: steps.append(step),
    )  # fmt: skip
    assert steps == [4, 5, 6, 7, 8]  # step 4 was done, but killed before it was saved
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_full_disk_costs_checkpoints_but_neither_the_training_nor_the_last_whole_one(
    frames: Frames,
    undisturbed: Detector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(models.fitting, "CHECKPOINT_SECONDS", 0)
    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(KilledError):
        fitted(frames, checkpoint, kill_at=4)
    before, write = checkpoint.read_bytes(), Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    resumed = fitted(frames, checkpoint)
    assert all(torch.equal(weight, weights(resumed)[name]) for name, weight in weights(undisturbed).items())
    assert [record.getMessage() for record in caplog.records] == [
        f"{checkpoint}: cannot be written (No space left on device); the training goes on without"
    ]
    assert checkpoint.read_bytes() == before
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_a_finished_run_is_not_done_again(frames: Frames, undisturbed: Detector, tmp_path: Path) -> None:
    fitted(frames, tmp_path / "checkpoint.pt")
    again = fitted(frames, tmp_path / "checkpoint.pt", kill_at=8)
    assert all(torch.equal(weight, weights(again)[name]) for name, weight in weights(undisturbed).items())


def test_another_seed_is_another_network(frames: Frames, undisturbed: Detector, tmp_path: Path) -> None:
    other = fitted(frames, tmp_path / "checkpoint.pt", CONFIG.model_copy(update={"seed": 5}))
    assert not torch.equal(weights(other)["enter.weight"], weights(undisturbed)["enter.weight"])


def test_batches_that_are_made_ahead_by_several_threads_are_the_same(
    frames: Frames, undisturbed: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.fitting, "_drawers", lambda _: 5)
    ahead = fitted(frames, tmp_path / "checkpoint.pt")
    for name, weight in weights(undisturbed).items():
        assert torch.equal(weight, weights(ahead)[name]), name


@pytest.mark.parametrize(
    ("devices", "cores", "threads"), [("cpu", 16, 1), ("cuda", 16, 8), ("cuda", 6, 3), ("cuda", 1, 1)]
)
def test_a_gpu_has_as_many_threads_that_make_batches_as_there_are_cores_for_it(
    monkeypatch: pytest.MonkeyPatch, devices: str, cores: int, threads: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert models.fitting._drawers(Team((f"{devices}:0", f"{devices}:1"))) == threads


def test_the_loss_falls(frames: Frames, tmp_path: Path) -> None:
    losses: list[float] = []
    fit(
        make_detector(frames), frames, TrainingConfig(steps=40, batch_size=4),
        checkpoint=tmp_path / "checkpoint.pt", report=lambda _, loss: losses.append(loss),
    )  # fmt: skip
    assert len(losses) == 40
    assert losses[-1] < 0.9 * losses[0]


def test_only_the_autoencoder_is_trained(frames: Frames, undisturbed: Detector) -> None:
    before = make_detector(frames)
    for name, weight in undisturbed.backbone.state_dict().items():
        assert torch.equal(weight, before.backbone.state_dict()[name])
    assert not torch.equal(weights(before)["enter.weight"], weights(undisturbed)["enter.weight"])
    assert not undisturbed.autoencoder.training


@pytest.mark.parametrize("steps", [9, 10, 11, 20, 600])
def test_the_rate_reaches_its_height_and_falls_whatever_the_number_of_steps(steps: int) -> None:
    optimiser, schedule = one_cycle(torch.nn.Linear(1, 1), 2e-3, steps)
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert max(rates) == pytest.approx(2e-3, rel=0.2)
    assert rates[-1] < 0.1 * max(rates)


@torch.no_grad()
def test_standardised_features_have_mean_0_and_deviation_1(frames: Frames) -> None:
    detector = make_detector(frames)
    images = to_tensor(np.stack([frames.image(index) for index in range(len(frames))]))
    for level in detector.features(images):
        torch.testing.assert_close(level.mean((0, 2, 3)), torch.zeros(level.shape[1]), atol=1e-3, rtol=0)
        torch.testing.assert_close(level.std((0, 2, 3)), torch.ones(level.shape[1]), atol=2e-2, rtol=0)


@torch.no_grad()
def test_chunks_give_what_the_batch_gives(frames: Frames) -> None:
    detector = make_detector(frames)
    images = to_tensor(np.stack([frames.image(index) for index in range(5)]))
    for chunked, whole in zip(features_of(detector.features, images), detector.features(images), strict=True):
        torch.testing.assert_close(chunked, whole, atol=1e-4, rtol=1e-4)
