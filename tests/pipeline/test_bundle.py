import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.bundle import FILES, MANIFEST, Bundle, load_bundle
from pipeline.calibration import Goal, calibrate_scores
from pipeline.exceptions import ModelError
from pipeline.inspector import Inspector
from pipeline.view import View

Place = tuple[str | int, ...]
"""Keys that lead to a value of the manifest."""


@pytest.fixture
def folder(model: Path, tmp_path: Path) -> Path:
    """A copy of the model that may be damaged; its name has spaces and umlauts."""
    return Path(shutil.copytree(model, tmp_path / "Modell für Gehäuse"))


def manifest_of(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return read


def as_json(bundle: Bundle) -> object:
    return json.loads(json.dumps(bundle.manifest()))


def test_what_is_saved_is_loaded(model: Path, tmp_path: Path) -> None:
    first = load_bundle(model)
    first.save(tmp_path / "copy")
    second = load_bundle(tmp_path / "copy")
    assert as_json(second) == as_json(first) == manifest_of(model)
    assert second.calibration == first.calibration
    assert second.config == first.config
    assert second.network == first.network
    np.testing.assert_array_equal(second.reference, first.reference)
    np.testing.assert_array_equal(second.print_stage.labels, first.print_stage.labels)
    for name in FILES:
        assert (tmp_path / "copy" / name).read_bytes() == (model / name).read_bytes()


def test_the_reference_keeps_its_colours(model: Path) -> None:
    on_disk = cv2.imread(str(model / "reference.png"))
    assert on_disk is not None
    np.testing.assert_array_equal(load_bundle(model).reference, on_disk[..., ::-1])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", [0, 0.5, -1])
def test_a_file_altered_by_a_byte_is_refused_by_name(folder: Path, name: str, where: float) -> None:
    data = bytearray((folder / name).read_bytes())
    data[-1 if where == -1 else int(where * len(data))] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ModelError, match=rf"{name}: does not match the hash"):
        load_bundle(folder)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_missing_file_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        load_bundle(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(ModelError, match=name):
        load_bundle(folder)


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", "null", "{}", '{"format": 0}', '{"format": "1"}', '{"format": 99}', "\x00", "[" * 50]
)
def test_a_manifest_of_another_kind_is_one_line(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    with pytest.raises(ModelError, match=MANIFEST) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_what_is_no_model_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=f"{name}: not a model"):
        load_bundle(tmp_path / name)


def places(value: object, above: Place = ()) -> list[Place]:
    """Everything in a JSON value, lists of numbers taken as one."""
    inside: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list) and len(value) < 10:
        inside = list(enumerate(value))
    found = [(*above, key) for key, _ in inside]
    return found + [place for key, below in inside for place in places(below, (*above, key))]


def holder(manifest: dict[str, Any], place: Place) -> Any:
    value: Any = manifest
    for key in place[:-1]:
        value = value[key]
    return value


def loads_or_refuses(folder: Path, manifest: object) -> Bundle | None:
    """A damaged manifest gives a model that can be used, or a ModelError; any other error fails the test."""
    (folder / MANIFEST).write_text(json.dumps(manifest))
    try:
        return load_bundle(folder)
    except ModelError:
        return None


