"""Damage to a finished part; each kind draws its own place, size and strength, from subtle to plain."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from samples.surface import HEIGHT, WIDTH, Colour, Plane, Surface, blur, grid, inside, noise

Rng = np.random.Generator
Damage = Callable[[Surface, Rng], None]
"""Changes the surface in place."""

DIRT: tuple[Colour, ...] = ((0.03, 0.025, 0.02), (0.11, 0.07, 0.03), (0.02, 0.02, 0.02), (0.16, 0.13, 0.09))
METAL_CHIP, RUBBER, WOOD, WIRE = (
    (0.55, 0.54, 0.52),
    (0.04, 0.04, 0.04),
    (0.30, 0.18, 0.08),
    (0.45, 0.06, 0.05),
)
LITTER: tuple[Colour, ...] = (METAL_CHIP, RUBBER, WOOD, WIRE)
SCRAPED_PAPER: Colour = (0.46, 0.45, 0.43)


def scratch(surface: Surface, rng: Rng) -> None:
    """A hairline to a gouge, ending softly; bare material shines in it."""
    path = sweep(spot(on_part(surface), rng), rng.uniform(25, 170), rng)
    line = stroke(path, rng.uniform(0.7, 3.0)) * on_part(surface) * np.float32(rng.uniform(0.35, 1))
    surface.height -= 2.2 * line
    brighter = np.clip(surface.colour * 1.9 + 0.08, 0, 0.85)
    surface.colour += 0.85 * line[..., None] * (brighter - surface.colour)


def dent(surface: Surface, rng: Rng) -> None:
    """A soft hollow."""
    radius = rng.uniform(7, 24)
    depth = radius * rng.uniform(0.15, 0.7)
    surface.height -= depth * bell(spot(on_part(surface), rng), radius, rng) * surface.solid


def crack(surface: Surface, rng: Rng) -> None:
    """A dark jagged line of changing width, sometimes forked."""
    path = stagger(spot(on_part(surface), rng), rng.uniform(30, 130), rng)
    line = stroke(path, rng.uniform(0.7, 1.8))
    if rng.random() < 0.4:
        fork = stagger(tuple(path[len(path) // 2]), rng.uniform(12, 40), rng)
        line = np.maximum(line, stroke(fork, 0.8))
    depth = np.clip(0.75 + 0.35 * noise(rng, 6), 0.2, 1) * np.float32(rng.uniform(0.45, 1))
    line *= surface.solid * depth
    surface.height -= 2.0 * line
    surface.coat(0.9 * line, (0.012, 0.012, 0.012), 0.0)


def stain(surface: Surface, rng: Rng) -> None:
    """Oil, rust or dirt: a veil with an uneven rim."""
    dirty(surface, blob(spot(on_part(surface), rng), rng.uniform(7, 34), rng) * on_part(surface), rng)


def stain_on_label(surface: Surface, rng: Rng) -> None:
    dirty(surface, blob(spot(surface.paper, rng), rng.uniform(5, 24), rng) * surface.paper, rng)


def scratch_on_label(surface: Surface, rng: Rng) -> None:
    """Scraped paper: ink is gone, white turns grey."""
    path = sweep(spot(surface.paper, rng), rng.uniform(25, 130), rng)
    line = stroke(path, rng.uniform(0.8, 2.6)) * surface.paper * np.float32(rng.uniform(0.4, 1))
    surface.height -= 0.9 * line
    surface.coat(0.9 * line, SCRAPED_PAPER, 0.03)


def label_bubble(surface: Surface, rng: Rng) -> None:
    """Air under the label, or a crease when drawn long."""
    radius = rng.uniform(6, 18)
    rise = radius * rng.uniform(0.15, 0.4)
    surface.height += rise * bell(spot(surface.paper, rng), radius, rng) * surface.paper


def contamination(surface: Surface, rng: Rng) -> None:
    """Chips, crumbs and fibres lying on the part."""
    for _ in range(rng.integers(1, 4)):
        x, y = spot(surface.solid, rng)
        colour, height = LITTER[rng.integers(len(LITTER))], rng.uniform(2, 7)
        if rng.random() < 0.5:
            cover = stroke(stagger((x, y), rng.uniform(12, 55), rng), rng.uniform(0.8, 2.0))
        else:
            cover = polygon(x, y, rng.uniform(2.0, 8.0), rng)
        surface.height += height * blur(cover, 0.8)
        surface.coat(cover * np.float32(0.95), colour, 0.25)


def pore(surface: Surface, rng: Rng) -> None:
    """Gas pores of a casting: one or a cluster of small dark pits."""
    cx, cy = spot(on_part(surface), rng)
    x, y = grid()
    for _ in range(rng.integers(1, 7)):
        px, py = np.array((cx, cy)) + rng.normal(0, 9, 2)
        radius = rng.uniform(1.2, 4.0)
        distance = np.hypot(x - px, (y - py) * rng.uniform(0.8, 1.25)) - radius
        pit = inside(np.asarray(distance, np.float32)) * on_part(surface)
        surface.height -= 1.8 * radius * blur(pit, 0.7)
        surface.coat(0.75 * pit, (0.03, 0.03, 0.03), 0.02)


def deformed_edge(surface: Surface, rng: Rng) -> None:
    """The rim pushed in or pulled out."""
    (cx, cy), outward = rim_spot(surface, rng)
    push = rng.uniform(3, 11) * rng.choice((-1, 1)) * outward
    pull = np.exp(-disc_squared(cx, cy) / np.float32(2 * rng.uniform(5, 16) ** 2))
    x, y = grid()
    from_x, from_y = (x - push[0] * pull).astype(np.float32), (y - push[1] * pull).astype(np.float32)
    for plane in surface.planes():
        plane[:] = cv2.remap(plane, from_x, from_y, cv2.INTER_LINEAR)


# Shapes


def on_part(surface: Surface) -> Plane:
    """Share of each pixel that is part but not label, (H, W)."""
    return surface.solid * (1 - surface.paper)


def spot(where: Plane, rng: Rng) -> tuple[float, float]:
    """A random x, y well inside `where`."""
    core = cv2.erode((where > 0.95).astype(np.uint8), np.ones((9, 9), np.uint8))
    ys, xs = np.nonzero(core)
    pick = rng.integers(len(xs))
    return float(xs[pick]), float(ys[pick])


def rim_spot(surface: Surface, rng: Rng) -> tuple[tuple[int, int], NDArray[np.float64]]:
    """A random x, y on the part's outline, and the unit vector that points off the part there."""
    solid = (surface.solid > 0.5).astype(np.uint8)
    outlines, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)[:, 0]
    x, y = (int(coordinate) for coordinate in outline[rng.integers(len(outline))])
    soft = blur(surface.solid, 6)
    outward = np.array((soft[y, x - 1] - soft[y, x + 1], soft[y - 1, x] - soft[y + 1, x]), np.float64)
    return (x, y), outward / np.linalg.norm(outward)


