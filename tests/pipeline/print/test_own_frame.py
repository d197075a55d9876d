from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.print import PrintStage, teach
from tests.pipeline.print.parts import HERE, SIZE, Part

PAPER, CENTRE = (40, 40, 280, 150), (160.0, 95.0)


def _part(seed: int, move: tuple[float, float, float], *, light: bool = False) -> Part:
    """A label with a fixed word, and a line whose first letters never change, shifted and turned."""
    rng = np.random.default_rng(seed)
    grey = np.full(SIZE[::-1], 200 if light else 90, np.uint8)
    cv2.rectangle(grey, PAPER[:2], PAPER[2:], 40 if light else 230, cv2.FILLED)
    fixed, ink = np.zeros((2, *SIZE[::-1]), np.uint8)
    cv2.putText(fixed, "FIXED WORD", (56, 75), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)
    text = f"LOT{rng.integers(10**5, 10**6)}"
    cv2.putText(ink, text, (56, 120), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)
    grey[(fixed | ink) > 0] = 220 if light else 40
    matrix = np.asarray(cv2.getRotationMatrix2D(CENTRE, move[2], 1.0))
    matrix[:, 2] += np.array(move[:2])
    ground = (200.0 if light else 90.0,)
    grey = np.asarray(cv2.warpAffine(grey, matrix, SIZE, borderMode=cv2.BORDER_CONSTANT, borderValue=ground), np.uint8)
    noisy = np.clip(grey + rng.normal(0, 2, grey.shape), 0, 255).astype(np.uint8)
    moved = np.asarray(cv2.warpAffine(ink, matrix, SIZE, flags=cv2.INTER_NEAREST), np.uint8)
    return Part(noisy, moved)


def _taught(*, light: bool) -> PrintStage:
    moves = np.random.default_rng(7).uniform(-3, 3, (40, 3))
    return teach([(_part(i, tuple(move), light=light).image, HERE) for i, move in enumerate(moves)], SIZE)


@pytest.fixture(scope="module", params=[False, True], ids=["dark on light", "light on dark"])
def taught(request: pytest.FixtureRequest) -> tuple[PrintStage, bool]:
    return _taught(light=request.param), request.param


def test_the_whole_line_is_a_zone_that_moves_with_its_label(taught: tuple[PrintStage, bool]) -> None:
    stage, light = taught
    assert [sheet.dark for sheet in stage.sheets] == [light]
    ink = _part(500, (0, 0, 0), light=light).ink > 0
    assert (stage.labels[ink] > 0).mean() > 0.98
    assert {zone.sheet for zone in stage.zones} == {"label 1"}


@settings(max_examples=15, deadline=None)
@given(dx=st.floats(-12, 12), dy=st.floats(-12, 12), angle=st.floats(-10, 10))
def test_mask_follows_the_label_within_a_pixel(
    taught: tuple[PrintStage, bool], dx: float, dy: float, angle: float
) -> None:
    stage, light = taught
    part = _part(501, (dx, dy, angle), light=light)
    mask = stage.find(part.image, HERE).pixels
    grown = cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0
    assert grown[part.ink > 0].mean() > 0.98


def test_good_labels_have_no_findings(taught: tuple[PrintStage, bool]) -> None:
    stage, light = taught
    moves = np.random.default_rng(8).uniform(-2.5, 2.5, (20, 3))
    assert [stage.find(_part(600 + i, tuple(m), light=light).image, HERE).findings for i, m in enumerate(moves)] == (
        [()] * 20
    )


def test_a_label_that_is_missing_is_one_finding(taught: tuple[PrintStage, bool]) -> None:
    stage, light = taught
    bare = np.full(SIZE[::-1], 200 if light else 90, np.uint8)
    assert stage.find(bare, HERE).findings == ("label 1 missing",)
