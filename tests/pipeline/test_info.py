from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.bundle import Bundle, load_bundle
from pipeline.config import RegistrationConfig
from pipeline.info import describe, suggestion
from pipeline.view import View


@pytest.fixture
def bundle(model: Path) -> Bundle:
    return load_bundle(model)


def test_a_part_in_place_at_nearly_the_cameras_pixels_asks_for_nothing_special(bundle: Bundle) -> None:
    assert suggestion(bundle)[0] == "default"


def test_few_pixels_of_many_ask_for_finer_ones(bundle: Bundle) -> None:
    name, why = suggestion(replace(bundle, view=View.of_all(bundle.size, (96, 64))))
    assert name == "fine"
    assert "stands for 4.0 of the camera's" in why


@pytest.mark.parametrize("motion", ["any", "affine", "none"])
def test_parts_in_any_pose_are_told_apart(bundle: Bundle, motion: str) -> None:
    turned = bundle.config.model_copy(update={"registration": RegistrationConfig.model_validate({"motion": motion})})
    assert suggestion(replace(bundle, config=turned))[0] == "free"


def test_what_is_suggested_and_what_is_odd_is_told(bundle: Bundle, model: Path) -> None:
    odd = replace(bundle, source={**bundle.source, "suspicious": ["good/1.png", "good/2.png"]})
    told = dict(describe(odd, model))
    assert told["suspicious"] == "good/1.png, good/2.png"
    assert told["refused"] == "none"
    assert told["suggested"].startswith("configs/default.yaml: ")


def test_where_light_is_measured_is_told_where_that_is_not_everywhere(bundle: Bundle, model: Path) -> None:
    assert "light" not in dict(describe(bundle, model))
    assert "what all parts share" in dict(describe(replace(bundle, steady=("01", "00")), model))["light"]


def test_what_is_seen_is_told_where_that_is_not_all(bundle: Bundle, model: Path) -> None:
    assert "seen" not in dict(describe(bundle, model))
    seen = dict(describe(replace(bundle, view=View((100, 80, 200, 150), bundle.view.size)), model))["seen"]
    assert seen == "200 x 150 px at x 100, y 80 of the reference; the rest is not judged"
    outlined = View((100, 80, 200, 150), bundle.view.size, ((110, 90), (290, 90), (290, 220)))
    seen = dict(describe(replace(bundle, view=outlined), model))["seen"]
    assert seen.startswith("the outline that all parts share, in 200 x 150 px")
