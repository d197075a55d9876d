from pathlib import Path

import numpy as np
import pytest

from models.training import train
from pipeline.config import Box, RegionsConfig, load_config, parse_config
from pipeline.exceptions import ConfigError, TrainingError
from pipeline.inspector import Inspector
from pipeline.regions import outside_image, unjudged


def test_everything_is_judged_where_nobody_says_otherwise() -> None:
    assert not unjudged(RegionsConfig(), (640, 480), (320, 256)).any()


def test_only_what_is_of_interest_and_not_ignored_is_judged() -> None:
    regions = RegionsConfig(interest=((64, 60, 320, 240),), ignored=((128, 120, 64, 60),))
    found = unjudged(regions, (640, 480), (320, 240))
    wanted = np.full((240, 320), 255, np.uint8)
    wanted[30:150, 32:192] = 0
    wanted[60:90, 64:96] = 255
    np.testing.assert_array_equal(found, wanted)


def test_a_box_smaller_than_a_working_pixel_still_counts() -> None:
    found = unjudged(RegionsConfig(ignored=((100, 100, 1, 1),)), (640, 480), (64, 48))
    assert np.argwhere(found).tolist() == [[10, 10]]


@pytest.mark.parametrize(("box", "beside"), [((0, 0, 640, 480), False), ((640, 0, 5, 5), True), ((0, 480, 5, 5), True)])
def test_a_box_beside_the_image_is_named(box: Box, beside: bool) -> None:
    assert outside_image(RegionsConfig(ignored=(box,)), (640, 480)) == (box if beside else None)


@pytest.mark.parametrize("box", [[1, 2, 3], [0, 0, 0, 5], [-1, 0, 5, 5], "all"])
def test_what_is_no_box_is_an_error(box: object) -> None:
    with pytest.raises(ConfigError, match=r"regions\.ignored"):
        parse_config({"regions": {"ignored": [box]}}, source="line4.yaml")


def test_a_box_beside_the_images_ends_the_training(dataset: Path, tiny_config: Path, tmp_path: Path) -> None:
    config = load_config(tiny_config).model_copy(update={"regions": RegionsConfig(ignored=((900, 0, 5, 5),))})
    with pytest.raises(TrainingError, match=r"\[900, 0, 5, 5\] lies beside"):
        train(dataset, tmp_path / "model", config)


def test_nothing_is_found_where_nothing_is_judged(dataset: Path, tiny_config: Path, tmp_path: Path) -> None:
    everywhere = RegionsConfig(interest=((0, 0, 96, 288),))
    config = load_config(tiny_config).model_copy(update={"regions": everywhere})
    inspector = Inspector(train(dataset, tmp_path / "model", config))
    found = inspector.inspect_file(dataset / "test" / "label_missing" / "200.png", evidence=True)
    assert found.evidence is not None
    width = found.evidence.masked.shape[1]
    assert (found.evidence.masked[:, width // 4 :] == 255).all()
    assert not (found.evidence.masked[:, : width // 4 - 8] == 255).all()
    assert (found.evidence.ssim_residual[:, width // 4 + 8 :] == 0).all()
