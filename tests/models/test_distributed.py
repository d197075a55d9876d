"""Two processes on the CPU, by gloo."""

from dataclasses import fields
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import models.fitting
from models.batches import Batch, make_batch
from models.detector import Detector
from models.distributed import Report, Team, average_gradients, parse_devices, together
from models.fitting import fit
from models.frames import Frames
from models.training import train
from pipeline.bundle import load_bundle
from pipeline.config import Config, TrainingConfig, load_config
from pipeline.exceptions import ConfigError, UsageError
from pipeline.inspector import Inspector
from tests.models.conftest import make_detector

TWO = ("cpu", "cpu")
CONFIG = TrainingConfig(steps=24, batch_size=4, learning_rate=2e-3)


def learning(detector: Detector) -> nn.ModuleDict:
    return nn.ModuleDict({"autoencoder": detector.autoencoder, "segmenter": detector.segmenter}).train()


def take_gradients(detector: Detector, halves: list[Batch], into: dict[str, Tensor], team: Team, _: Report) -> None:
    """What one process does; `into` is seen by the first alone."""
    networks = learning(detector)
    models.fitting._loss(detector, halves[team.rank]).backward()
    average_gradients(networks.parameters())
    into.update({name: parameter.grad for name, parameter in networks.named_parameters() if parameter.grad is not None})
    into.update(dict(networks.named_buffers()))


def joined(halves: list[Batch]) -> Batch:
    return Batch(*(torch.cat([getattr(half, field.name) for half in halves]) for field in fields(Batch)))


def test_gradients_and_normalisation_are_those_of_one_process_with_all_images(frames: Frames) -> None:
    halves = [make_batch(frames, size=2, seed=0, step=number) for number in (0, 1)]
    halves[1].kept[:, :, :, :40] = 0  # the halves do not weigh alike
    alone: dict[str, Tensor] = {}
    both: dict[str, Tensor] = {}
    take_gradients(make_detector(frames), [joined(halves)], alone, Team(("cpu",)), lambda *_: None)
    together(TWO, partial(take_gradients, make_detector(frames), halves, both), lambda *_: None)
    assert alone.keys() == both.keys()
    for name, wanted in alone.items():
        if wanted.dtype is torch.float32:
            scale = float(wanted.abs().max()) + 1e-6
            torch.testing.assert_close(both[name] / scale, wanted / scale, atol=2e-4, rtol=0, msg=name)


class KilledError(Exception):
    """Stands for a kill of the process that leads."""


def fitted(frames: Frames, checkpoint: Path, *, kill_at: int = 0) -> tuple[Detector, list[float]]:
    losses: list[float] = []

    def report(step: int, loss: float) -> None:
        losses.append(loss)
        if step == kill_at:
            raise KilledError

    detector = make_detector(frames)
    fit(detector, frames, CONFIG, checkpoint=checkpoint, report=report, devices=TWO)
    return detector, losses


def test_two_processes_learn_and_a_resumed_run_ends_like_an_undisturbed_one(
    frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.fitting, "CHECKPOINT_SECONDS", 0)
    undisturbed, losses = fitted(frames, tmp_path / "undisturbed.pt")
    assert len(losses) == CONFIG.steps
    assert losses[-1] < 0.95 * losses[0]
    with pytest.raises(KilledError):
        fitted(frames, tmp_path / "checkpoint.pt", kill_at=5)
    resumed, left = fitted(frames, tmp_path / "checkpoint.pt")
    assert len(left) == CONFIG.steps - 4
    for name, weight in undisturbed.autoencoder.state_dict().items():
        assert torch.equal(weight, resumed.autoencoder.state_dict()[name]), name


def test_what_two_processes_train_inspects(dataset: Path, tiny_config: Path, tmp_path: Path) -> None:
    train(dataset, tmp_path / "model", load_config(tiny_config), devices=TWO)
    assert load_bundle(tmp_path / "model").calibration.good_parts == 6
    inspection = Inspector.load(tmp_path / "model").inspect_file(dataset / "test" / "good" / "100.png")
    assert inspection.score is not None


def test_a_batch_that_cannot_be_shared_is_one_line_before_any_work(tmp_path: Path) -> None:
    config = Config(training=CONFIG.model_copy(update={"batch_size": 3}))
    with pytest.raises(ConfigError, match="3 images cannot be shared by 2 devices"):
        train(tmp_path, tmp_path / "model", config, devices=TWO)


@pytest.mark.parametrize(
    ("words", "devices"),
    [
        ("1", ("cpu",)),
        ("3", ("cpu",) * 3),
        ("cuda", ("cuda:0",)),
        ("cuda:1", ("cuda:1",)),
        ("cuda:0,1", ("cuda:0", "cuda:1")),
    ],
)
def test_devices_are_read(words: str, devices: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert parse_devices(words) == devices


@pytest.mark.parametrize("words", ["0", "-1", "gpu", "cuda:2", "cuda:x", "cuda:0,0", ""])
def test_devices_that_are_not_there_are_one_line(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UsageError, match=f"--devices {words}"):
        parse_devices(words)
