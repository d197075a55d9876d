from __future__ import annotations

import cv2
import numpy as np

from pipeline.images import Grey
from pipeline.print import PrintStage, ZoneKind, ZoneLearner, teach
from pipeline.print.strokes import stroke_width
from tests.pipeline.print.parts import CODE_BOX, HERE, SIZE, TEXT_BOX, draw_part, draw_parts

WIDTH = stroke_width(SIZE)


def test_finds_the_serial_number_and_the_code_and_nothing_else(stage: PrintStage) -> None:
    outside = stage.labels > 0
    for x, y, width, height in (TEXT_BOX, CODE_BOX):
        assert outside[y + height // 2, x + width // 3]
        outside[y - 10 : y + height + 10, x - 10 : x + width + 10] = False
    assert not outside.any()
    assert any(zone.name == "datamatrix 1" for zone in stage.zones)
    assert all(zone.dark for zone in stage.zones)


def test_zone_boxes_hold_their_pixels(stage: PrintStage) -> None:
    for label, zone in enumerate(stage.zones, start=1):
        rows, columns = np.nonzero(stage.labels == label)
        assert (rows.min(), columns.min()) == (zone.y, zone.x)
        assert (rows.max() + 1, columns.max() + 1) == (zone.y + zone.height, zone.x + zone.width)


def test_print_that_is_always_the_same_is_no_zone() -> None:
    parts = [(draw_part(seed, serial="4711", code="SAME").image, HERE) for seed in range(20)]
    assert teach(parts, SIZE).zones == ()


def test_fixed_print_that_is_registered_a_pixel_off_is_no_zone() -> None:
    rng = np.random.default_rng(0)
    learner = ZoneLearner(SIZE, strokes=WIDTH, slack=1)
    for seed in range(30):
        image = draw_part(seed, serial="", code="").image
        learner.add(np.roll(image, rng.integers(-1, 2, 2), axis=(0, 1)))
    zones, labels = learner.zones()
    assert zones == ()
    assert not labels.any()


def test_nothing_seen_gives_no_zones() -> None:
    zones, labels = ZoneLearner(SIZE, strokes=WIDTH, slack=1).zones()
    assert zones == ()
    assert labels.shape == SIZE[::-1]


def test_learner_keeps_the_same_memory_for_more_parts() -> None:
    learner = ZoneLearner(SIZE, strokes=WIDTH, slack=1)
    for image, _ in draw_parts(12):
        learner.add(image)
    kept = len(learner.samples)
    learner.add(draw_part(99).image)
    assert len(learner.samples) == kept


def test_word_that_is_only_turned_is_no_zone() -> None:
    rng = np.random.default_rng(3)
    learner = ZoneLearner(SIZE, strokes=WIDTH, slack=1)
    for seed in range(30):
        learner.add(_turn(draw_part(seed, serial="GOODYEAR", code="").image, rng.uniform(-4, 4)))
    assert learner.zones()[0] == ()


def test_fixed_word_on_a_moving_label_is_a_zone_beside_print_that_varies() -> None:
    rng = np.random.default_rng(4)
    learner = ZoneLearner(SIZE, strokes=WIDTH, slack=1)
    for seed in range(30):
        image = draw_part(seed, serial="GOODYEAR").image
        learner.add(np.roll(image, rng.integers(-4, 5, 2), axis=(0, 1)))
    zones, labels = learner.zones()
    fixed = {bool(zone.fixed) for zone in zones if zone.kind is not ZoneKind.MATRIX_CODE}
    assert True in fixed
    assert any(not zone.fixed for zone in zones)
    assert labels.any()


def _turn(image: Grey, angle: float) -> Grey:
    matrix = cv2.getRotationMatrix2D((110, 75), angle, 1.0)
    return np.asarray(cv2.warpAffine(image, matrix, SIZE, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)
