"""Training on Ray, in processes of its own: two workers at the most, a tiny model."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.fitting import fit
from models.frames import Frames
from models.ray_team import RayTeam
from models.training import train
from pipeline.cluster import marked
from pipeline.config import TrainingConfig, load_config
from pipeline.exceptions import TrainingError, UsageError
from tests.models.conftest import make_detector

ROOT = Path(__file__).parents[2]

DIES_TWICE = """
import os, signal, sys
from pathlib import Path
import models.distributed, models.fitting, models.ray_team, pipeline.cluster
from pipeline import cli

folder = Path(sys.argv.pop(1))

def die_once(name):
    try:
        (folder / name).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)

class DiesOnce(pipeline.cluster.Worker):
    def __call__(self, batch):
        import models.cache

        def write(path, data):
            die_once("preparing")
            real(path, data)

        real, models.cache.write_bytes = models.cache.write_bytes, write
        return super().__call__(batch)

class Work:
    def __init__(self, work):
        self.work = work

    def __call__(self, team, report):
        models.fitting.CHECKPOINT_SECONDS = 0

        def told(step, loss):
            report(step, loss)
            if step == 5:
                die_once("learning")

        self.work(team, told)

class Team(models.ray_team.RayTeam):
    def __call__(self, work, report):
        from ray import cloudpickle

        models.ray_team.pickle = cloudpickle  # this file is not there for the workers
        super().__call__(Work(work), report)

pipeline.cluster.Worker, models.ray_team.RayTeam = DiesOnce, Team
sys.exit(cli.main(sys.argv[1:]))
"""

MAIN = "import sys; from pipeline import cli; sys.exit(cli.main(sys.argv[1:]))"


def on_ray(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments), "--engine", "ray"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_worker_whose_machine_dies_while_preparing_and_while_learning_changes_no_byte(
    dataset: Path, tiny_config: Path, tmp_path: Path
) -> None:
    train(dataset, tmp_path / "plain", load_config(tiny_config), cache=tmp_path / "plain cache")
    run = on_ray(
        DIES_TWICE, tmp_path, "train", dataset, "--config", tiny_config, "--out", tmp_path / "ray",
        "--cache", tmp_path / "ray cache",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "preparing").exists()
    assert (tmp_path / "learning").exists()
    assert contents(tmp_path / "ray cache") == contents(tmp_path / "plain cache")
    assert contents(tmp_path / "ray") == contents(tmp_path / "plain")


def test_two_workers_learn_what_two_processes_of_one_machine_learn(
    dataset: Path, tiny_config: Path, tmp_path: Path
) -> None:
    train(dataset, tmp_path / "plain", load_config(tiny_config), devices=("cpu", "cpu"))
    run = on_ray(MAIN, "train", dataset, "--config", tiny_config, "--out", tmp_path / "ray", "--jobs", "2")
    assert run.returncode == 0, run.stderr
    assert contents(tmp_path / "ray") == contents(tmp_path / "plain")


def test_a_cluster_that_is_too_small_is_one_line_before_any_work(dataset: Path, tmp_path: Path) -> None:
    run = on_ray(MAIN, "train", dataset, "--out", tmp_path / "out", "--jobs", "64")
    assert run.returncode == 2
    assert "goodparts: --jobs 64: the cluster has " in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", ["2", "cuda:0,1", "gpu"])
def test_devices_of_one_machine_are_no_team(words: str) -> None:
    with pytest.raises(UsageError, match=f"--devices {words}: with --engine ray"):
        RayTeam.of(2, words, ())


def test_what_was_learned_elsewhere_and_did_not_arrive_is_not_learned_again_here(
    frames: Frames, tmp_path: Path
) -> None:
    config = TrainingConfig(steps=8, batch_size=4)
    with pytest.raises(TrainingError, match=r"checkpoint\.pt: not what the workers have learned"):
        fit(
            make_detector(frames), frames, config,
            checkpoint=tmp_path / "checkpoint.pt", report=lambda *_: None, elsewhere=lambda *_: None,
        )  # fmt: skip


def test_a_folder_of_the_same_name_on_another_machine_is_refused(tmp_path: Path) -> None:
    with marked([tmp_path]) as check:
        check()
        for mark in tmp_path.iterdir():
            mark.rename(tmp_path / "elsewhere")
        with pytest.raises(UsageError, match="all machines have to share it"):
            check()
        (tmp_path / "elsewhere").rename(mark)
    assert list(tmp_path.iterdir()) == []
