import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.config import Config, load_config, parse_config
from pipeline.exceptions import ConfigError

ZONE = "{name: x, box: [0, 0, 9, 9], kind: text}"
CONFIGS = Path(__file__).parents[2] / "configs"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "my.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_configuration_that_ships_is_valid(path: Path) -> None:
    load_config(path)


def test_the_default_file_says_all_and_says_what_the_code_does() -> None:
    path = CONFIGS / "default.yaml"
    assert load_config(path) == Config()
    assert yaml.safe_load(path.read_text()) == Config().model_dump(mode="json")


@pytest.mark.parametrize("text", ["", "# nothing but a remark\n", "---\n", "{}"])
def test_what_is_left_out_keeps_its_default(tmp_path: Path, text: str) -> None:
    assert load_config(write(tmp_path, text)) == Config()


def test_one_key_changes_one_value(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "training: {steps: 7, learning_rate: 1e-3}"))
    assert (config.training.steps, config.training.learning_rate) == (7, 0.001)
    assert config.training.batch_size == Config().training.batch_size
    assert config.image == Config().image


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("trainning: {steps: 7}", "trainning"),
        ("training: {step: 7}", r"training\.step"),
        ("training: 7", "training"),
        ("training:", "training"),
        ("training: {steps: many}", r"training\.steps"),
        ("training: {steps: 1.5}", r"training\.steps"),
        ("training: {steps: 0}", r"training\.steps"),
        ("training: {held_back: 1}", r"training\.held_back"),
        ("training: {learning_rate: .nan}", r"training\.learning_rate"),
        ("training: {learning_rate: .inf}", r"training\.learning_rate"),
        ("training: {seed: -1}", r"training\.seed"),
        ("network: {width: 60}", r"network\.width"),
        ("registration: {motion: homography}", r"registration\.motion"),
        ("print: {zones: {add: [{name: a, box: [0, 0, 9, 9], kind: words}]}}", r"add\.0\.kind: .*'text', 'etched'"),
        ("print: {zones: {add: [{name: a, box: [0, 0, 9, 0], kind: text}]}}", r"add\.0\.box\.3"),
        ("print: {zones: {add: [{name: a, box: [-1, 0, 9, 9], kind: text}]}}", r"add\.0\.box\.0"),
        ("print: {zones: {add: [{name: ' ', box: [0, 0, 9, 9], kind: text}]}}", r"add\.0\.name"),
        (f"print: {{zones: {{add: [{ZONE}, {ZONE.replace('e: x', 'e: y')}]}}}}", "zones 'x' and 'y' overlap"),
        (f"print: {{zones: {{add: [{ZONE}], rename: {{text 1: x}}}}}}", "'x' is named twice"),
        ("print: {zones: {rename: {text 1: x}, forbid: [text 1]}}", "'text 1' is named twice"),
        ("print: {zones: {remove: [text 1]}}", r"print\.zones\.remove"),
        ("print: {mask: false, zones: {forbid: [text 1]}}", "zones say nothing where mask is false"),
        ("verdict: {false_calls: 0}", r"verdict\.false_calls"),
        ("verdict: {confidence: -0.5}", r"verdict\.confidence"),
        ("image: {max_megapixels: 1001}", r"image\.max_megapixels"),
        ("- a list", "the file"),
        ("just words", "the file"),
        ("1: 2", "1"),
    ],
)
def test_a_value_that_cannot_be_used_is_one_line_that_names_it(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(write(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / 'my.yaml'}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["a: [", "\tx", "a: b: c", b"\xff\xfe\x00", b"\x00\x01", "day: 2026-13-45"])
def test_what_is_no_yaml_is_one_line(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(ConfigError, match="cannot be read as YAML") as caught:
        load_config(write(tmp_path, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.yaml", "."])
def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / name)


@given(st.text(alphabet="aimg: {}[]-\n\t&*!|>'\"%@`0.e,?#", max_size=30))
def test_no_text_raises_anything_but_config_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = write(tmp_path_factory.getbasetemp(), text)
    with contextlib.suppress(ConfigError):
        load_config(path)


@given(
    st.builds(
        lambda steps, seed, held_back: {"training": {"steps": steps, "seed": seed, "held_back": held_back}},
        st.integers(1, 10**6),
        st.integers(0, 2**31),
        st.floats(0, 1, exclude_min=True, exclude_max=True),
    )
)
def test_a_configuration_survives_the_manifest(values: dict[str, dict[str, object]]) -> None:
    config = parse_config(values, source="test")
    assert parse_config(config.model_dump(mode="json"), source="test") == config


def test_zones_of_a_person_survive_the_manifest() -> None:
    zones = {"add": [yaml.safe_load(ZONE)], "rename": {"text 1": "serial"}, "forbid": ["text 2"]}
    config = parse_config({"print": {"zones": zones}}, source="test")
    assert config.model_dump(mode="json")["print"]["zones"] == zones
    assert parse_config(config.model_dump(mode="json"), source="test") == config


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Config().training.steps = 3  # type: ignore[misc]
