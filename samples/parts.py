"""What a kind of part is made of: its relief, its loose pieces, its print."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from samples.label import SCALE, Printer, font, plane
from samples.surface import (
    HEIGHT,
    WIDTH,
    Colour,
    Plane,
    Surface,
    blank_surface,
    blur,
    box,
    disc,
    grid,
    inside,
    shoulder,
)

STEEL: Colour = (0.46, 0.45, 0.43)
BRASS: Colour = (0.55, 0.42, 0.20)
GOLD: Colour = (0.80, 0.58, 0.20)
NATURAL: Colour = (0.42, 0.40, 0.34)  # uncoloured POM
BLACK: Colour = (0.022, 0.022, 0.024)
WHITE: Colour = (0.80, 0.80, 0.77)
INK: Colour = (0.025, 0.025, 0.028)


@dataclass(frozen=True)
class Fitting:
    """A loose piece set onto the part, drawn in a square `piece` whose middle comes to x, y (px).

    angle: degrees, counterclockwise; spin: by how many degrees it may be turned on a good part.
    """

    kind: str
    x: int
    y: int
    angle: float
    spin: float
    piece: Surface


@dataclass(frozen=True)
class PrintJob:
    """What is printed where (middle, px); paper None for a marking in the part itself."""

    printer: Printer
    x: float
    y: float
    ink: Colour
    paper: Colour | None


@dataclass(frozen=True)
class Part:
    """A kind of part; the planes are shared by all its specimens and never changed.

    base: the part without fittings and print; grain: (H, W) px, height of its texture, rolled anew for each
    specimen; cast: (H, W) how much of the grain shows, 0..1; ground: (H, W, 3) what the part lies on;
    trims: name to (H, W) share of a piece that can come in a wrong colour.
    """

    name: str
    base: Surface
    grain: Plane
    cast: Plane
    ground: Plane
    fittings: tuple[Fitting, ...]
    print_jobs: tuple[PrintJob, ...]
    trims: dict[str, Plane]


def smooth_union(a: Plane, b: Plane, radius: float) -> Plane:
    """Two distances joined with a fillet of about `radius` px (Quilez's polynomial smooth minimum)."""
    h = np.clip(0.5 + 0.5 * (b - a) / radius, 0, 1)
    return np.asarray(b + (a - b) * h - radius * h * (1 - h), np.float32)


def softened(surface: Surface, sigma: float) -> Surface:
    """No edge of a casting is sharper than the lens resolves."""
    return Surface(*(blur(plane, sigma) for plane in surface.planes()))


def emboss(text: str, x: float, y: float, size: float, height: float) -> Plane:
    """Raised lettering `height` px high, (H, W), its left top at x, y."""
    sheet = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(sheet).text((x, y), text, fill=255, font=font(size / SCALE))
    return blur(plane(sheet), 0.6) * np.float32(height)


def socket_screw(metal: Colour, size: int = 48) -> Surface:
    """A cap screw with a washer and a hexagon socket."""
    x, y = grid(size, size)
    c = size / 2 - 0.5
    piece = blank_surface(metal, 0.42, size, size)
    washer, head = disc(x, y, c, c, 19), disc(x, y, c, c, 14.5)
    sector = np.mod(np.arctan2(y - c, x - c), np.pi / 3) - np.pi / 6
    socket = np.asarray(np.hypot(x - c, y - c) * np.cos(sector) - 7, np.float32)
    piece.solid += inside(washer)
    piece.height += 2.5 * shoulder(washer, 1.5) + 9 * shoulder(head, 4) - 9 * shoulder(socket, 1.5)
    piece.coat(inside(socket), (0.05, 0.05, 0.05), 0.2)
    return softened(piece, 0.6)


def pin(size: int = 24) -> Surface:
    """A gold-plated contact, seen from its tip."""
    x, y = grid(size, size)
    c = size / 2 - 0.5
    piece = blank_surface(GOLD, 0.5, size, size)
    blade = box(x, y, c, c, (6, 4), 1.5)
    piece.solid += inside(blade)
    piece.height += 18 * shoulder(blade, 3)
    return softened(piece, 0.6)


def clip(size: int = 64) -> Surface:
    """A snap-on clip: a bracket with two legs and a tongue, its back to the top."""
    x, y = grid(size, size)
    c = size / 2 - 0.5
    piece = blank_surface(NATURAL, 0.2, size, size)
    body, gap = box(x, y, c, c, (22, 15), 4), box(x, y, c, c + 8, (13, 9), 3)
    tongue = box(x, y, c, c + 5, (7, 12), 3)
    frame = np.minimum(np.maximum(body, -gap), tongue)
    piece.solid += inside(frame)
    piece.height += 7 * shoulder(frame, 4) + 3 * shoulder(disc(x, y, c, c + 10, 4), 3)
    return softened(piece, 0.6)
