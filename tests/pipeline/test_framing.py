import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.framing import (
    CLIPPED,
    NEAR_OUTSIDE,
    PAINT,
    PRINT,
    UNCOMPARED,
    Frame,
    frame_part,
    lit_grey,
    lit_part,
    working_size,
)
from pipeline.images import Grey, Image, Mask, grey_of
from pipeline.lighting import Expected, Light
from pipeline.registration import Registration
from pipeline.view import View

SIZE = (160, 128)


def gradient(across: float, down: float, *, width: int = 160, height: int = 128) -> Image:
    """A plane of light, brightest channel first, never clipped."""
    x, y = np.arange(width), np.arange(height)[:, None]
    plane = 120 + across * (x - width / 2) + down * (y - height / 2)
    return np.asarray(np.clip(np.dstack([plane + 30, plane, plane - 30]), 0, 255), np.uint8)


def placed(dx: float = 0, dy: float = 0) -> Registration:
    return Registration(np.array([[1.0, 0, dx], [0, 1, dy]]), 1.0, True)


def framed(image: Image, registration: Registration, printed: Mask | None = None) -> Frame:
    none = np.zeros(image.shape[:2], np.uint8)
    view = View.of_all((image.shape[1], image.shape[0]), SIZE)
    return frame_part(image, registration, view).behind(none if printed is None else printed, view)


def test_a_part_in_place_is_seen_whole() -> None:
    image = gradient(0.4, 0.3, width=320, height=256)
    frame = framed(image, placed())
    np.testing.assert_array_equal(frame.image, cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA))
    assert not frame.ignored.any()


@pytest.mark.parametrize("dx", [-40.0, -5.0, 4.0, 31.0])
def test_what_the_camera_did_not_see_is_marked(dx: float) -> None:
    image = gradient(0.4, 0.3, width=320, height=256)
    frame = framed(image, placed(dx))
    outside = math.ceil(abs(dx) / 2)  # half the size in the working frame
    columns = outside + NEAR_OUTSIDE
    unseen = np.zeros((128, 160), bool)
    unseen[:, :columns] = dx > 0
    unseen[:, 160 - columns :] = dx < 0
    np.testing.assert_array_equal(frame.ignored == UNCOMPARED, unseen)
    assert frame.unseen == outside / 160


def test_a_turned_part_is_seen_inside() -> None:
    matrix = np.asarray(cv2.getRotationMatrix2D((160, 128), 2.3, 1), np.float64)
    frame = framed(gradient(0.4, 0.3, width=320, height=256), Registration(matrix, 1.0, True))
    assert set(np.unique(frame.ignored)) == {0, UNCOMPARED}
    inside = 8 + NEAR_OUTSIDE
    assert not frame.ignored[inside:-inside, inside:-inside].any()
    assert frame.ignored[0, 0] == frame.ignored[-1, -1] == UNCOMPARED


def test_a_part_moved_back_looks_like_one_that_never_moved(drawn_part: Image) -> None:
    shifted = np.roll(drawn_part, (6, -10), axis=(0, 1))
    frame = framed(shifted, placed(10, -6))
    expected = framed(drawn_part, placed()).image
    assert np.abs(frame.image.astype(int) - expected)[8:-8, 8:-8].mean() < 0.5


def test_print_is_covered_with_the_pixels_its_edge_darkens() -> None:
    image, printed = gradient(0.2, 0.2, width=320, height=256), np.zeros((256, 320), np.uint8)
    cv2.putText(printed, "SN 4711", (60, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255,), 4)
    image[printed > 0] = 0
    frame = framed(image, placed(), printed)
    clean = framed(gradient(0.2, 0.2, width=320, height=256), placed()).image
    darkened = np.abs(frame.image.astype(int) - clean).max(axis=2) > 64
    assert darkened.any()
    assert not darkened[frame.ignored == 0].any()
    assert 0.02 < np.count_nonzero(frame.ignored == PRINT) / frame.ignored.size < 0.15
    assert set(np.unique(frame.ignored)) == {0, PRINT}


@given(
    width=st.integers(64, 6000),
    height=st.integers(64, 6000),
    megapixels=st.floats(0.005, 4),
)
def test_the_working_size_fits_the_network(width: int, height: int, megapixels: float) -> None:
    w, h = working_size((width, height), megapixels=megapixels)
    assert w % 32 == h % 32 == 0
    assert min(w, h) >= 32
    assert w <= width + 16  # never enlarged by more than rounding
    assert h <= height + 16
    wanted = min(1.0, math.sqrt(megapixels * 1e6 / (width * height)))
    assert abs(w - max(32, width * wanted)) <= 16
    assert abs(h - max(32, height * wanted)) <= 16


def test_the_working_size_keeps_the_ratio() -> None:
    assert working_size((768, 576), megapixels=0.11) == (384, 288)
    assert working_size((400, 400), megapixels=0.11) == (320, 320)
    assert working_size((64, 64), megapixels=0.11) == (64, 64)


