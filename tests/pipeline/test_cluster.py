"""Ray, in processes of its own: two workers at the most, and few images."""

import csv
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


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r'pip install "goodparts\[cluster\]"'):
        connect("local")


def test_an_address_where_nothing_answers_is_one_line(model: Path, dataset: Path, tmp_path: Path) -> None:
    run = on_ray(
        "import sys; from pipeline import cli; sys.exit(cli.main(sys.argv[1:]))",
        "inspect", model, dataset / "test", "--out", tmp_path / "out", "--engine", "ray", "--address", "no such place",
    )  # fmt: skip
    assert run.returncode == 2
    assert "--address no such place" in run.stderr
    assert "Traceback" not in run.stderr