def disc_squared(cx: float, cy: float) -> Plane:
    x, y = grid()
    return np.asarray((x - cx) ** 2 + (y - cy) ** 2, np.float32)


def bell(at: tuple[float, float], radius: float, rng: Rng) -> Plane:
    """A Gaussian hill of height 1 and deviation about `radius` px, longer one way by up to 2.2."""
    x, y = grid()
    angle, stretch = rng.uniform(0, np.pi), rng.uniform(1, 2.2)
    along = (x - at[0]) * np.cos(angle) + (y - at[1]) * np.sin(angle)
    across = (y - at[1]) * np.cos(angle) - (x - at[0]) * np.sin(angle)
    return np.asarray(np.exp(-((along / stretch) ** 2 + across**2) / (2 * radius**2)), np.float32)


def blob(at: tuple[float, float], radius: float, rng: Rng) -> Plane:
    """An irregular spot of about `radius` px, 0..1."""
    ragged = 1 + 0.28 * noise(rng, max(4.0, 0.6 * radius)) + 0.10 * noise(rng, 3)
    distance = np.sqrt(disc_squared(*at)) - radius * ragged
    return np.asarray(np.clip(0.5 - distance / rng.uniform(1.5, 6), 0, 1), np.float32)


def dirty(surface: Surface, cover: Plane, rng: Rng) -> None:
    """Tint what is under `cover` as a thin film would, darker at the rim where it dried."""
    film = cover * (0.75 + 0.25 * np.clip(noise(rng, 5), -1, 1))
    film += 0.5 * np.clip(blur(cover, 1) - blur(cover, 4), 0, 1)
    strength = np.float32(rng.uniform(0.18, 0.8))
    surface.coat(np.clip(film, 0, 1) * strength, DIRT[rng.integers(len(DIRT))], 0.15)


Polyline = NDArray[np.float64]
"""Points x, y in px, (N, 2)."""


def sweep(start: tuple[float, float], length: float, rng: Rng) -> Polyline:
    """The slow curve of a tool dragged over the part."""
    turn = rng.uniform(0, 2 * np.pi) + np.linspace(0, rng.normal(0, 0.5), int(length / 4))
    return follow(start, turn)


def stagger(start: tuple[float, float], length: float, rng: Rng) -> Polyline:
    """A path whose heading drifts by about a radian every 8 px."""
    return follow(start, rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.8, int(length / 4))))


def follow(start: tuple[float, float], headings: NDArray[np.float64]) -> Polyline:
    """Steps of 4 px along the headings (radians)."""
    steps = 4 * np.column_stack((np.cos(headings), np.sin(headings)))
    return np.asarray(np.asarray(start) + np.cumsum(steps, axis=0), np.float64)


def stroke(path: Polyline, width: float) -> Plane:
    """Share of each pixel under a line of `width` px along the path, thinning out at its ends."""
    scale, shift = 4, 4
    canvas = np.zeros((HEIGHT * scale, WIDTH * scale), np.uint8)
    points = np.round((path * scale) * 2**shift).astype(np.int32)
    ends = np.sin(np.linspace(0.15, np.pi - 0.15, len(points) - 1)) ** 0.5
    for start, stop, taper in zip(points[:-1].tolist(), points[1:].tolist(), ends, strict=True):
        cv2.line(canvas, start, stop, 255, max(1, round(width * scale * taper)), cv2.LINE_8, shift)
    return share(cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))


def polygon(x: float, y: float, radius: float, rng: Rng) -> Plane:
    """A splinter with five to eight corners."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 9)))
    reach = radius * rng.uniform(0.5, 1.2, len(angles))
    corners = np.column_stack((x + reach * np.cos(angles), y + reach * np.sin(angles)))
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(canvas, [np.round(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return share(canvas)


def share(drawing: cv2.typing.MatLike) -> Plane:
    """0..1 from a drawing of 0..255."""
    return np.asarray(drawing, np.float32) / np.float32(255)


DAMAGE: dict[str, Damage] = {
    "scratch": scratch,
    "dent": dent,
    "crack": crack,
    "stain": stain,
    "contamination": contamination,
    "pore": pore,
    "deformed_edge": deformed_edge,
    "scratch_on_label": scratch_on_label,
    "stain_on_label": stain_on_label,
    "label_bubble": label_bubble,
}
