from dataclasses import replace

import numpy as np

from pipeline.drawing import VERDICT_COLOUR, VERMILION
from pipeline.explain import HEIGHT, WIDTH, explain
from pipeline.images import Image
from pipeline.verdict import Verdict
from tests.pipeline.fakes import FakeInspector, part

DEFECT = (70, 40)


def tile(picture: Image, row: int, column: int) -> Image:
    height, width = picture.shape[0] // 2, picture.shape[1] // 4
    return picture[row * height : (row + 1) * height, column * width : (column + 1) * width]


def test_eight_tiles_of_a_legible_size() -> None:
    picture = explain(part(DEFECT), FakeInspector().inspect(part(DEFECT), evidence=True))
    assert picture.shape[1] >= 4 * WIDTH
    assert picture.shape[0] >= 2 * HEIGHT
    assert all(tile(picture, row, column).std() > 1 for row in (0, 1) for column in range(4))


def test_the_anomaly_is_outlined_in_its_tile_only() -> None:
    picture = explain(part(DEFECT), FakeInspector().inspect(part(DEFECT), evidence=True))
    marked = [bool((tile(picture, 1, column) == VERMILION).all(axis=2).any()) for column in range(3)]
    assert marked == [False, False, True]


def test_the_verdict_has_its_colour() -> None:
    picture = explain(part(), FakeInspector().inspect(part(), evidence=True))
    last = tile(picture, 1, 3)
    assert (last == VERDICT_COLOUR[Verdict.OK]).all(axis=2).sum() > 10_000


def test_numbers_that_are_none_draw_as_nothing() -> None:
    inspection = FakeInspector().inspect(part(), evidence=True)
    assert inspection.evidence
    anomaly = np.full_like(inspection.evidence.anomaly, np.nan)
    explain(part(), replace(inspection, evidence=replace(inspection.evidence, anomaly=anomaly)))


def test_without_evidence_input_and_verdict_remain() -> None:
    picture = explain(part(), FakeInspector().inspect(part()))
    assert picture.shape[1] < 3 * WIDTH
