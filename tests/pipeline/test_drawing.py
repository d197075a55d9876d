import numpy as np
import pytest

from pipeline.drawing import BLACK, BOLD, WHITE, fit, pad, text_block, text_width, write
from pipeline.images import Image


def ink(image: Image) -> int:
    return int((image < 128).any(axis=2).sum())


def test_text_is_as_wide_as_asked_and_breaks_into_lines() -> None:
    one, two = text_block("short", 300, 20), text_block("a sentence that does not fit in one line", 300, 20)
    assert one.shape[1:] == two.shape[1:] == (300, 3)
    assert two.shape[0] - one.shape[0] == 26


def test_no_letter_is_cut_off() -> None:
    text = "Ägypten /a/path/without/any/space/and/longer/than/a/line.png"
    block = text_block(text, 150, 16)
    assert (block[:, :4] == 255).all()
    assert (block[:, -4:] == 255).all()
    assert (block[0] == 255).all()
    assert (block[-1] == 255).all()


@pytest.mark.parametrize("letter", ["ä", "ß", "é", "Ж"])
def test_letters_of_other_languages_are_drawn(letter: str) -> None:
    assert not np.array_equal(text_block(letter, 60, 40), text_block("\ufffd", 60, 40))
    assert ink(text_block(letter, 60, 40)) > 0


def test_bold_is_wider() -> None:
    assert text_width("verdict", 20, BOLD) > text_width("verdict", 20)


def test_colours_are_those_asked_for() -> None:
    block = text_block("x", 40, 20, ink=WHITE, paper=BLACK)
    assert (block[0, 0] == 0).all()
    assert block.max() == 255


def test_pad_centres_and_never_cuts() -> None:
    image = np.zeros((2, 4, 3), np.uint8)
    padded = pad(image, 6, 3)
    assert padded.shape == (6, 4, 3)
    assert (padded[2:4] == 0).all()
    assert (padded[:2] == 255).all()


@pytest.mark.parametrize(
    ("shape", "expected"), [((100, 400), (50, 200)), ((400, 100), (100, 25)), ((5, 5), (100, 100))]
)
def test_fit_keeps_the_proportions(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fit(np.zeros((*shape, 3), np.uint8), 100, 200).shape == (*expected, 3)


@pytest.mark.parametrize("x", [0, 50, 100])
def test_writing_stays_on_the_sheet(x: int) -> None:
    sheet = np.full((40, 100, 3), 255, np.uint8)
    write(sheet, "7.5", (x, 20), 14)
    assert ink(sheet) == ink(text_block("7.5", 60, 14))
