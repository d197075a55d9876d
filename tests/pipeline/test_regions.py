from pathlib import Path

import numpy as np
import pytest

from models.training import train
from pipeline.config import Box, RegionsConfig, load_config, parse_config
from pipeline.exceptions import ConfigError, TrainingError
from pipeline.images import Image
from pipeline.inspector import Inspector
from pipeline.overlays import anomaly_in_original
from pipeline.regions import outside_image, unjudged, view_of
from pipeline.view import View


def test_everything_is_judged_where_nobody_says_otherwise() -> None:
    assert not unjudged(RegionsConfig(), View.of_all((640, 480), (320, 256))).any()


def test_only_what_is_of_interest_and_not_ignored_is_judged() -> None:
    regions = RegionsConfig(interest=((64, 60, 320, 240),), ignored=((128, 120, 64, 60),))
    found = unjudged(regions, View.of_all((640, 480), (320, 240)))
    wanted = np.full((240, 320), 255, np.uint8)
    wanted[30:150, 32:192] = 0
    wanted[60:90, 64:96] = 255
    np.testing.assert_array_equal(found, wanted)


def test_what_is_of_interest_fills_the_view() -> None:
    regions = RegionsConfig(interest=((400, 100, 100, 50), (450, 200, 100, 50)), ignored=((400, 100, 50, 25),))
    view = view_of(regions.interest, (1600, 1200), megapixels=0.05)
    assert view.box == (379, 79, 192, 192)
    assert view.size == (192, 192)  # a person may draw a box so small that nothing need be shrunk
    wanted = np.full((192, 192), 255, np.uint8)
    wanted[21:71, 21:121] = 0
    wanted[121:171, 71:171] = 0
    wanted[21:46, 21:71] = 255
    np.testing.assert_array_equal(unjudged(regions, view), wanted)


@pytest.mark.parametrize(
    ("interest", "box"),
    [
        ((), (0, 0, 640, 480)),
        (((10, 20, 600, 450),), (0, 0, 640, 480)),
        (((300, 200, 2, 2),), (269, 169, 64, 64)),
        (((0, 470, 640, 10),), (0, 416, 640, 64)),
    ],
)
def test_a_view_has_a_margin_and_stays_in_the_image(interest: tuple[Box, ...], box: Box) -> None:
    assert view_of(interest, (640, 480), megapixels=0.11).box == box


def test_a_small_box_is_shown_pixel_by_pixel_where_the_image_has_room() -> None:
    view = view_of(((300, 200, 150, 60),), (640, 480), megapixels=0.11, margin=0.0)
    assert view.box == (295, 198, 160, 64)
    assert view.size == (160, 64)
    assert view_of(((300, 200, 150, 60),), (460, 480), megapixels=0.11, margin=0.0).box == (295, 198, 160, 64)
    assert view_of(((1, 200, 150, 60),), (155, 480), megapixels=0.11, margin=0.0).box == (1, 198, 150, 64)


def test_where_a_person_says_what_is_of_interest_the_pose_is_that_of_all(drawn_part: Image) -> None:
    """A plain surface may be of interest, and has nothing to be found by."""
    plain = parse_config({"regions": {"interest": [[65, 105, 40, 40]]}}, source="test")
    view = view_of(plain.regions.interest, (320, 240), megapixels=0.1)
    moved = np.roll(drawn_part, (3, 2), (0, 1))
    found = view.registrar(drawn_part, motion="euclidean", min_quality=0.5).register(moved)
    assert found.found
    np.testing.assert_allclose(found.matrix[:, 2], [-2, -3], atol=0.3)


def test_a_box_smaller_than_a_working_pixel_still_counts() -> None:
    found = unjudged(RegionsConfig(ignored=((100, 100, 1, 1),)), View.of_all((640, 480), (64, 48)))
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
    assert found.evidence.view.box == (0, 0, 106, 288)
    judged = round(found.evidence.masked.shape[1] * 96 / 106)
    assert (found.evidence.masked[:, judged + 1 :] == 255).all()
    assert not (found.evidence.masked[:, : judged - 8] == 255).all()
    assert not anomaly_in_original(found, (288, 384))[:, 120:].any()
