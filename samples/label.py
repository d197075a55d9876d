"""Print that differs from part to part: label, laser marking, codes."""

import string
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from samples.surface import Colour, Plane, Surface, warp

SCALE = 2  # a sheet is drawn at twice the image's resolution
SEMIBOLD = 0.4  # sheet px; thermal print is heavier than the font
SERIAL_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ23456789"

Symbology = zxingcpp.BarcodeFormat
CODE128 = zxingcpp.BarcodeFormat.Code128
DATAMATRIX = zxingcpp.BarcodeFormat.DataMatrix
QRCODE = zxingcpp.BarcodeFormat.QRCode


@dataclass(frozen=True)
class Sheet:
    """Something printed, SCALE times as large as on the part; planes (h, w) 0..1.

    paper: where there is label at all; ink: everything printed; variable: the ink that differs from part to
    part; texts, codes: what the variable print says; places: x, y, width, height of each code, px.
    """

    paper: Plane
    ink: Plane
    variable: Plane
    texts: tuple[str, ...]
    codes: tuple[str, ...]
    places: tuple[tuple[int, int, int, int], ...]


Printer = Callable[[np.random.Generator], Sheet]


@dataclass(frozen=True)
class Decal:
    """A sheet and how it sits on the part: its middle (px) and angle (degrees, counterclockwise)."""

    sheet: Sheet
    x: float
    y: float
    angle: float
    ink: Colour
    paper: Colour | None  # None: marked into the part itself

    def matrix(self) -> NDArray[np.float64]:
        """2x3, sheet to part frame."""
        height, width = self.sheet.ink.shape
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), self.angle, 1 / SCALE)
        matrix[:, 2] += self.x - width / 2, self.y - height / 2
        return np.asarray(matrix, np.float64)


def stick(surface: Surface, decal: Decal) -> None:
    """Put the label onto the part, or mark the part."""
    sheet, matrix = decal.sheet, decal.matrix()
    layers = warp(np.dstack((sheet.paper, sheet.ink, sheet.variable)), matrix)
    paper, ink, variable = layers[..., 0], layers[..., 1], layers[..., 2]
    if decal.paper is not None:
        surface.coat(paper, decal.paper, 0.03)
        surface.height += 1.2 * paper
        surface.paper[:] = np.maximum(surface.paper, paper)
        surface.ink[:] *= 1 - paper
    surface.coat(0.92 * ink, decal.ink, 0.02)
    surface.ink[:] = np.maximum(surface.ink, variable)


