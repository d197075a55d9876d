from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.bundle import Bundle, load_bundle
from pipeline.config import RegionsConfig, RegistrationConfig
from pipeline.info import describe, shared_box, suggestion


@pytest.fixture
def bundle(model: Path) -> Bundle:
    return load_bundle(model)


def test_a_part_in_place_at_nearly_the_cameras_pixels_asks_for_nothing_special(bundle: Bundle) -> None:
    assert suggestion(bundle)[0] == "default"


def test_few_pixels_of_many_ask_for_finer_ones(bundle: Bundle) -> None:
    name, why = suggestion(replace(bundle, working_size=(96, 64)))
    assert name == "fine"
    assert "stands for 4.0 of the camera's" in why


@pytest.mark.parametrize("motion", ["any", "none"])
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


SMALL = ("0" * 24,) * 6 + ("0" * 8 + "1" * 6 + "0" * 10,) * 5 + ("1" + "0" * 23,) * 7
"""Blocks of 16 px of an image of 384x288 px, of which parts fill some, and a speck lies beside."""


def test_parts_that_fill_little_of_the_image_are_to_be_looked_at_closer(bundle: Bundle, model: Path) -> None:
    small = replace(bundle, steady=SMALL)
    assert shared_box(small) == (128, 96, 96, 80)
    told = dict(describe(small, model))["or a closer look"]
    assert "parts fill 10% of the image" in told
    assert "regions: {interest: [[128, 96, 96, 80]]}" in told
    assert "2.4 times as large" in told


@pytest.mark.parametrize("steady", [(), ("1" * 24,) * 18, ("0" * 24,) * 18])
def test_parts_that_fill_the_image_are_seen_close_enough(bundle: Bundle, model: Path, steady: tuple[str, ...]) -> None:
    assert "or a closer look" not in dict(describe(replace(bundle, steady=steady), model))


def test_nothing_is_suggested_where_a_person_has_drawn_what_is_of_interest(bundle: Bundle, model: Path) -> None:
    drawn = bundle.config.model_copy(update={"regions": RegionsConfig(interest=((100, 80, 200, 150),))})
    assert "or a closer look" not in dict(describe(replace(bundle, config=drawn, steady=SMALL), model))
