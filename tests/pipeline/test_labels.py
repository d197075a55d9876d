from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.framing import PRINT, frame_part
from pipeline.images import Image
from pipeline.labels import labels_in_place, print_in_place, to_original
from pipeline.print import LabelPose, PrintMask
from pipeline.registration import Registration
from pipeline.view import View

SIZE = (320, 256)
WHOLE, SMALL = View.of_all(SIZE), View.of_all(SIZE, (160, 128))
CENTRE, SIDES = (160.0, 120.0), (120.0, 60.0)
AT_REST = Registration(np.eye(2, 3), 1.0, True)
SHIFTS = st.floats(-12, 12)
TURNS = st.floats(-5, 5)


def lying(x: float, y: float, degrees: float) -> tuple[Registration, np.ndarray]:
    """The registration of a label that lies off its usual place, and its corners there."""
    place = (CENTRE[0] + x, CENTRE[1] + y)
    matrix = np.asarray(cv2.getRotationMatrix2D(place, degrees, 1), np.float64) - [[0, 0, x], [0, 0, y]]
    return Registration(matrix, 1.0, True), np.asarray(cv2.boxPoints((place, SIDES, degrees)), np.float64)


def drawn(x: float = 0.0, y: float = 0.0, degrees: float = 0.0) -> tuple[Image, PrintMask]:
    """A dark part with a light label, which bears a line of print, and what the print stage would say of it."""
    paper = np.full((SIZE[1], SIZE[0], 3), 210, np.uint8)
    ink = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    cv2.rectangle(ink, (130, 110), (190, 118), 255, -1)
    paper[ink > 0] = 30
    registration, corners = lying(x, y, degrees)
    placed = cv2.warpAffine(paper, registration.matrix, SIZE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    pixels = cv2.warpAffine(ink, registration.matrix, SIZE, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    image = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
    where = cv2.fillConvexPoly(np.zeros((SIZE[1], SIZE[0]), np.uint8), np.round(corners).astype(np.int32), 255)
    cv2.copyTo(np.asarray(placed, np.uint8), where, image)
    label = LabelPose(registration, corners)
    return image, PrintMask(np.asarray(pixels, np.uint8), (), (), labels=(label,))


@pytest.mark.parametrize("moved", [(9.0, -6.0, 0.0), (-4.0, 5.0, 3.0), (0.3, 0.2, -1.0)])
def test_a_label_lies_where_it_usually_does_and_the_part_goes_on_where_it_was(
    moved: tuple[float, float, float],
) -> None:
    usual, _ = drawn()
    image, found = drawn(*moved)
    frame = labels_in_place(frame_part(image, AT_REST, SMALL), found, AT_REST, SMALL)
    wanted = frame_part(usual, AT_REST, SMALL)
    off = np.abs(frame.detail.astype(int) - wanted.detail)
    edges = cv2.morphologyEx(wanted.detail, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 20
    assert off[~edges].max() <= 8
    assert np.median(off[edges]) < 20
    before = np.abs(frame_part(image, AT_REST, SMALL).detail.astype(int) - wanted.detail)
    assert off.mean() < before.mean()


def test_print_goes_with_its_label() -> None:
    _, usual = drawn()
    image, found = drawn(10, 7, 4)
    moved = print_in_place(found, AT_REST)
    overlap = np.count_nonzero(moved & usual.pixels) / np.count_nonzero(moved | usual.pixels)
    assert overlap > 0.85
    frame = labels_in_place(frame_part(image, AT_REST, WHOLE), found, AT_REST, WHOLE)
    assert (frame.ignored[usual.pixels > 0] == PRINT).mean() > 0.97


def test_what_is_burnt_out_on_a_label_goes_with_it() -> None:
    """A burnt-out label is as light as no other place; its print is dark."""
    _, usual = drawn()
    image, found = drawn(10, 7, 4)
    burnt = np.where(image.min(axis=2) > 150, np.uint8(255), np.uint8(0))
    frame = replace(frame_part(image, AT_REST, WHOLE), burnt=burnt, dark=found.pixels)
    frame = labels_in_place(frame, found, AT_REST, WHOLE)
    wanted = np.where(drawn()[0].min(axis=2) > 150, np.uint8(255), np.uint8(0))
    assert frame.burnt is not None
    assert frame.dark is not None
    assert (frame.burnt != wanted).mean() < 0.02 < (burnt != wanted).mean()
    assert np.count_nonzero(frame.dark & usual.pixels) > 0.85 * np.count_nonzero(usual.pixels)


@given(SHIFTS, SHIFTS, TURNS)
def test_places_on_a_label_are_found_again_where_the_camera_saw_them(x: float, y: float, degrees: float) -> None:
    registration, corners = lying(x, y, degrees)
    found = PrintMask(np.zeros(SIZE[::-1], np.uint8), (), (), labels=(LabelPose(registration, corners),))
    on_label, beside = np.array([[150.0, 110.0]]), np.array([[20.0, 200.0]])
    seen = to_original(np.vstack([on_label, beside]), found, AT_REST)
    back = seen[0] @ registration.matrix[:, :2].T + registration.matrix[:, 2]
    np.testing.assert_allclose(back, on_label[0], atol=1e-6)
    np.testing.assert_allclose(seen[1], beside[0])


def test_a_part_without_labels_stays_as_it_is() -> None:
    image, found = drawn(5, 5)
    frame = frame_part(image, AT_REST, WHOLE)
    bare = PrintMask(found.pixels, (), ())
    np.testing.assert_array_equal(labels_in_place(frame, bare, AT_REST, WHOLE).detail, frame.detail)
    np.testing.assert_array_equal(print_in_place(bare, AT_REST), found.pixels)


def test_a_label_at_the_edge_of_the_image_is_no_error() -> None:
    image, found = drawn(-100, -85)
    assert labels_in_place(frame_part(image, AT_REST, WHOLE), found, AT_REST, WHOLE).image.shape == image.shape
