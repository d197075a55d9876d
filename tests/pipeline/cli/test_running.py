import json
import re
import sys
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.images import read_image
from tests.pipeline.cli.said import one_line_error
from tests.pipeline.fakes import folder_of_parts


def test_inspect_writes_results_overlays_and_page(
    untrained: str, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["inspect", untrained, str(parts), "--out", str(out), "--masks", "--jobs", "2"]) == 0
    files = {path.relative_to(out).as_posix() for path in out.rglob("*.*")}
    assert files == {
        "results.csv",
        "results.parquet",
        "index.html",
        "overlays/bad.png.jpg",
        "masks/bad.png",
        "masks/good.png",
    }
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
def test_exit_codes(untrained: str, tmp_path: Path, names: list[str], flags: list[str], code: int) -> None:
    for name in names:
        folder_of_parts(tmp_path / "in", {f"{name}.png": (50, 30) if name == "bad" else None})
        if name == "empty":
            (tmp_path / "in" / "empty.png").write_bytes(b"")
    assert cli.main(["inspect", untrained, str(tmp_path / "in"), "--out", str(tmp_path / "out"), *flags]) == code
    again = cli.main(["inspect", untrained, str(tmp_path / "in"), "--out", str(tmp_path / "out"), *flags])
    assert again == code


def test_inspect_tells_where_the_time_goes(
    untrained: str, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["inspect", untrained, str(parts), "--out", str(tmp_path / "out"), "--profile"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["decode", "1.0", "1.0", "33%", "2"] in lines
    assert ["until", "the", "verdict", "3.0", "3.0", "100%", "2"] in lines
    assert [line[-1] for line in lines if line[:1] == ["pictures,"]] == ["1"]


def test_inspect_reports_parts_with_the_same_serial(
    untrained: str, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (parts / "empty.png").touch()
    command = ["inspect", untrained, str(parts), "--out", str(tmp_path / "out")]
    assert cli.main(command) == 1
    assert not (tmp_path / "out" / "duplicate_serials.csv").exists()
    assert cli.main([*command, "--serial-from", "DataMatrix"]) == 1  # the rows are there already, and suffice
    lines = (tmp_path / "out" / "duplicate_serials.csv").read_text().splitlines()
    assert lines == ["serial,image", "A1\\|B2,bad.png", "A1\\|B2,good.png"]
    assert "serials from datamatrix 1: 1 seen more than once, 1 not read" in capsys.readouterr().out


def test_an_unknown_serial_code_is_refused_before_any_image_is_inspected(
    untrained: str, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["inspect", untrained, str(parts), "--out", str(out), "--serial-from", "QRCode"]) == 2
    assert "--serial-from QRCode: fits no zone; the zones with codes are datamatrix 1" in one_line_error(capsys)
    assert not out.exists()


def test_evaluate_writes_metrics_and_pictures(
    untrained: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder_of_parts(tmp_path / "set" / "test", {"good/0.png": None, "good/1.png": (9, 9), "dent/0.png": (50, 30)})
    out = tmp_path / "out"
    assert cli.main(["evaluate", untrained, str(tmp_path / "set"), "--out", str(out)]) == 0
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


def test_explain_writes_a_picture(
    untrained: str, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "picture.png"
    assert cli.main(["explain", untrained, str(parts / "bad.png"), "--out", str(out)]) == 0
    assert read_image(out, max_megapixels=10).shape[1] > 1400
    assert capsys.readouterr().out.startswith("NG: weißer Fleck")


def test_explain_says_why_an_image_cannot_be_read(
    untrained: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", untrained, str(tmp_path / "none.png"), "--out", str(tmp_path / "x.png")]) == 1
    assert "none.png" in one_line_error(capsys)


def test_training_without_torch_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("models")]:
        monkeypatch.delitem(sys.modules, name)
    assert cli.main(["train", str(parts), "--out", str(tmp_path / "model")]) == 2
    assert 'pip install "goodparts[train]"' in one_line_error(capsys)
