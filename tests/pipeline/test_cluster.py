"""Ray, in processes of its own: two workers at the most, and few images."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.cluster import connect
from pipeline.exceptions import UsageError

ROOT = Path(__file__).parents[2]

DIES_ONCE = """
import os, signal, sys
from pathlib import Path
import pipeline.cluster
from pipeline import cli

marker = Path(sys.argv.pop(1))

class DiesOnce(pipeline.cluster.Worker):
    def __call__(self, batch):
        done = super().__call__(batch)
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return done
        os.kill(os.getpid(), signal.SIGKILL)

pipeline.cluster.Worker = DiesOnce
sys.exit(cli.main(sys.argv[1:]))
"""

NODE_DIES = """
import sys, threading, time
from pathlib import Path
import ray
from ray.cluster_utils import Cluster
from pipeline import cli

results = Path(sys.argv[sys.argv.index("--out") + 1]) / "results.csv"
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
doomed = cluster.add_node(num_cpus=1)

def kill():
    while not results.exists() or results.read_text().count("\\n") < 2:
        time.sleep(0.02)
    cluster.remove_node(doomed, allow_graceful=False)
    print("killed at", results.read_text().count("\\n"), file=sys.stderr, flush=True)

killer = threading.Thread(target=kill, daemon=True)
killer.start()
code = cli.main([*sys.argv[1:], "--address", cluster.address])
killer.join()
ray.shutdown()  # before its nodes, or their end is taken for a fault of this process
cluster.shutdown()
sys.exit(code)
"""

CUT_OFF = """
import sys
import pipeline.cluster
import pipeline.run
from pipeline import cli

class CutOff(pipeline.cluster.Worker):
    def __call__(self, batch):
        from pipeline.exceptions import UsageError

        def refuse(*_):
            raise UsageError("s3://line4/today: Unable to locate credentials")

        pipeline.run.inspect_image = refuse
        return super().__call__(batch)

pipeline.cluster.Worker = CutOff
sys.exit(cli.main(sys.argv[1:]))
"""


def rows_of(out: Path) -> list[dict[str, str]]:
    """All columns but the time that an image took."""
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        return [{name: value for name, value in row.items() if name != "ms"} for row in csv.DictReader(file)]


def files_of(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.suffix in {".jpg", ".png"}
    }


def on_ray(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


MAIN = "import sys; from pipeline import cli; sys.exit(cli.main(sys.argv[1:]))"


def test_an_audit_on_ray_finds_what_a_plain_one_finds(dataset: Path, tmp_path: Path) -> None:
    good = tmp_path / "good"
    shutil.copytree(dataset / "train" / "good", good)
    shutil.copy(good / "003.png", good / "copy.png")
    (good / "empty.png").touch()
    assert cli.main(["audit", str(good), "--out", str(tmp_path / "plain")]) == 1
    run = on_ray(MAIN, "audit", good, "--out", tmp_path / "ray", "--engine", "ray", "--jobs", "2")
    assert run.returncode == 1, run.stderr
    assert "the same file as 003.png" in (tmp_path / "ray" / "audit.csv").read_text()
    for name in ("audit.csv", "groups.csv", "index.html"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes(), name


def test_a_run_on_ray_whose_worker_is_killed_has_the_rows_and_pictures_of_a_plain_run(
    model: Path, dataset: Path, tmp_path: Path
) -> None:
    (dataset / "test" / "empty.png").touch()
    try:
        command = ["inspect", str(model), str(dataset / "test"), "--masks", "--out"]
        assert cli.main([*command, str(tmp_path / "plain")]) == 1
        run = on_ray(DIES_ONCE, tmp_path / "died", *command, tmp_path / "ray", "--engine", "ray", "--jobs", "2")
    finally:
        (dataset / "test" / "empty.png").unlink()
    assert run.returncode == 1, run.stderr
    assert (tmp_path / "died").exists()
    assert rows_of(tmp_path / "ray") == rows_of(tmp_path / "plain")
    assert len(rows_of(tmp_path / "ray")) == 11
    assert files_of(tmp_path / "ray") == files_of(tmp_path / "plain")


def test_a_run_on_a_cluster_one_of_whose_two_nodes_dies_has_the_rows_of_a_plain_run(
    model: Path, dataset: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in range(96):
        shutil.copy(dataset / "test" / "good" / f"{100 + number % 6}.png", images / f"{number:03}.png")
    assert cli.main(["inspect", str(model), str(images), "--out", str(tmp_path / "plain")]) == 0
    run = on_ray(
        NODE_DIES, "inspect", model, images, "--out", tmp_path / "ray", "--engine", "ray", "--jobs", "2"
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert int(run.stderr.split("killed at ")[1].split()[0]) < 96
    assert rows_of(tmp_path / "ray") == rows_of(tmp_path / "plain")


def test_a_worker_that_cannot_reach_the_images_ends_the_run_with_one_line(
    model: Path, dataset: Path, tmp_path: Path
) -> None:
    run = on_ray(CUT_OFF, "inspect", model, dataset / "test", "--out", tmp_path / "ray", "--engine", "ray")
    assert run.returncode == 2
    assert "goodparts: on a worker: s3://line4/today: Unable to locate credentials\n" in run.stderr
    assert "Traceback" not in run.stderr
    assert rows_of(tmp_path / "ray") == []


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r'pip install "goodparts\[cluster\]"'):
        connect("local")


def test_an_address_where_nothing_answers_is_one_line(model: Path, dataset: Path, tmp_path: Path) -> None:
    run = on_ray(
        MAIN, "inspect", model, dataset / "test", "--out", tmp_path / "out",
        "--engine", "ray", "--address", "no such place",
    )  # fmt: skip
    assert run.returncode == 2
    assert "--address no such place" in run.stderr
    assert "Traceback" not in run.stderr
