from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.print import PrintStage
from pipeline.registration import Registration
from tests.pipeline.print.parts import CODE_BOX, HERE, SIZE, TEXT_BOX, draw_part


def _dilate(mask: NDArray[np.uint8], reach: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0)


def _pose(angle: float, dx: float, dy: float) -> NDArray[np.float64]:
    matrix = np.asarray(cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), angle, 1.0), dtype=np.float64)
    matrix[:, 2] += (dx, dy)
    return matrix


def test_masks_strokes_and_little_else(stage: PrintStage) -> None:
    part = draw_part(1001)
    mask = stage.find(part.image, HERE).pixels > 0
    assert mask[part.ink > 0].mean() > 0.98
    assert not (mask & ~_dilate(part.ink, 3)).any()


def test_reads_the_code(stage: PrintStage) -> None:
    (code,) = stage.find(draw_part(1002, code="P123456789").image, HERE).codes
    assert code.zone in {zone.name for zone in stage.zones if zone.kind.is_code}
    assert (code.text, code.symbology) == ("P123456789", "DataMatrix")


def test_reads_from_the_shot_as_taken_what_its_light_hides(stage: PrintStage) -> None:
    part = draw_part(1002, code="P123456789")
    x, y, width, height = CODE_BOX
    hidden = part.image.copy()
    hidden[y + height // 2 - 6 : y + height // 2 + 4, x : x + width] = 230
    assert [code.text for code in stage.find(hidden, HERE, part.image).codes] == ["P123456789"]
    assert [code.text for code in stage.find(hidden, HERE).codes] == [""]


def test_good_parts_have_no_findings(stage: PrintStage) -> None:
    assert [stage.find(draw_part(seed).image, HERE).findings for seed in range(2000, 2040)] == [()] * 40


def test_missing_print_is_found(stage: PrintStage) -> None:
    findings = stage.find(draw_part(1003, serial="").image, HERE).findings
    assert any("missing" in finding for finding in findings)


def test_code_that_cannot_be_read_is_found_and_still_masked(stage: PrintStage) -> None:
    part = draw_part(1004)
    x, y, width, height = CODE_BOX
    image = part.image.copy()
    image[y + height // 2 - 6 : y + height // 2 + 4, x : x + width] = 230
    found = stage.find(image, HERE)
    assert "code in zone 'datamatrix 1' not readable" in found.findings
    (code,) = found.codes
    assert (code.text, code.symbology) == ("", "DataMatrix")
    assert found.pixels[y + 5 : y + 20, x + 5 : x + 30].mean() > 100


def test_stain_across_print_stays_visible(stage: PrintStage) -> None:
    part = draw_part(1005)
    stain = np.zeros(SIZE[::-1], np.uint8)
    cv2.circle(stain, (100, 76), 20, 255, cv2.FILLED)
    image = part.image.copy()
    image[(stain > 0) & (part.ink == 0)] = 120
    mask = stage.find(image, HERE).pixels
    assert (mask[(stain > 0) & ~_dilate(part.ink, 2)] > 0).mean() < 0.25


def test_text_outside_the_zones_is_never_masked(stage: PrintStage) -> None:
    image = draw_part(1006).image.copy()
    cv2.putText(image, "SCRAP", (100, 225), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    assert not stage.find(image, HERE).pixels[190:].any()


def test_image_without_structure_has_an_empty_mask(stage: PrintStage) -> None:
    found = stage.find(np.full(SIZE[::-1], 128, np.uint8), HERE)
    assert not found.pixels.any()
    assert found.codes == ()
    assert found.findings


@settings(max_examples=25, deadline=None)
@given(angle=st.floats(-15, 15), dx=st.floats(-12, 12), dy=st.floats(-12, 12))
def test_mask_comes_back_to_the_original_within_a_pixel(stage: PrintStage, angle: float, dx: float, dy: float) -> None:
    part = draw_part(1007)
    to_original = _pose(angle, dx, dy)
    image = cv2.warpAffine(part.image, to_original, SIZE, borderMode=cv2.BORDER_REPLICATE)
    ink = cv2.warpAffine(part.ink, to_original, SIZE, flags=cv2.INTER_NEAREST)
    registration = Registration(np.asarray(cv2.invertAffineTransform(to_original)), 1.0, True)
    found = stage.find(np.asarray(image, dtype=np.uint8), registration)
    back = cv2.warpAffine(found.pixels, to_original, SIZE, flags=cv2.INTER_NEAREST)
    assert _dilate(np.asarray(back, dtype=np.uint8), 1)[ink > 0].mean() > 0.99
    assert not ((back > 0) & ~_dilate(np.asarray(ink, dtype=np.uint8), 4)).any()
    (code,) = found.codes
    x, y = CODE_BOX[:2]
    low, high = np.array([(x + 5, y + 5)]), np.array([(x + 53, y + 53)])
    corners = code.corners @ registration.matrix[:, :2].T + registration.matrix[:, 2]
    assert (corners > low - 4).all()
    assert (corners < high + 4).all()
    assert code.text


def test_survives_json(stage: PrintStage) -> None:
    again = PrintStage.from_dict(json.loads(json.dumps(stage.to_dict())), stage.labels)
    assert again.zones == stage.zones
    part = draw_part(1008)
    np.testing.assert_array_equal(again.find(part.image, HERE).pixels, stage.find(part.image, HERE).pixels)


def test_refuses_a_map_of_another_size(stage: PrintStage) -> None:
    with pytest.raises(ValueError, match="zone map"):
        PrintStage.from_dict(stage.to_dict(), np.zeros((3, 3), np.uint8))


def test_every_finding_has_its_place_on_the_image(stage: PrintStage) -> None:
    move = _pose(2.0, 4, -3)
    image = cv2.warpAffine(draw_part(1003, serial="").image, move, SIZE, borderMode=cv2.BORDER_REPLICATE)
    registration = Registration(np.asarray(cv2.invertAffineTransform(move), np.float64), 1.0, True)
    found = stage.find(np.asarray(image, np.uint8), registration)
    assert len(found.places) == len(found.findings) > 0
    here = next(place for words, place in zip(found.findings, found.places, strict=True) if "text" in words)
    middle = move[:, :2] @ (TEXT_BOX[0] + TEXT_BOX[2] / 2, TEXT_BOX[1] + TEXT_BOX[3] / 2) + move[:, 2]
    assert np.abs(here.mean(axis=0) - middle).max() < 20