class Pen:
    """Draws one sheet; all measures in px of the part."""

    def __init__(self, width: int, height: int) -> None:
        self.ink = Image.new("L", (width * SCALE, height * SCALE))
        self.variable = Image.new("L", self.ink.size)
        self.texts: list[str] = []
        self.codes: list[str] = []
        self.places: list[tuple[int, int, int, int]] = []

    def fixed(self, x: float, y: float, text: str, size: float, bold: float = SEMIBOLD) -> None:
        """Text that is the same on every part."""
        position = (x * SCALE, y * SCALE)
        ImageDraw.Draw(self.ink).text(position, text, fill=255, font=font(size), stroke_width=bold)

    def text(self, x: float, y: float, text: str, size: float) -> None:
        position = (x * SCALE, y * SCALE)
        for layer in (self.ink, self.variable):
            ImageDraw.Draw(layer).text(position, text, fill=255, font=font(size), stroke_width=SEMIBOLD)
        self.texts.append(text)

    def code(self, x: int, y: int, text: str, symbology: Symbology, module: int, tall: int = 0) -> None:
        """A code with modules of `module` px; `tall`: height in px of a 1-D code."""
        modules = encode(text, symbology)
        step = module * SCALE
        rows = tall * SCALE if tall else modules.shape[0] * step
        dark = cv2.resize(modules, (modules.shape[1] * step, rows), interpolation=cv2.INTER_NEAREST)
        for layer in (self.ink, self.variable):
            layer.paste(255, (x * SCALE, y * SCALE), Image.fromarray(dark))
        self.codes.append(text)
        self.places.append((x, y, dark.shape[1] // SCALE, dark.shape[0] // SCALE))

    def sheet(self, corner: float = 4) -> Sheet:
        paper = Image.new("L", self.ink.size)
        edge = (1, 1, paper.width - 2, paper.height - 2)
        ImageDraw.Draw(paper).rounded_rectangle(edge, corner * SCALE, fill=255)
        return Sheet(
            paper=plane(paper),
            ink=plane(self.ink),
            variable=plane(self.variable),
            texts=tuple(self.texts),
            codes=tuple(self.codes),
            places=tuple(self.places),
        )


def plane(layer: Image.Image) -> Plane:
    """0..1 from an image of 0..255."""
    return np.asarray(layer, np.float32) / np.float32(255)


@lru_cache
def font(size: float) -> ImageFont.FreeTypeFont:
    """Aileron, which ships inside Pillow, so that no system font changes the picture."""
    face = ImageFont.load_default(size * SCALE)
    assert isinstance(face, ImageFont.FreeTypeFont)  # the bitmap fallback only exists without FreeType
    return face


def encode(text: str, symbology: Symbology) -> NDArray[np.uint8]:
    """The code's modules, 255 where dark; one row suffices for a 1-D code."""
    code = zxingcpp.create_barcode(text, symbology, force_square=True)
    modules = 255 - np.asarray(code.to_image(scale=1, add_quiet_zones=False), np.uint8)
    return modules[:1] if symbology == CODE128 else modules


def letters(rng: np.random.Generator, count: int) -> str:
    return "".join(rng.choice(list(SERIAL_LETTERS), count))


def digits(rng: np.random.Generator, count: int) -> str:
    return "".join(rng.choice(list(string.digits), count))


def date(rng: np.random.Generator) -> str:
    return f"20{rng.integers(24, 28)}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}"


def housing_label(rng: np.random.Generator) -> Sheet:
    serial, day, number = letters(rng, 8), date(rng), digits(rng, 12)
    pen = Pen(234, 150)
    pen.fixed(12, 7, "ORBIS TCU-4", 17, bold=1)
    pen.fixed(12, 30, "P/N 4G0 927 158", 13)
    pen.text(12, 46, f"S/N {serial}", 15)
    pen.text(12, 66, f"{day}  L{rng.integers(1, 7)}", 13)
    pen.code(168, 10, serial + day.replace("-", ""), DATAMATRIX, 3)
    pen.code(15, 90, number, CODE128, 2, tall=36)
    pen.text(52, 129, " ".join(number[i : i + 4] for i in (0, 4, 8)), 13)
    return pen.sheet()


def housing_marking(rng: np.random.Generator) -> Sheet:
    pen = Pen(150, 26)
    pen.text(3, 2, f"{letters(rng, 5)}-{digits(rng, 5)}", 19)
    return pen.sheet()


def cover_label(rng: np.random.Generator) -> Sheet:
    serial, day = letters(rng, 6), date(rng)
    pen = Pen(168, 92)
    pen.code(9, 10, f"HTTPS://ORB.IS/{serial}", QRCODE, 3)
    pen.fixed(84, 9, "VENTRA", 17, bold=1)
    pen.text(84, 32, serial, 15)
    pen.text(84, 51, day, 12)
    pen.text(84, 67, f"LOT {digits(rng, 5)}", 12)
    return pen.sheet()


def cover_marking(rng: np.random.Generator) -> Sheet:
    number = digits(rng, 10)
    pen = Pen(190, 52)
    pen.code(4, 4, number + digits(rng, 4), DATAMATRIX, 3)
    pen.text(60, 3, f"{number[:4]} {number[4:]}", 16)
    pen.text(60, 25, f"{letters(rng, 2)} {date(rng)}", 16)
    return pen.sheet()
