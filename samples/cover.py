"""A black plastic cover: clips, badge, twist cap, vents, laser marking, silver label with a QR code."""

from functools import cache

import numpy as np

from samples.label import cover_label, cover_marking
from samples.parts import (
    BLACK,
    BRASS,
    INK,
    Fitting,
    Part,
    PrintJob,
    clip,
    smooth_union,
    socket_screw,
    softened,
)
from samples.surface import (
    Colour,
    Plane,
    Surface,
    blank_surface,
    blur,
    box,
    disc,
    grid,
    inside,
    noise,
    shoulder,
)

PLASTIC: Colour = (0.034, 0.036, 0.040)
CHROME: Colour = (0.50, 0.51, 0.53)
CAP: Colour = (0.55, 0.33, 0.02)
SILVER: Colour = (0.52, 0.53, 0.54)
FOAMED: Colour = (0.26, 0.26, 0.25)  # plastic foamed up by the laser
SCREWS = ((146, 424), (528, 138), (536, 438))
CLIPS = ((230, 106, 0), (420, 106, 0), (230, 470, 180), (420, 470, 180), (113, 288, 90))


@cache
def cover() -> Part:
    rng = np.random.default_rng(23)
    x, y = grid()
    surface = blank_surface(PLASTIC, 0.13)
    shell(surface, x, y)
    vents(surface, x, y)
    chrome, yellow = badge(surface, x, y), cap(surface, x, y)
    fittings = [Fitting("screw", sx, sy, 0.0, 180.0, socket_screw(BRASS)) for sx, sy in SCREWS]
    fittings += [Fitting("clip", cx, cy, angle, 1.5, clip()) for cx, cy, angle in CLIPS]
    return Part(
        name="cover",
        base=softened(surface, 0.7),
        grain=0.16 * noise(rng, 2.2) + 0.07 * noise(rng, 5) + 0.10 * noise(rng, 40),
        cast=surface.solid * (1 - 0.85 * (chrome + yellow)),
        ground=plate(rng),
        fittings=tuple(fittings),
        print_jobs=(
            PrintJob(cover_label, 395, 196, INK, SILVER),
            PrintJob(cover_marking, 267, 328, FOAMED, None),
        ),
        trims={"badge": chrome, "cap": yellow},
    )


def shell(surface: Surface, x: Plane, y: Plane) -> None:
    """The rim, a deck with a wide bevel, and bosses for the screws."""
    rim = outline(x, y, 0)
    surface.solid += inside(rim)
    surface.height += 14 * shoulder(rim, 5) + 16 * shoulder(outline(x, y, 22), 18)
    surface.height -= 3 * shoulder(np.abs(outline(x, y, 48)) - np.float32(2.5), 2.5)
    for sx, sy in SCREWS:
        boss, hole = disc(x, y, sx, sy, 26), disc(x, y, sx, sy, 8)
        surface.height += 4 * shoulder(boss, 5) - 16 * shoulder(hole, 3)
        surface.coat(inside(hole), (0.004, 0.004, 0.004), 0.02)


def outline(x: Plane, y: Plane, inset: float) -> Plane:
    """Distance to the cover's rim, `inset` px inside it."""
    body = box(x, y, 338, 288, (228, 184), 62)
    nose = box(x, y, 560, 300, (116, 112), 70)
    return smooth_union(body, nose, 40) + np.float32(inset)


def vents(surface: Surface, x: Plane, y: Plane) -> None:
    for slot in range(6):
        shape = box(x - np.float32(0.25) * (y - 350), y, 372 + 21 * slot, 350, (5, 46), 5)
        surface.height -= 16 * shoulder(shape, 4)
        surface.coat(inside(shape), (0.006, 0.006, 0.007), 0.03)


def badge(surface: Surface, x: Plane, y: Plane) -> Plane:
    """A chromed ring around a chromed V; returns the chrome, (H, W) 0..1."""
    ring = np.abs(disc(x, y, 214, 200, 37)) - 5
    arms = np.abs(np.abs(x - 214) - (220 - y) * 0.62) * 0.85 - 5.5
    letter = np.maximum(arms, np.abs(y - 199) - 19)
    shape = np.asarray(np.minimum(ring, letter), np.float32)
    surface.height += 5 * shoulder(shape, 4)
    surface.coat(inside(shape), CHROME, 0.5)
    return inside(shape)


def cap(surface: Surface, x: Plane, y: Plane) -> Plane:
    """A yellow twist cap with a grip; returns it, (H, W) 0..1."""
    rim, grip = disc(x, y, 588, 302, 56), box(x, y, 588, 302, (44, 11), 9)
    surface.height += 8 * shoulder(rim, 6) + 12 * shoulder(grip, 6)
    surface.height -= 5 * shoulder(disc(x, y, 588, 302, 46), 5)
    knurl = 1.2 * np.cos(36 * np.arctan2(y - 302, x - 588)) * inside(np.abs(rim + 5) - 4)
    surface.height += blur(np.asarray(knurl, np.float32), 0.8)
    surface.coat(inside(rim), CAP, 0.18)
    surface.coat(inside(np.abs(rim - 3) - 2), BLACK, 0.05)
    return inside(rim)


def plate(rng: np.random.Generator) -> Plane:
    """A brushed steel fixture, (H, W, 3)."""
    strands = np.asarray(noise(rng, 1.5), np.float32)
    brushed = np.stack([np.convolve(row, np.ones(61) / 61, "same") for row in strands])
    level = 0.40 * (1 + 0.22 * brushed + 0.04 * noise(rng, 70))
    return np.asarray(level[..., None] * np.array((1.0, 1.0, 0.97)), np.float32)
