from dataclasses import replace

import numpy as np
import pytest

from pipeline.drawing import VERMILION
from pipeline.images import Image
from pipeline.overlays import anomaly_in_original, draw_overlay, outline, print_in_original, stands_out, tint
from pipeline.print import LabelPose
from pipeline.registration import Registration
from pipeline.verdict import Verdict
from tests.pipeline.fakes import SHIFT, FakeInspector, part

DEFECT = (70, 40)


def pixels_of(image: Image, colour: tuple[int, int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.intp]]:
    rows, columns = np.nonzero((image == colour).all(axis=2))
    return np.stack([columns, rows], axis=1)


def test_the_defect_is_marked_where_it_is() -> None:
    marked = draw_overlay(part(DEFECT), FakeInspector().inspect(part(DEFECT), evidence=True))
    drawn = pixels_of(marked[:80], VERMILION)
    assert len(drawn)
    assert drawn.mean(axis=0) == pytest.approx(DEFECT, abs=1.5)
    assert np.abs(drawn - DEFECT).max() <= 32


def test_a_good_part_is_not_marked() -> None:
    marked = draw_overlay(part(), FakeInspector().inspect(part(), evidence=True))
    assert not len(pixels_of(marked[:80], VERMILION))


def test_faulty_print_is_boxed_and_nothing_else_pointed_at() -> None:
    seen = FakeInspector().inspect(part(), evidence=True)
    assert seen.print_mask is not None
    box = np.array([(10, 10), (40, 10), (40, 30), (10, 30)], np.float64)
    faulty = replace(seen, verdict=Verdict.NG, print_mask=replace(seen.print_mask, findings=("faded",), places=(box,)))
    drawn = pixels_of(draw_overlay(part(), faulty)[:80], VERMILION)
    assert len(drawn)
    assert np.abs(drawn.min(axis=0) - (10, 10)).max() <= 2
    assert np.abs(drawn.max(axis=0) - (40, 30)).max() <= 2


def test_the_image_itself_is_not_drawn_on() -> None:
    image = part(DEFECT)
    draw_overlay(image, FakeInspector().inspect(image, evidence=True))
    np.testing.assert_array_equal(image, part(DEFECT))


def test_print_is_tinted_and_codes_are_boxed() -> None:
    marked = draw_overlay(part(), FakeInspector().inspect(part(), evidence=True))
    assert marked[18, 24, 2] > marked[18, 24, 0]
    assert (marked[40, 60] == 60).all()
    assert marked[50, 85, 2] > marked[50, 85, 0]
    assert (marked[55, 85] == 60).all()


@pytest.mark.parametrize("width", [120, 768, 3000])
def test_the_band_is_below_and_grows_with_the_image(width: int) -> None:
    image = np.zeros((80, width, 3), np.uint8)
    inspection = replace(FakeInspector().inspect(part(DEFECT)), print_mask=None, codes=())
    band = draw_overlay(image, inspection)[80:]
    assert band.shape[1] == width
    assert band.shape[0] >= width / 42


def test_print_and_anomaly_come_back_to_the_original() -> None:
    inspection = FakeInspector().inspect(part(DEFECT), evidence=True)
    anomaly = anomaly_in_original(inspection, (80, 120))
    rows, columns = np.nonzero(anomaly > 5)
    assert (columns.mean(), rows.mean()) == pytest.approx(DEFECT, abs=0.6)
    rows, columns = np.nonzero(print_in_original(inspection, (80, 120)))
    assert (columns.min(), rows.min()) == (20 - SHIFT[0], 10 - SHIFT[1])


def test_an_anomaly_on_a_label_is_shown_where_the_label_lies() -> None:
    """The evidence shows labels at their usual place: here the label lies 9 px to the right of it."""
    seen = FakeInspector().inspect(part(DEFECT), evidence=True)
    assert seen.print_mask is not None
    assert seen.registration is not None
    off = Registration(seen.registration.matrix - [[0, 0, 9], [0, 0, 0]], 1.0, True)
    middle = np.array(DEFECT) + SHIFT + (9, 0)
    label = LabelPose(off, middle + np.array([(-15, -15), (15, -15), (15, 15), (-15, 15)], np.float64))
    inspection = replace(seen, print_mask=replace(seen.print_mask, labels=(label,)))
    rows, columns = np.nonzero(anomaly_in_original(inspection, (80, 120))[:, DEFECT[0] :] > 5)
    assert (DEFECT[0] + columns.mean(), rows.mean()) == pytest.approx((DEFECT[0] + 9, DEFECT[1]), abs=0.8)


def test_without_evidence_nothing_is_anomalous_and_nothing_masked() -> None:
    bare = replace(FakeInspector().inspect(part()), print_mask=None)
    assert not (anomaly_in_original(bare, (80, 120)) > 0).any()
    assert not print_in_original(bare, (80, 120)).any()


def test_tint_leaves_the_rest_alone() -> None:
    canvas, mask = np.full((4, 4, 3), 100, np.uint8), np.zeros((4, 4), np.uint8)
    mask[1, 2] = 255
    tint(canvas, mask, (0, 0, 200))
    assert canvas[1, 2].tolist() == [65, 65, 135]
    assert (canvas[mask == 0] == 100).all()


def test_outline_goes_around_each_region() -> None:
    canvas, where = np.zeros((60, 100, 3), np.uint8), np.zeros((60, 100), bool)
    where[20:40, 10:30] = where[20:40, 60:80] = True
    outline(canvas, where)
    assert (canvas[30, 10] == VERMILION).all()
    assert (canvas[30, 60] == VERMILION).all()
    assert (canvas[30, 20] == 0).all()
    assert (canvas[30, 45] == 0).all()


def test_a_fault_that_raises_all_of_the_map_is_outlined_where_it_is() -> None:
    anomaly = np.full((40, 60), 8.0, np.float32)
    anomaly[10:20, 20:30] = 50
    assert stands_out(anomaly, 2.5).sum() == 100
    assert stands_out(anomaly - 9, 2.5).sum() == 100
    assert not stands_out(np.full((40, 60), -np.inf, np.float32), 2.5).any()
