import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.images import read_image
from pipeline.inspector import Inspector
from tests.pipeline.fakes import FakeInspector, folder_of_parts

COMMANDS = ("train", "calibrate", "recalibrate", "inspect", "evaluate", "explain", "msa", "drift", "info")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(Inspector, "load", lambda _: FakeInspector())
    return "model"


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    return folder_of_parts(tmp_path / "Teile für heute", {"good.png": None, "bad.png": (50, 30)})


def one_line_error(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("goodparts: ")
    return said


def test_inspect_writes_results_overlays_and_page(
    model: str, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["inspect", model, str(parts), "--out", str(out), "--masks", "--jobs", "2"]) == 0
    files = {path.relative_to(out).as_posix() for path in out.rglob("*.*")}
    assert files == {"results.csv", "index.html", "overlays/bad.png.jpg", "masks/bad.png", "masks/good.png"}
    assert "Teile für heute" in (out / "index.html").read_text(encoding="utf-8")
    assert "2 images: 1 OK, 1 NG" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "flags", "code"),
    [
        (["good"], [], 0),
        (["good"], ["--fail-on-ng"], 0),
        (["good", "bad"], [], 0),
        (["good", "bad"], ["--fail-on-ng"], 3),
        (["good", "empty"], [], 1),
        (["good", "empty"], ["--fail-on-ng"], 3),
    ],
)
def test_exit_codes(model: str, tmp_path: Path, names: list[str], flags: list[str], code: int) -> None:
    for name in names:
        folder_of_parts(tmp_path / "in", {f"{name}.png": (50, 30) if name == "bad" else None})
        if name == "empty":
            (tmp_path / "in" / "empty.png").write_bytes(b"")
    assert cli.main(["inspect", model, str(tmp_path / "in"), "--out", str(tmp_path / "out"), *flags]) == code
    again = cli.main(["inspect", model, str(tmp_path / "in"), "--out", str(tmp_path / "out"), *flags])
    assert again == code


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["guess"],
        ["inspect"],
        ["inspect", "model", "nowhere", "--out", "out"],
        ["inspect", "model", "nowhere", "--out", "out", "--jobs", "0"],
        ["inspect", "model", "nowhere", "--out", "out", "--overlays", "some"],
        ["explain", "model", "a.png", "--out", "picture.txt"],
        ["calibrate", "model", "--good", "good", "--false-calls", "1.5"],
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    one_line_error(capsys)


def test_a_model_that_cannot_be_loaded_is_one_line(
    tmp_path: Path, parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["inspect", str(tmp_path), str(parts), "--out", str(tmp_path / "out")]) == 2
    assert str(tmp_path) in one_line_error(capsys)
    assert cli.main(["info", str(tmp_path)]) == 2
    one_line_error(capsys)


def test_a_disk_that_refuses_is_one_line(
    model: str, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file where the folder should go")
    assert cli.main(["inspect", model, str(parts), "--out", str(tmp_path / "out")]) == 2
    assert "out" in one_line_error(capsys)


def test_an_interruption_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: Path) -> Inspector:
        raise KeyboardInterrupt

    monkeypatch.setattr(Inspector, "load", interrupted)
    assert cli.main(["inspect", "model", str(parts), "--out", str(tmp_path / "out")]) == 130
    assert "same command continues" in capsys.readouterr().err


def test_a_programming_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, parts: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(Inspector, "load", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["inspect", "model", str(parts), "--out", str(tmp_path / "out")])


def test_evaluate_writes_metrics_and_pictures(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder_of_parts(tmp_path / "set" / "test", {"good/0.png": None, "good/1.png": (9, 9), "dent/0.png": (50, 30)})
    out = tmp_path / "out"
    assert cli.main(["evaluate", model, str(tmp_path / "set"), "--out", str(out)]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["auroc"] == 0.75
    assert metrics["false call rate"] == 0.5
    page = (out / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<code>(\w+/\d.png)</code>", page) == ["good/1.png"]
    lines = (out / "report.csv").read_text().splitlines()
    assert [line.split(",")[:6] for line in lines[1:]] == [
        ["good", "2", "1", "1", "0", "0"],
        ["dent", "1", "0", "1", "0", "0"],
        ["all bad", "1", "0", "1", "0", "0"],
    ]
    assert "AUROC" in capsys.readouterr().out


def test_explain_writes_a_picture(model: str, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "deep" / "picture.png"
    assert cli.main(["explain", model, str(parts / "bad.png"), "--out", str(out)]) == 0
    assert read_image(out, max_megapixels=10).shape[1] > 1900
    assert capsys.readouterr().out.startswith("NG: weißer Fleck")


def test_explain_says_why_an_image_cannot_be_read(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", model, str(tmp_path / "none.png"), "--out", str(tmp_path / "x.png")]) == 1
    assert "none.png" in one_line_error(capsys)


def test_training_without_torch_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("models")]:
        monkeypatch.delitem(sys.modules, name)
    assert cli.main(["train", str(parts), "--out", str(tmp_path / "model")]) == 2
    assert 'pip install "goodparts[train]"' in one_line_error(capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "--help"]) == 0
    assert f"goodparts {command} " in capsys.readouterr().out.split("\n", 1)[1]


def test_inspecting_imports_nothing_of_training() -> None:
    code = (
        "import sys; import pipeline.cli, pipeline.run, pipeline.page, pipeline.inspector, pipeline.explain;"
        "print(*{'torch', 'torchvision', 'timm', 'segmentation_models_pytorch', 'models'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_help_is_there_at_once() -> None:
    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "pipeline.cli", "--help"], check=True, capture_output=True)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 0.6


def test_a_process_ends_with_the_exit_code() -> None:
    run = subprocess.run([sys.executable, "-m", "pipeline.cli", "info", "nowhere"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
