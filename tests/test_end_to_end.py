"""From a folder of good parts to verdicts, through the command line, with everything that may go wrong on the way."""

import csv
import os
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

import models.fitting
from models.batches import Batch, make_batch
from models.frames import Frames
from pipeline.bundle import load_bundle
from pipeline.cli import main
from pipeline.images import Image, read_image, write_image
from pipeline.inspector import Inspection, Inspector
from pipeline.verdict import Verdict

Rows = list[dict[str, str]]

KILLED_WHILE_TRAINING = """
import os, signal, sys
import models.fitting
from pipeline.cli import main

make_batch = models.fitting.make_batch

def killed_in_step_12(frames, *, size, seed, step):
    if step == 12:
        os.kill(os.getpid(), signal.SIGKILL)
    return make_batch(frames, size=size, seed=seed, step=step)

models.fitting.make_batch = killed_in_step_12
models.fitting.CHECKPOINT_SECONDS = 0
sys.exit(main(sys.argv[1:]))
"""

KILLED_WHILE_INSPECTING = """
import os, signal, sys
from pipeline.cli import main
from pipeline.results import ResultsFile

append = ResultsFile.append

def killed_after_4_rows_and_a_half(self, row):
    if len(self.rows) == 4:
        self._file.write('"half a ro')
        self._file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    append(self, row)

ResultsFile.append = killed_after_4_rows_and_a_half
sys.exit(main(sys.argv[1:]))
"""

INSPECTED_WITHOUT_TORCH = """
import sys
from pipeline.cli import main

code = main(sys.argv[1:])
training = {"torch", "torchvision", "timm", "segmentation_models_pytorch", "models", "scipy", "pytesseract"}
print("imported:", *training & set(sys.modules))
sys.exit(code)
"""


def python(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[1])


def rows_of(out: Path) -> Rows:
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def test_from_a_folder_of_images_to_a_row_for_each(model: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["inspect", str(model), str(dataset / "test"), "--out", str(out), "--masks"]) == 0
    rows = rows_of(out)
    assert [row["image"] for row in rows] == names_in(dataset / "test")
    assert {row["model"] for row in rows} == {load_bundle(model).model_id}
    assert {row["verdict"] for row in rows} <= {"OK", "NG", "REVIEW"}
    assert all(0 <= float(row["peak_x"]) < 384 and 0 <= float(row["peak_y"]) < 288 for row in rows)
    assert names_in(out / "masks") == names_in(dataset / "test")


def test_bad_parts_score_higher_and_are_called(model: Path, dataset: Path, tmp_path: Path) -> None:
    assert main(["evaluate", str(model), str(dataset), "--out", str(tmp_path), "--jobs", "2"]) == 0
    scores: dict[str, list[float]] = {"good": [], "label_missing": []}
    for row in rows_of(tmp_path):
        scores[row["image"].split("/")[0]].append(float(row["score"]))
    assert min(scores["label_missing"]) > np.median(scores["good"])
    bad = [row for row in rows_of(tmp_path) if not row["image"].startswith("good")]
    assert all(row["verdict"] != "OK" for row in bad)


