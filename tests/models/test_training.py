import json
from pathlib import Path

import pytest

from models.selection import held_back
from models.training import WORK, train
from pipeline import cli
from pipeline.bundle import MANIFEST, load_bundle
from pipeline.config import Config, load_config, parse_config
from pipeline.exceptions import TrainingError, UsageError
from pipeline.images import read_image, write_image


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
    assert bundle.source == {
        "images": 24,
        "folder": "covers",
        "variants": [],
        "suspicious": [],
        "held_back": 6,
        "refused": [],
    }
    assert bundle.calibration.good_parts == 6


def test_the_same_seed_gives_the_same_model(model: Path, dataset: Path, config: Config, tmp_path: Path) -> None:
    again = train(dataset, tmp_path / "again", config)
    assert again.model_id == load_bundle(model).model_id
    assert again.calibration == load_bundle(model).calibration
    assert (tmp_path / "again" / "model.onnx").read_bytes() == (model / "model.onnx").read_bytes()


def test_zones_of_a_person_make_another_model(model: Path, dataset: Path, config: Config, tmp_path: Path) -> None:
    names = [zone.name for zone in load_bundle(model).print_stage.zones]
    zones = {"rename": {names[0]: "mine"}, "forbid": names[1:]}
    values = {**config.model_dump(mode="json"), "print": {"zones": zones}}
    train(dataset, tmp_path / "edited", parse_config(values, source="test"))
    edited = load_bundle(tmp_path / "edited")
    assert [zone.name for zone in edited.print_stage.zones] == ["mine"]
    assert edited.config.print.zones.forbid == tuple(names[1:])
    assert edited.model_id != load_bundle(model).model_id


def test_zones_that_nobody_has_stop_the_training_in_a_line(
    dataset: Path, tiny_config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "zones.yaml"
    wrong.write_text(tiny_config.read_text() + "print: {zones: {forbid: [text 99]}}")
    assert cli.main(["train", str(dataset), "--out", str(tmp_path / "out"), "--config", str(wrong)]) == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert line.startswith("goodparts: print.zones.forbid: no zone is called 'text 99'; the good parts show ")
    assert not (tmp_path / "out" / MANIFEST).exists()


def test_what_was_held_back_is_found_again(model: Path, dataset: Path, tmp_path: Path) -> None:
    bundle = load_bundle(model)
    paths, groups = held_back(dataset, bundle)
    assert len(set(paths)) == len(set(groups)) == bundle.source["held_back"] == 6
    (tmp_path / "other.png").write_bytes(paths[0].read_bytes())
    with pytest.raises(UsageError, match="has 1 good images; the model was trained on 24"):
        held_back(tmp_path, bundle)


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


def test_a_training_says_which_variants_it_found(
    dataset: Path,
    tiny_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("models.variants.LEAST", 5)
    for number, path in enumerate(sorted((dataset / "train" / "good").iterdir())):
        image = read_image(path, max_megapixels=1)
        if number % 2:
            image[:, 192:] = image[:, 192:] // 3
        write_image(tmp_path / "good" / path.name, image)
    command = ["train", str(tmp_path / "good"), "--out", str(tmp_path / "model"), "--config", str(tiny_config)]
    assert cli.main(command) == 0
    assert "2 variants of the good part, each judged by its own kind: " in capsys.readouterr().out
    kinds = load_bundle(tmp_path / "model").source["variants"]
    assert sum(int(kind.split(" like ")[0]) for kind in kinds) == 18  # of those that were learned from
    examples = [int(Path(kind.split(" like ")[1]).stem) for kind in kinds]
    assert {example % 2 for example in examples} == {0, 1}
    assert cli.main(["inspect", str(tmp_path / "model"), str(tmp_path / "good"), "--out", str(tmp_path / "out")]) == 0
