import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.inspector import Inspector
from tests.pipeline.cli.said import one_line_error

COMMANDS = (
    "audit",
    "train",
    "calibrate",
    "recalibrate",
    "inspect",
    "evaluate",
    "explain",
    "msa",
    "drift",
    "info",
    "zones",
    "mask",
)


@pytest.mark.usefixtures("untrained")
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
        ["zones", "model", "--out", "picture.txt"],
        ["mask", "model", "--out", "folder"],
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
    untrained: str, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file where the folder should go")
    assert cli.main(["inspect", untrained, str(parts), "--out", str(tmp_path / "out")]) == 2
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


def test_help_loads_nothing_that_takes_time() -> None:
    code = (
        "import sys; from pipeline import cli; cli.main(['--help']);"
        "print(*{'numpy', 'cv2', 'onnxruntime', 'pydantic', 'rich', 'PIL'} & set(sys.modules), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "inspect" in run.stdout
    assert run.stderr.strip() == ""


def test_a_process_ends_with_the_exit_code() -> None:
    run = subprocess.run([sys.executable, "-m", "pipeline.cli", "info", "nowhere"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