@settings(max_examples=150)
@given(data=st.data())
def test_a_manifest_without_some_key_is_refused_or_the_same_model(
    model: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "deleted"
    if not folder.exists():
        shutil.copytree(model, folder)
    whole = manifest_of(model)
    damaged = copy.deepcopy(whole)
    place = data.draw(st.sampled_from(places(whole)))
    del holder(damaged, place)[place[-1]]
    loads_or_refuses(folder, damaged)


@settings(max_examples=150)
@given(data=st.data(), junk=st.sampled_from([None, "x", -1, 1e400, float("nan"), [], {}, [1, "x"], True, "0" * 64]))
def test_a_manifest_with_some_other_value_is_refused_or_loaded(
    model: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, junk: object
) -> None:
    folder = tmp_path_factory.getbasetemp() / "junk"
    if not folder.exists():
        shutil.copytree(model, folder)
    damaged = manifest_of(model)
    place = data.draw(st.sampled_from(places(damaged)))
    holder(damaged, place)[place[-1]] = junk
    loads_or_refuses(folder, damaged)


@pytest.mark.parametrize("key", ["config", "calibration", "files", "view", "min_quality", "max_outside"])
def test_no_part_of_the_manifest_can_be_left_out(folder: Path, key: str) -> None:
    damaged = manifest_of(folder)
    del damaged[key]
    (folder / MANIFEST).write_text(json.dumps(damaged))
    with pytest.raises(ModelError, match=f"{MANIFEST}: damaged"):
        load_bundle(folder)


def test_the_id_changes_with_what_could_change_a_verdict(model: Path) -> None:
    bundle = load_bundle(model)
    higher = replace(bundle.calibration, threshold=bundle.calibration.threshold + 1e-9)
    others = [
        replace(bundle, calibration=higher),
        replace(bundle, files={**bundle.files, "reference.png": bundle.files["reference.png"] + b"\0"}),
        replace(bundle, files={**bundle.files, "model.onnx": bundle.network + b"\0"}),
        replace(bundle, min_quality=bundle.min_quality + 1e-9),
        replace(bundle, view=bundle.view.at((64, 64))),
    ]
    assert len({bundle.model_id, *(other.model_id for other in others)}) == 6
    assert len(bundle.model_id) == 12
    assert replace(bundle, history=("a remark",)).model_id == bundle.model_id


def test_a_new_calibration_leaves_all_else_and_remembers_the_old(folder: Path) -> None:
    old = load_bundle(folder)
    before = {name: (folder / name).stat().st_mtime_ns for name in FILES}
    ids = [old.model_id]
    for seed in (1, 2):
        scores = np.random.default_rng(seed).gamma(3, size=50)
        new = load_bundle(folder).recalibrated(calibrate_scores(scores, np.zeros(0), Goal()), folder)
        assert as_json(load_bundle(folder)) == as_json(new)
        ids.append(new.model_id)
    last = load_bundle(folder)
    assert len(set(ids)) == 3
    assert [line.split(":")[0] for line in last.history] == ids[:2]
    assert f"threshold {old.calibration.threshold:.4f}" in last.history[0]
    assert before == {name: (folder / name).stat().st_mtime_ns for name in FILES}
    assert last.network == old.network


def test_nothing_in_the_folder_is_code(model: Path) -> None:
    for path in model.iterdir():
        head = path.read_bytes()[:2]
        assert path.suffix in {".json", ".png", ".onnx"}
        assert not head.startswith((b"\x80", b"PK")), f"{path.name} looks like a pickle or an archive of pickles"
        if path.suffix == ".json":
            json.loads(path.read_text())


def test_a_network_that_fits_its_hash_and_is_none_is_refused(folder: Path) -> None:
    bundle = load_bundle(folder)
    replace(bundle, files={**bundle.files, "model.onnx": b"no network"}).save(folder)
    with pytest.raises(ModelError, match=r"model\.onnx"):
        Inspector.load(folder)


def test_files_that_another_version_of_opencv_wrote_survive_a_new_calibration(folder: Path) -> None:
    """The same pixels need not be the same bytes everywhere."""
    bundle = load_bundle(folder)
    other = cv2.imencode(".png", bundle.reference[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
    replace(bundle, files={**bundle.files, "reference.png": other}).save(folder)
    bundle = load_bundle(folder)
    bundle.recalibrated(bundle.calibration, folder)
    load_bundle(folder)


def test_a_view_of_more_than_the_reference_has_is_refused(folder: Path) -> None:
    bundle = load_bundle(folder)
    width, height = bundle.size
    replace(bundle, view=View((10, 0, width, height), bundle.view.size)).save(folder)
    with pytest.raises(ModelError, match="altered"):
        load_bundle(folder)
