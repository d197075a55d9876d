from pathlib import Path

import numpy as np
import pytest

from pipeline import cli
from pipeline.bundle import load_bundle
from pipeline.images import read_image, write_image
from tests.pipeline.cli.said import one_line_error

STAGES = ("01-registered", "02-strokes", "03-mask", "04-findings")


def test_zones_are_drawn_and_named(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, bundle = tmp_path / "deep" / "zones.png", load_bundle(model)
    assert cli.main(["zones", str(model), "--out", str(picture)]) == 0
    drawn = read_image(picture, max_megapixels=1)
    assert drawn.shape == bundle.reference.shape
    assert (drawn != bundle.reference).any()
    lines = capsys.readouterr().out.splitlines()
    assert bundle.print_stage.zones
    for zone in bundle.print_stage.zones:
        (line,) = [line for line in lines if line.startswith(f"print zone {zone.name} ")]
        assert f"{zone.kind}, {zone.width} x {zone.height} px at x {zone.x}, y {zone.y}" in line


def test_the_steps_to_each_mask_are_pictures(
    model: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [dataset / "test" / "good" / "100.png", dataset / "test" / "label_missing" / "200.png"]
    assert cli.main(["mask", str(model), *map(str, images), "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{image.stem}-{stage}.png" for image in images for stage in STAGES
    }
    good, bad = capsys.readouterr().out.split(str(images[1]))
    assert good.startswith(str(images[0]))
    assert all(f"  {step} " in good for step in ("pose", "registered", "strokes", "mask"))
    assert good.count(" ms") == 4
    assert "missing" in bad


def test_mask_goes_on_after_images_that_cannot_be_used(
    model: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, small = dataset / "test" / "good" / "100.png", tmp_path / "small.png"
    write_image(small, np.zeros((20, 30, 3), np.uint8))
    out = tmp_path / "out"
    assert cli.main(["mask", str(model), str(tmp_path / "none.png"), str(small), str(good), "--out", str(out)]) == 1
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "goodparts: none.png: cannot be opened (No such file or directory)",
        "goodparts: small.png: is 30x20 px, the model knows 384x288 px",
    ]
    assert len(list(out.iterdir())) == len(STAGES)


def test_images_whose_pictures_would_have_the_same_name_are_refused(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["mask", str(model), "today/1.png", "yesterday/1.jpg", "--out", str(tmp_path / "out")]) == 2
    assert "2 images are named 1" in one_line_error(capsys)
    assert not (tmp_path / "out").exists()