@settings(max_examples=20, deadline=None)
@given(strength=st.floats(0.8, 1.1), across=st.floats(-0.12, 0.12), turn=st.floats(-4, 4))
def test_the_print_stage_sees_the_part_in_the_light_of_the_reference(
    drawn_part: Image, strength: float, across: float, turn: float
) -> None:
    dim = np.asarray(drawn_part * 0.6, np.uint8)
    height, width = dim.shape[:2]
    pose = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1), np.float64)
    moved = cv2.warpAffine(dim, pose, (width, height), borderMode=cv2.BORDER_REPLICATE)
    lit = np.clip(moved * (strength * np.exp(across * np.linspace(-1, 1, width)))[:, None], 0, 255).astype(np.uint8)
    registration = Registration(np.asarray(cv2.invertAffineTransform(pose), np.float64), 1.0, True)
    light = Light.of(dim, View.of_all((width, height), SIZE))
    frame = lit_part(lit, registration, np.zeros((128, 160), np.uint8), light)
    grey = lit_grey(grey_of(lit), registration, frame, light)
    assert grey.shape == dim.shape[:2]
    assert np.abs(grey - cv2.cvtColor(moved, cv2.COLOR_RGB2GRAY).astype(float)).mean() < 3


OUTLINED = View((0, 0, 320, 256), SIZE, ((80, 60), (240, 60), (240, 190), (80, 190)))


def test_what_lies_beside_an_outline_is_neither_compared_nor_shown(drawn_part: Image) -> None:
    image = np.asarray(cv2.resize(drawn_part, (320, 256)), np.uint8)
    reference = Light.of(image, OUTLINED, ())
    frames = []
    for level in (0.2, 1.0):
        ground = np.where(OUTLINED.part((320, 256))[..., None] > 0, image, image * level).astype(np.uint8)
        frames.append(lit_part(ground, placed(), np.zeros(SIZE[::-1], np.uint8), reference))
    dark, bright = frames
    assert (bright.ignored[OUTLINED.beside > 0] == UNCOMPARED).all()
    assert not bright.ignored[OUTLINED.beside == 0].any()
    assert (bright.image[OUTLINED.beside > 0] == PAINT).all()
    assert (bright.detail[:, :60] == PAINT).all()
    inside = cv2.erode(255 - OUTLINED.beside, np.ones((5, 5), np.uint8)) > 0
    assert np.abs(dark.image.astype(int) - bright.image)[inside].max() <= 2


@pytest.mark.parametrize("dx", [-60.0, 44.0])
def test_what_the_camera_did_not_see_looks_like_the_reference(drawn_part: Image, dx: float) -> None:
    image = np.asarray(cv2.resize(drawn_part, (320, 256)), np.uint8)
    registration = placed(dx)
    shot = cv2.warpAffine(image, cv2.invertAffineTransform(registration.matrix), (320, 256), borderValue=(255, 0, 255))
    reference = Light.of(image, View.of_all((320, 256), SIZE))
    frame = lit_part(np.asarray(shot, np.uint8), registration, np.zeros(SIZE[::-1], np.uint8), reference)
    assert frame.outside is not None
    np.testing.assert_array_equal(frame.image[frame.outside > 0], reference.reference[frame.outside > 0])
    assert (frame.ignored[frame.outside > 0] == UNCOMPARED).all()
    assert np.abs(frame.image.astype(int) - reference.reference).mean() < 3


def test_a_burnt_out_ground_burns_no_part_out(drawn_part: Image) -> None:
    image = np.asarray(cv2.resize(drawn_part, (320, 256)), np.uint8)
    reference = Light.of(image, OUTLINED, ())
    lit = np.where(OUTLINED.part((320, 256))[..., None] > 0, image, 255).astype(np.uint8)
    frame = lit_part(lit, placed(), np.zeros(SIZE[::-1], np.uint8), reference)
    assert frame.burnt_share < 0.02
    whole = replace(frame, burnt=np.zeros(SIZE[::-1], np.uint8))
    assert whole.without_burnt() is whole


def burnt_label(shot: Image, detail: Grey) -> Frame:
    """A label of 215 that was taken in a fifth more light."""
    label = Expected(np.full_like(shot, 215), np.full_like(shot, 215))
    fine = Expected(np.full_like(detail, 215), np.full_like(detail, 215))
    gain, finely = (np.full(picture.shape[:2], 1.2, np.float32) for picture in (shot, detail))
    return Frame(shot, np.zeros(shot.shape[:2], np.uint8), detail).without_gain(gain, finely, label, fine)


def test_what_is_burnt_out_in_part_of_a_pixel_is_dim_and_not_compared() -> None:
    detail = np.full((256, 320), 246, np.uint8)
    detail[100:200:2, 100:200:2] = 255
    small = np.asarray(cv2.resize(detail, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    frame = burnt_label(np.dstack([small] * 3), detail).without_burnt()
    assert (frame.ignored[50:100, 50:100] == UNCOMPARED).all()
    assert (frame.ignored == UNCOMPARED).mean() < 1.2 * 50**2 / frame.ignored.size


def test_a_dark_mark_on_burnt_out_ground_is_compared_unless_it_is_print() -> None:
    detail = np.full((256, 320), 255, np.uint8)
    detail[60:64, 100:200] = detail[160:164, 100:200] = 150
    small = np.asarray(cv2.resize(detail, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    printed = np.zeros(SIZE[::-1], np.uint8)
    printed[79:83, 49:101] = PRINT
    frame = burnt_label(np.dstack([small] * 3), detail).without(printed).without_burnt()
    assert (frame.ignored[28:34, 50:100] == CLIPPED).all()
    assert (frame.ignored[76:86, 50:100] == UNCOMPARED).all()


def test_without_an_outline_nothing_is_painted_over(drawn_part: Image) -> None:
    frame = frame_part(drawn_part, placed(), View.of_all((320, 240), SIZE))
    assert frame.alone(View.of_all((320, 240), SIZE)) is frame