def test_a_killed_training_goes_on_and_ends_like_an_undisturbed_one(
    model: Path, dataset: Path, tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["train", str(dataset), "--out", str(tmp_path / "killed"), "--config", str(tiny_config)]
    run = python(KILLED_WHILE_TRAINING, *command)
    assert run.returncode == -signal.SIGKILL, run.stderr
    assert (tmp_path / "killed" / ".training" / "checkpoint.pt").exists()
    assert main(["inspect", str(tmp_path / "killed"), str(dataset), "--out", str(tmp_path / "out")]) == 2

    done: list[int] = []

    def noted(frames: Frames, *, size: int, seed: int, step: int) -> Batch:
        done.append(step)
        return make_batch(frames, size=size, seed=seed, step=step)

    monkeypatch.setattr(models.fitting, "make_batch", noted)
    assert main([*command, "--resume"]) == 0
    assert done == list(range(11, 20))  # step 11 was under way while the batch of step 12 was drawn
    assert names_of_files(tmp_path / "killed") == names_of_files(model)
    for name in names_of_files(model):
        assert (tmp_path / "killed" / name).read_bytes() == (model / name).read_bytes(), name


def names_of_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_killed_inspection_goes_on_with_no_image_twice_and_none_lost(
    model: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["inspect", str(model), str(dataset / "test"), "--out", str(tmp_path / "out")]
    run = python(KILLED_WHILE_INSPECTING, *command)
    assert run.returncode == -signal.SIGKILL, run.stderr
    assert (tmp_path / "out" / "results.csv").read_bytes().endswith(b'"half a ro')

    seen: list[str] = []
    inspect_file = Inspector.inspect_file

    def noted(self: Inspector, path: Path, *, evidence: bool = False) -> Inspection:
        seen.append(path.relative_to(dataset / "test").as_posix())
        return inspect_file(self, path, evidence=evidence)

    monkeypatch.setattr(Inspector, "inspect_file", noted)
    assert main(command) == 0
    assert seen == names_in(dataset / "test")[4:]
    undisturbed = [*command[:-1], str(tmp_path / "undisturbed")]
    assert main(undisturbed) == 0
    assert without_times(rows_of(tmp_path / "out")) == without_times(rows_of(tmp_path / "undisturbed"))


def without_times(rows: Rows) -> Rows:
    return [{name: value for name, value in row.items() if name != "ms"} for row in rows]


def large_png() -> bytes:
    """20,000 x 20,000 px in a file of some bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.fixture
def good(dataset: Path) -> Image:
    return read_image(dataset / "test" / "good" / "100.png", max_megapixels=1)


@pytest.fixture
def awkward(good: Image, tmp_path: Path) -> Path:
    """A folder with every kind of input that should not, but does, arrive."""
    folder = tmp_path / "Prüfung heute, Linie 3"
    grey = np.asarray(cv2.cvtColor(good, cv2.COLOR_RGB2GRAY), np.uint8)
    alpha = np.dstack([good[..., ::-1], np.full(grey.shape, 128, np.uint8)])
    write_image(folder / "0 good.png", good)
    write_image(folder / "grey.png", grey)
    write_image(folder / "other size.png", np.ascontiguousarray(good[:200, :300]))
    write_image(folder / "Gehäuse größer" / "Teil ß 1.png", good)
    write_image(folder / "z good.jpg", good)
    (folder / "16 bit.png").write_bytes(cv2.imencode(".png", good[..., ::-1].astype(np.uint16) * 257)[1].tobytes())
    (folder / "rgba.png").write_bytes(cv2.imencode(".png", alpha)[1].tobytes())
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("no image")
    (folder / "large.png").write_bytes(large_png())
    whole = (folder / "z good.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "end missing.jpg").write_bytes(whole[:-2])
    (folder / "notes.txt").write_text("no row for this one")
    return folder


ERRORS = {
    "other size.png": "300x200 px",
    "empty.png": "empty",
    "text.png": "not an image",
    "large.png": "20000x20000",
    "truncated.jpg": "truncated",
    "end missing.jpg": "truncated",
}
JUDGED = {"0 good.png", "16 bit.png", "rgba.png", "grey.png", "z good.jpg", "Gehäuse größer/Teil ß 1.png"}


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_bad_input_gets_its_row_and_stops_nothing(
    model: Path, awkward: Path, tmp_path: Path, jobs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "Ergebnisse für heute"
    assert main(["inspect", str(model), str(awkward), "--out", str(out), "--jobs", jobs]) == 1
    rows = {row["image"]: row for row in rows_of(out)}
    assert set(rows) == JUDGED | set(ERRORS)
    for name, why in ERRORS.items():
        assert rows[name]["verdict"] == Verdict.ERROR, name
        assert why in rows[name]["reason"], name
        assert rows[name]["score"] == "", name
    assert not [name for name in JUDGED if rows[name]["verdict"] == Verdict.ERROR]
    same = {rows[name]["score"] for name in ("0 good.png", "16 bit.png", "rgba.png", "Gehäuse größer/Teil ß 1.png")}
    assert len(same) == 1
    assert "6 ERROR" in capsys.readouterr().out


def test_inspecting_needs_nothing_of_training(model: Path, awkward: Path, tmp_path: Path) -> None:
    run = python(INSPECTED_WITHOUT_TORCH, "inspect", model, awkward, "--out", tmp_path / "out")
    assert not run.stderr, run.stderr  # no traceback, and no remarks of a library either
    assert run.returncode == 1
    assert run.stdout.strip().splitlines()[-1] == "imported:"


@pytest.mark.parametrize("arguments", [["train"], ["inspect", "MODEL"]])
def test_a_folder_without_images_is_one_line(
    model: Path, tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "leerer Ordner ü"
    empty.mkdir()
    command = [str(model) if argument == "MODEL" else argument for argument in arguments]
    assert main([*command, str(empty), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "leerer Ordner ü: holds no image" in said


def test_an_altered_model_judges_nothing(model: Path, dataset: Path, tmp_path: Path) -> None:
    altered = shutil.copytree(model, tmp_path / "altered")
    data = bytearray((altered / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (altered / "model.onnx").write_bytes(data)
    assert main(["inspect", str(altered), str(dataset / "test"), "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_one_line(
    model: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o500)
    if os.access(tmp_path / "out", os.W_OK):
        pytest.skip("root may write everywhere")
    assert main(["inspect", str(model), str(dataset / "test"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
