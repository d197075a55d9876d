from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.good_parts import GoodParts
from models.view_choice import choose_view, searches, shared_edges
from pipeline.config import Config, parse_config
from pipeline.framing import Frame, working_size
from pipeline.images import Image
from pipeline.registration import untaught
from pipeline.view import View
from tests.grounds import PLATE, SIZE, around_plate, moved_by, on_ground

COUNT = 16

MARGIN = 5
"""Pixels around the plate that have to be seen: its rim, of 4 % of its longer side, nearly."""


def shot(drawn_part: Image, number: int) -> Image:
    """The plate somewhere on a ground that is another one every time; the first has not moved."""
    rng = np.random.default_rng(100 + number)
    right, down = (0, 0) if number == 0 else rng.integers((-90, -60), (90, 60)).tolist()
    return on_ground(drawn_part, moved_by(right, down, 0), number)


@pytest.fixture(scope="module")
def shots(drawn_part: Image) -> list[Image]:
    return [shot(drawn_part, number) for number in range(COUNT)]


def view_of_shots(images: Sequence[Image], **sections: object) -> View:
    def read(path: Path) -> Image:
        return images[int(path.stem)]

    config = parse_config({"registration": {"motion": "far"}, **sections}, source="test")
    registrar = untaught(images[0], motion=config.registration.motion)
    paths = tuple(Path(f"{number}.png") for number in range(len(images)))
    return choose_view(GoodParts(paths, read, registrar, lambda: None), images[0], config)


def test_a_part_that_moves_over_a_changing_ground_is_seen_with_a_margin(shots: list[Image]) -> None:
    view = view_of_shots(shots)
    low, high = np.array(view.box[:2]), np.add(view.box[:2], view.box[2:])
    assert (low <= np.array(PLATE[:2]) - MARGIN).all()
    assert (high >= np.add(PLATE[:2], PLATE[2:]) + MARGIN).all()
    assert view.box[2] * view.box[3] < 0.4 * SIZE[0] * SIZE[1]
    assert view.size == working_size(view.box[2:], megapixels=Config().image.working_megapixels)
    part = view.part(SIZE)
    assert np.count_nonzero(part[around_plate(0) > 0]) > 0.9 * np.count_nonzero(around_plate(0))
    assert not part[around_plate(30) == 0].any()


def test_a_part_that_is_turned_on_a_changing_ground_is_seen(drawn_part: Image) -> None:
    rng = np.random.default_rng(0)
    moves = [(0, 0, 0), *zip(*rng.uniform((-60, -40, -180), (60, 40, 180), (COUNT - 1, 3)).T, strict=True)]
    images = [on_ground(drawn_part, moved_by(*move), number) for number, move in enumerate(moves)]
    view = view_of_shots(images, registration={"motion": "any"})
    assert view.crop(around_plate(0)).sum() == around_plate(0).sum()
    assert view.box[2] * view.box[3] < 0.2 * SIZE[0] * SIZE[1]


def test_a_piece_of_its_own_belongs_to_the_part(shots: list[Image]) -> None:
    """Beside the plate, held by something that does not show."""
    registrar = untaught(shots[0], motion="far")
    both = []
    for image in shots:
        matrix = cv2.invertAffineTransform(registrar.register(image).matrix)
        x, y = np.round(matrix @ (450, 300, 1)).astype(int).tolist()
        both.append(np.asarray(cv2.rectangle(image.copy(), (x, y), (x + 40, y + 40), (250, 250, 250), -1), np.uint8))
    left, top, width, height = view_of_shots(both).box
    assert left + width >= 490
    assert top + height >= 340


def test_on_one_ground_all_is_seen(shots: list[Image]) -> None:
    moved = [np.asarray(np.roll(shots[0], (9 * n, 5 * n), (0, 1)), np.uint8) for n in range(-4, 5)]
    assert view_of_shots([shots[0], *moved]) == View.of_all(SIZE, (384, 288))


def test_a_part_that_fills_the_image_is_seen_as_it_is(drawn_part: Image) -> None:
    rng = np.random.default_rng(0)
    full = cv2.resize(drawn_part[45:196, 55:266], SIZE)
    images = [np.clip(full + rng.normal(0, 2, full.shape), 0, 255).astype(np.uint8) for _ in range(8)]
    assert view_of_shots(images) == View.of_all(SIZE, (384, 288))


def test_where_nothing_is_shared_all_is_seen() -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (*SIZE[::-1], 3), np.uint8) for _ in range(8)]
    assert view_of_shots(noise) == View.of_all(SIZE, (384, 288))


@pytest.mark.parametrize("motion", ["euclidean", "none"])
def test_of_parts_in_place_all_is_seen(shots: list[Image], motion: str) -> None:
    assert view_of_shots(shots, registration={"motion": motion}) == View.of_all(SIZE, (384, 288))


def test_a_person_knows_better(shots: list[Image]) -> None:
    sections = {"regions": {"interest": [[0, 0, *SIZE]]}}
    assert view_of_shots(shots, **sections) == View.of_all(SIZE, (384, 288))
    assert not searches(parse_config({"registration": {"motion": "any"}, **sections}, source="test"))
    assert searches(parse_config({"registration": {"motion": "any"}}, source="test"))


def test_an_edge_counts_the_same_before_a_bright_ground_and_before_a_dark_one() -> None:
    frames = []
    for ground in (20, 240):
        image = np.full((64, 64, 3), ground, np.uint8)
        image[:, 32:] = 110
        frames.append(Frame(image, np.zeros((64, 64), np.uint8)))
    edges = shared_edges(frames, (64, 64))
    assert edges[10:-10, 31:33].min() > 0.5
    assert edges[:, :24].max() < 0.1


def test_edges_across_each_other_share_little() -> None:
    image = np.full((64, 64, 3), 20, np.uint8)
    image[:, 32:] = 240
    frames = [Frame(one, np.zeros((64, 64), np.uint8)) for one in (image, np.ascontiguousarray(np.rot90(image)))]
    assert shared_edges(frames, (64, 64))[32, 32] < 0.25 < shared_edges(frames[:1], (64, 64))[32, 32]


def test_what_fewer_than_half_show_is_not_shared() -> None:
    image = np.full((64, 64, 3), 20, np.uint8)
    image[:, 32:] = 240
    seen, hidden = np.zeros((64, 64), np.uint8), np.full((64, 64), 255, np.uint8)
    few = [Frame(image, seen), *[Frame(image, hidden)] * 9]
    assert shared_edges(few, (64, 64))[32, 32] < 0.25 < shared_edges(few[:2], (64, 64))[32, 32]


def test_without_frames_there_are_no_edges() -> None:
    assert not shared_edges([], (64, 48)).any()
