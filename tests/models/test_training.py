import json
from pathlib import Path

import pytest

from models.training import WORK, train
from pipeline.bundle import MANIFEST, load_bundle
from pipeline.config import Config, load_config
from pipeline.exceptions import TrainingError, UsageError


@pytest.fixture
def config(tiny_config: Path) -> Config:
    return load_config(tiny_config)


def test_it_ends_with_a_model_and_nothing_else(model: Path, config: Config) -> None:
    assert {path.name for path in model.iterdir()} == {
        MANIFEST, "model.onnx", "reference.png", "print.json", "zones.png",
    }  # fmt: skip
    bundle = load_bundle(model)
    assert bundle.config.registration.motion != "auto"  # what was found from the images is written down
    assert bundle.config.model_copy(update={"registration": config.registration}) == config
    assert bundle.size == (384, 288)
    assert bundle.source == {"images": 24, "folder": "covers", "suspicious": [], "held_back": 6, "refused": []}
    assert bundle.calibration.good_parts == 6


def test_the_same_seed_gives_the_same_model(model: Path, dataset: Path, config: Config, tmp_path: Path) -> None:
    again = train(dataset, tmp_path / "again", config)
    assert again.model_id == load_bundle(model).model_id
    assert again.calibration == load_bundle(model).calibration
    assert (tmp_path / "again" / "model.onnx").read_bytes() == (model / "model.onnx").read_bytes()


def test_another_run_cannot_be_resumed(dataset: Path, config: Config, tmp_path: Path) -> None:
    note = tmp_path / WORK / "run.txt"
    note.parent.mkdir()
    note.write_text("of other images")
    with pytest.raises(TrainingError, match="without --resume"):
        train(dataset, tmp_path, config, resume=True)
    assert note.read_text() == "of other images"


def test_without_resume_nothing_of_an_earlier_run_is_used(tmp_path: Path, config: Config) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "empty.png").touch()
    stale = tmp_path / "out" / WORK / "checkpoint.pt"
    stale.parent.mkdir(parents=True)
    stale.write_text("stale")
    with pytest.raises(TrainingError, match="only 0 usable"):
        train(folder, tmp_path / "out", config)
    assert not stale.exists()


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_without_images_is_wrong_use(tmp_path: Path, config: Config, make: bool) -> None:
    if make:
        (tmp_path / "data" / "train" / "good").mkdir(parents=True)
    with pytest.raises(UsageError, match="data"):
        train(tmp_path / "data", tmp_path / "out", config)
    assert not (tmp_path / "out").exists()


def test_a_model_that_was_there_stays_until_the_new_one_is_whole(model: Path, tmp_path: Path, config: Config) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for path in model.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "text.png").write_text("no image")
    with pytest.raises(TrainingError):
        train(tmp_path / "few", out, config)
    assert load_bundle(out).model_id == json.loads((model / MANIFEST).read_text())["id"]
