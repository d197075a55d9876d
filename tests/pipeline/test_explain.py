from dataclasses import replace

import numpy as np
import pytest

from pipeline.drawing import BLUE, VERDICT_COLOUR, VERMILION
from pipeline.explain import HEIGHT, WIDTH, explain
from pipeline.images import Image
from pipeline.verdict import Verdict
from pipeline.view import View
from tests.pipeline.fakes import FakeInspector, part

DEFECT = (70, 40)


def tile(picture: Image, row: int, column: int) -> Image:
    height, width = picture.shape[0] // 3, picture.shape[1] // 3
    return picture[row * height : (row + 1) * height, column * width : (column + 1) * width]


def test_nine_tiles_of_a_legible_size() -> None:
    picture = explain(part(DEFECT), FakeInspector().inspect(part(DEFECT), evidence=True))
    assert picture.shape[1] >= 3 * WIDTH
    assert picture.shape[0] >= 3 * HEIGHT
    assert all(tile(picture, row, column).std() > 1 for row in range(3) for column in range(3))


def test_the_anomaly_is_outlined_in_its_tile_only() -> None:
    picture = explain(part(DEFECT), FakeInspector().inspect(part(DEFECT), evidence=True))
    marked = [bool((tile(picture, 2, column) == VERMILION).all(axis=2).any()) for column in range(2)]
    assert marked == [False, True]


@pytest.mark.parametrize(("burnt_out", "unseen"), [(0.2, 0.0), (0.0, 0.2)])
def test_what_is_kept_out_is_said_beneath_the_mask(burnt_out: float, unseen: float) -> None:
    inspection = FakeInspector().inspect(part(), evidence=True)
    assert inspection.evidence
    other = replace(inspection, evidence=replace(inspection.evidence, burnt_out=burnt_out, unseen=unseen))
    changed = [
        (tile(explain(part(), other), row, column) != tile(explain(part(), inspection), row, column)).any()
        for row in range(3)
        for column in range(3)
    ]
    assert changed == [False, False, True] + 6 * [False]


def test_what_is_judged_is_framed_where_that_is_not_all() -> None:
    """Parts lie 6 px left of the reference and 4 px below it."""
    inspection = FakeInspector().inspect(part(), evidence=True)
    assert inspection.evidence
    closer = replace(inspection, evidence=replace(inspection.evidence, view=View((40, 20, 50, 30), (64, 32))))
    whole, framed = (explain(part(), found) for found in (inspection, closer))
    assert not (tile(whole, 0, 0) == BLUE).all(axis=2).any()
    rows, columns = np.nonzero((tile(framed, 0, 0) == BLUE).all(axis=2))
    scale = WIDTH / 120
    assert np.ptp(columns) == pytest.approx(50 * scale, abs=6 * scale)
    assert np.ptp(rows) == pytest.approx(30 * scale, abs=6 * scale)


def test_print_at_fault_is_boxed_on_the_input() -> None:
    inspection = FakeInspector().inspect(part(), evidence=True)
    assert inspection.print_mask
    corners = np.array([(30, 20), (60, 20), (60, 40), (30, 40)], np.float64)
    faulty = replace(inspection, print_mask=replace(inspection.print_mask, places=(corners,)))
    clean, boxed = (tile(explain(part(), found), 0, 0) for found in (inspection, faulty))
    assert not (clean == VERMILION).all(axis=2).any()
    assert np.ptp(np.nonzero((boxed == VERMILION).all(axis=2))[1]) == pytest.approx(30 * WIDTH / 120, abs=20)


def test_the_verdict_has_its_colour() -> None:
    picture = explain(part(), FakeInspector().inspect(part(), evidence=True))
    last = tile(picture, 2, 2)
    assert (last == VERDICT_COLOUR[Verdict.OK]).all(axis=2).sum() > 10_000


def test_numbers_that_are_none_draw_as_nothing() -> None:
    inspection = FakeInspector().inspect(part(), evidence=True)
    assert inspection.evidence
    anomaly = np.full_like(inspection.evidence.anomaly, np.nan)
    explain(part(), replace(inspection, evidence=replace(inspection.evidence, anomaly=anomaly)))


def test_without_evidence_input_and_verdict_remain() -> None:
    picture = explain(part(), FakeInspector().inspect(part()))
    assert picture.shape[1] < 3 * WIDTH
