"""URLs, against a real S3 server: a process of its own that listens on loopback."""

import csv
import io
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.exceptions import UsageError
from pipeline.storage import local_folder, place

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """The environment in which s3:// leads to the server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield {
            **os.environ,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing", "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip
    finally:
        running.terminate()
        running.wait()


def run(code: str, environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)


GOODPARTS = "import sys; from pipeline import cli; sys.exit(cli.main(sys.argv[1:]))"

UPLOAD = """
import sys
from pathlib import Path
import s3fs
store = s3fs.S3FileSystem()
store.mkdir(sys.argv[2])
store.put(sys.argv[1], sys.argv[2] + "/today", recursive=True)
"""

SHOW = "import sys, s3fs; sys.stdout.buffer.write(s3fs.S3FileSystem().cat(sys.argv[1]))"

LIST = "import sys, s3fs; print(*s3fs.S3FileSystem().find(sys.argv[1]))"


def comparable(text: str) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k != "ms"} for row in csv.DictReader(io.StringIO(text))]


def test_images_and_results_in_a_bucket_give_the_rows_of_a_local_run(
    server: dict[str, str], model: Path, dataset: Path, tmp_path: Path
) -> None:
    assert run(UPLOAD, server, dataset / "test", "line4").returncode == 0
    command = ["inspect", str(model), "s3://line4/today", "--out", "s3://line4/results", "--overlays", "all"]
    done = run(GOODPARTS, server, *command)
    assert done.returncode == 0, done.stderr
    local = run(GOODPARTS, server, "inspect", model, dataset / "test", "--out", tmp_path / "out")
    assert local.returncode == 0, local.stderr
    rows = comparable(run(SHOW, server, "line4/results/results.csv").stdout)
    assert len(rows) == 10
    assert rows == comparable((tmp_path / "out" / "results.csv").read_text())
    files = run(LIST, server, "line4/results").stdout.split()
    assert {"line4/results/index.html", "line4/results/results.parquet"} <= set(files)
    assert sum(name.endswith(".jpg") for name in files) == 10
    before = run(SHOW, server, "line4/results/results.csv").stdout
    assert run(GOODPARTS, server, *command).returncode == 0
    assert run(SHOW, server, "line4/results/results.csv").stdout == before  # continued: nothing was left to do


def test_an_audit_reads_a_bucket(server: dict[str, str], dataset: Path, tmp_path: Path) -> None:
    assert run(UPLOAD, server, dataset / "train" / "good", "good").returncode == 0
    done = run(GOODPARTS, server, "audit", "s3://good/today", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "24 images: 0 unreadable" in done.stdout


NOWHERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
NOBODY = {"AWS_ACCESS_KEY_ID": "", "AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


@pytest.mark.parametrize(
    ("command", "change", "reason"),
    [
        ("inspect", NOBODY, "Unable to locate credentials; check the URL, the credentials and the network"),
        ("audit", NOBODY, "Unable to locate credentials"),
        ("train", NOBODY, "Unable to locate credentials"),
        ("inspect --out", NOBODY, "Unable to locate credentials"),
        ("inspect --out", NOWHERE, "Could not connect to the endpoint URL"),
        ("inspect --out", {}, "The specified bucket does not exist"),
        ("inspect", {}, "no such folder; give a folder of images"),
    ],
)
def test_a_store_that_refuses_is_one_line_before_any_work(
    server: dict[str, str],
    model: Path,
    dataset: Path,
    tmp_path: Path,
    command: str,
    change: dict[str, str],
    reason: str,
) -> None:
    there, out = "s3://nowhere/today", tmp_path / "out"
    arguments: dict[str, tuple[str | Path, ...]] = {
        "inspect": ("inspect", model, there, "--out", out),
        "inspect --out": ("inspect", model, dataset / "test", "--out", there),
        "audit": ("audit", there, "--out", out),
        "train": ("train", there, "--out", out),
    }
    environment = {name: value for name, value in {**server, **change}.items() if value}
    done = run(GOODPARTS, environment, *arguments[command])
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"goodparts: {there}: {reason}")
    assert not done.stdout
    assert not out.exists()


def test_a_store_that_is_gone_at_the_end_leaves_the_results_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("Access Denied")

    def inspect() -> None:
        with local_folder(out) as folder:
            (folder / "results.csv").write_text("some rows")
            monkeypatch.setattr(type(out), "write_bytes", refuse)

    out = place("memory://plant/gone")
    with pytest.raises(UsageError, match=r"Access Denied.*the files are kept in ") as refused:
        inspect()
    kept = Path(str(refused.value).rsplit(" ", 1)[1])
    assert (kept / "results.csv").read_text() == "some rows"
    shutil.rmtree(kept)


def test_results_arrive_even_where_the_run_ends_early() -> None:
    def interrupted() -> None:
        with local_folder(out) as folder:
            (folder / "results.csv").write_text("some rows")
            raise KeyboardInterrupt

    out = place("memory://plant/out")
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (out / "results.csv").read_text() == "some rows"
    with local_folder(out) as folder:
        assert (folder / "results.csv").read_text() == "some rows"


def test_a_local_path_is_used_as_it_is(tmp_path: Path) -> None:
    with local_folder(place(str(tmp_path))) as folder:
        assert folder == tmp_path


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(UsageError, match=r'pip install "goodparts\[gcs\]"'):
        place("gs://bucket/images")
