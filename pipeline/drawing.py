"""What all pictures share: colours that colour-blind people can tell apart, and legible text."""

import cv2
import numpy as np

from pipeline.images import Image
from pipeline.verdict import Verdict

Colour = tuple[int, int, int]

# The palette of Okabe and Ito (2008, "Color universal design"), except for the grey.
BLUE: Colour = (0, 114, 178)
SKY: Colour = (86, 180, 233)
ORANGE: Colour = (230, 159, 0)
VERMILION: Colour = (213, 94, 0)
PURPLE: Colour = (170, 68, 153)
GREY: Colour = (85, 85, 85)
BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)

NORMAL, BOLD = 400, 700

VERDICT_COLOUR = {
    Verdict.OK: BLUE,
    Verdict.NG: VERMILION,
    Verdict.REVIEW: PURPLE,
    Verdict.ERROR: GREY,
}


def text_block(
    text: str, width: int, size: int, *, ink: Colour = BLACK, paper: Colour = WHITE, weight: int = NORMAL
) -> Image:
    """Set text as a picture, wrapped at the words.

    Args:
        text: Any language that OpenCV's built-in font knows; line ends are kept.
        width: Of the picture, in pixels.
        size: Of the letters, in pixels; half of it is left free on each side.
        ink: Colour of the letters.
        paper: Colour behind them.
        weight: Of the letters, `NORMAL` or `BOLD`.

    Returns:
        (H, width, 3); H follows from the number of lines.
    """
    lines = [part for line in text.split("\n") for part in _wrap(line, width - size, size, weight)]
    pitch = round(1.3 * size)
    page = np.full((len(lines) * pitch + size, width, 3), paper, np.uint8)
    for number, line in enumerate(lines, start=1):
        baseline = (size // 2, size // 4 + number * pitch)
        cv2.putText(page, line, baseline, ink, cv2.FontFace("sans"), size, weight)
    return page


def text_width(text: str, size: int, weight: int = NORMAL) -> int:
    """Width of one line of text, in pixels."""
    no_limit = (1 << 15, 1 << 15)
    return cv2.getTextSize(no_limit, text, (0, 0), cv2.FontFace("sans"), size, weight)[2]


def write(sheet: Image, text: str, centre: tuple[int, int], size: int, *, ink: Colour = BLACK) -> None:
    """Write one line on a light sheet, in place, centred at (x, y) but never over the left or right edge."""
    block = text_block(text, text_width(text, size) + size, size, ink=ink)
    height, width = block.shape[:2]
    left = min(max(0, centre[0] - width // 2), sheet.shape[1] - width)
    top = max(0, centre[1] - height // 2)
    view = sheet[top : top + height, left : left + width]
    np.minimum(view, block[: view.shape[0]], out=view)


def pad(image: Image, height: int, width: int, colour: Colour = WHITE) -> Image:
    """Centre the image on a larger (height, width, 3) sheet of one colour; sides already long enough stay."""
    down, right = max(0, height - image.shape[0]), max(0, width - image.shape[1])
    top, left = down // 2, right // 2
    sheet = cv2.copyMakeBorder(image, top, down - top, left, right - left, cv2.BORDER_CONSTANT, value=colour)
    return np.asarray(sheet, dtype=np.uint8)


def fit(image: Image, height: int, width: int) -> Image:
    """Scale to the largest size that fits (height, width), and keep the proportions."""
    scale = min(height / image.shape[0], width / image.shape[1])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=kind), dtype=np.uint8)


def _wrap(line: str, width: int, size: int, weight: int) -> list[str]:
    """Break a line where it no longer fits: at a space, or inside a word that is longer than a line."""
    lines = [""]
    for word in line.split(" "):
        longer = f"{lines[-1]} {word}".lstrip(" ")
        if text_width(longer, size, weight) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for char in word:
            if lines[-1] and text_width(lines[-1] + char, size, weight) > width:
                lines.append("")
            lines[-1] += char
    return lines
