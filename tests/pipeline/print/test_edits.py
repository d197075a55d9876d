from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.config import AddedZone, ZoneKind, ZonesConfig
from pipeline.exceptions import ConfigError
from pipeline.images import Grey
from pipeline.print import PrintStage, teach
from pipeline.print.edits import check_boxes, edit_zones
from pipeline.registration import Registration
from tests.pipeline.print.parts import CODE_BOX, HERE, SIZE, draw_part, draw_parts

STAMP = (60, 195, 120, 30)  # x, y, width, height of a mark that never changes: no zone by itself
CODE = "datamatrix 1"


def _stamped(image: Grey, text: str = "PASSED") -> Grey:
    stamped = image.copy()
    cv2.putText(stamped, text, (66, 218), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (210, 210, 210), 2)
    return stamped


def _samples() -> list[NDArray[np.uint8]]:
    return [_stamped(image) for image, _ in draw_parts(4)]


def _zone(name: str = "stamp", box: tuple[int, int, int, int] = STAMP) -> AddedZone:
    return AddedZone(name=name, box=box, kind=ZoneKind.TEXT)


@pytest.fixture(scope="module")
def edited() -> PrintStage:
    parts = [(_stamped(image), HERE) for image, _ in draw_parts(40)]
    edits = ZonesConfig(add=(_zone(),), rename={CODE: "serial"}, forbid=("text 1",))
    return teach(parts, SIZE, edits)


def test_names_are_as_a_person_wants_them(edited: PrintStage) -> None:
    assert [zone.name for zone in edited.zones] == ["serial", "stamp"]
    assert [zone.kind for zone in edited.zones] == [ZoneKind.MATRIX_CODE, ZoneKind.TEXT]
    (code,) = edited.find(_stamped(draw_part(700).image), HERE).codes
    assert code.zone == "serial"


def test_an_added_zone_is_masked_to_the_stroke_and_judged(edited: PrintStage) -> None:
    bare = draw_part(701).image
    image = _stamped(bare)
    found = edited.find(image, HERE)
    ink = image != bare
    assert (found.pixels[ink] > 0).mean() > 0.98
    assert (found.pixels[STAMP[1] : STAMP[1] + STAMP[3], STAMP[0] : STAMP[0] + STAMP[2]] > 0).mean() < 0.6
    assert found.findings == ()
    assert any("'stamp' missing" in finding for finding in edited.find(bare, HERE).findings)


def test_nothing_is_masked_where_a_zone_is_forbidden(edited: PrintStage, stage: PrintStage) -> None:
    forbidden = stage.labels == 1 + [zone.name for zone in stage.zones].index("text 1")
    image = _stamped(draw_part(702).image)
    assert stage.find(image, HERE).pixels[forbidden].any()
    assert not edited.find(image, HERE).pixels[forbidden].any()


@pytest.fixture(scope="module")
def labelled() -> list[tuple[Grey, Registration]]:
    """Parts that are farther away, so that their label is smaller than the image."""
    shrink = np.asarray(cv2.getRotationMatrix2D((160, 85), 0, 0.7))
    far = (cv2.warpAffine(part, shrink, SIZE, borderValue=(90, 90, 90)) for part, _ in draw_parts(40))
    return [(np.asarray(image, np.uint8), HERE) for image in far]


def test_a_label_stays_known_though_its_zones_are_forbidden(labelled: list[tuple[Grey, Registration]]) -> None:
    stage = teach(labelled, SIZE)
    none = teach(labelled, SIZE, ZonesConfig(forbid=tuple(zone.name for zone in stage.zones)))
    assert none.zones == ()
    assert none.sheets == stage.sheets
    assert len(none.sheets) == 1
    assert not none.find(labelled[0][0], HERE).pixels.any()


def test_a_zone_that_is_added_on_a_label_moves_with_it(labelled: list[tuple[Grey, Registration]]) -> None:
    on, off = _zone("on", (80, 104, 90, 15)), _zone("off")
    zones = teach(labelled, SIZE, ZonesConfig(add=(on, off))).zones
    assert {zone.name: zone.sheet for zone in zones[-2:]} == {"on": "label 1", "off": ""}


def test_no_edit_changes_nothing(stage: PrintStage) -> None:
    same = edit_zones(stage, ZonesConfig(), _samples())
    assert same.zones == stage.zones
    np.testing.assert_array_equal(same.labels, stage.labels)


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        (ZonesConfig(forbid=("text 9",)), r"forbid: no zone is called 'text 9'; the good parts show '.*text 1'"),
        (ZonesConfig(rename={"txt": "a"}), "rename: no zone is called 'txt'"),
        (ZonesConfig(rename={"text 1": CODE}), f"two zones would be called '{CODE}'"),
        (ZonesConfig(add=(_zone(CODE),)), f"two zones would be called '{CODE}'"),
        (ZonesConfig(add=(_zone("a", CODE_BOX),)), f"'a' overlaps '{CODE}'"),
    ],
)
def test_edits_that_do_not_fit_are_one_line(stage: PrintStage, edits: ZonesConfig, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        edit_zones(stage, edits, _samples())
    assert "\n" not in str(caught.value)


def test_a_box_outside_the_image_is_refused_before_any_part_is_looked_at() -> None:
    with pytest.raises(ConfigError, match="'stamp' ends at x 321, y 225, outside the reference image of 320 x 240 px"):
        teach([], SIZE, ZonesConfig(add=(_zone(box=(201, 195, 120, 30)),)))


@given(x=st.integers(0, 400), y=st.integers(0, 300), width=st.integers(1, 200), height=st.integers(1, 200))
def test_boxes_are_inside_or_refused(x: int, y: int, width: int, height: int) -> None:
    edits = ZonesConfig(add=(_zone(box=(x, y, width, height)),))
    if np.zeros(SIZE[::-1])[y : y + height, x : x + width].shape == (height, width):
        check_boxes(edits, SIZE)
    else:
        with pytest.raises(ConfigError, match="outside"):
            check_boxes(edits, SIZE)
