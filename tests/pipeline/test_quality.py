from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.framing import frame_part
from pipeline.images import Image
from pipeline.quality import Conditions, measure, tolerance, unusual, usual_conditions
from pipeline.registration import Registrar, Registration
from pipeline.view import View

POSE = Registration(np.eye(2, 3), 0.97, True)


def conditions(image: Image, print_share: float = 0.0) -> Conditions:
    pixels = np.zeros(image.shape[:2], np.uint8)
    pixels[: round(print_share * len(pixels))] = 255
    size = (image.shape[1] // 32 * 32, image.shape[0] // 32 * 32)
    view = View.of_all((image.shape[1], image.shape[0]), size)
    return measure(frame_part(image, POSE, view).behind(pixels, view), POSE, pixels)


@pytest.fixture(scope="module")
def usual(drawn_part: Image) -> dict[str, tuple[float, ...]]:
    return usual_conditions(
        [conditions(np.clip(drawn_part * light, 0, 255).astype(np.uint8)) for light in (0.95, 1, 1.05)]
    )


def test_what_is_measured() -> None:
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:, 32:] = 200
    found = conditions(halves, print_share=0.25)
    assert (found.brightness, found.contrast) == (100, 100)
    assert (found.pose, found.masked) == (0.97, 0.25)
    assert conditions(np.full((64, 64, 3), 90, np.uint8)) == Conditions(90, 0, 0, 0.97, 1, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: image, ()),
        (lambda image: np.clip(image * 0.6, 0, 255), ("too dark", "too little contrast")),
        (lambda image: np.clip(image + 60.0, 0, 255), ("too bright",)),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 3), ("blurred",)),
    ],
)
def test_what_is_out_of_the_ordinary_is_said(change, words, drawn_part: Image, usual) -> None:  # type: ignore[no-untyped-def]
    doubts = unusual(conditions(np.asarray(change(drawn_part), np.uint8)), usual)
    assert len(doubts) >= len(words)
    assert all(any(word in doubt for doubt in doubts) for word in words)
    assert bool(doubts) == bool(words)


def test_more_print_than_on_any_good_part(drawn_part: Image, usual: dict[str, tuple[float, ...]]) -> None:
    (doubt,) = unusual(conditions(drawn_part, print_share=0.05), usual)
    assert "hidden by print" in doubt


@pytest.mark.parametrize(("size", "words"), [(1.0, None), (1.1, "larger than any"), (0.9, "smaller than any")])
def test_a_part_of_another_size_is_doubted_although_its_pose_is_found(
    size: float, words: str | None, drawn_part: Image, usual: dict[str, tuple[float, ...]]
) -> None:
    registrar = Registrar(drawn_part, motion="affine", min_quality=0.5)
    about_the_middle = cv2.getRotationMatrix2D((160, 120), 0, size)
    seen = cv2.warpAffine(drawn_part, about_the_middle, (320, 240), borderMode=cv2.BORDER_REPLICATE)
    found = registrar.register(np.asarray(seen, np.uint8))
    assert found.found
    assert found.size == pytest.approx(size, abs=0.005)
    as_usual = replace(conditions(drawn_part), size=found.size)
    assert [doubt for doubt in unusual(as_usual, usual) if words is None or words not in doubt] == []
    assert len(unusual(as_usual, usual)) == (words is not None)


def test_an_image_that_is_all_print_is_no_crash(drawn_part: Image, usual: dict[str, tuple[float, ...]]) -> None:
    assert conditions(drawn_part, print_share=1.0).masked == 1
    assert unusual(conditions(drawn_part, print_share=1.0), usual)


def test_a_tolerance_holds_all_good_parts_and_half_as_much_again() -> None:
    assert tolerance([0, 10, 30], slack=1) == (-5, 40)
    assert tolerance([10, 10, 10], slack=1) == (9, 11)
