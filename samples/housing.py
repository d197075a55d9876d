"""An aluminium die-cast control unit housing: bolted flange, seal, finned lid, connector, paper label."""

from functools import cache

import numpy as np

from samples.label import housing_label, housing_marking
from samples.parts import (
    BLACK,
    INK,
    STEEL,
    WHITE,
    Fitting,
    Part,
    PrintJob,
    emboss,
    pin,
    smooth_union,
    socket_screw,
    softened,
)
from samples.surface import Colour, Plane, Surface, blank_surface, box, disc, grid, inside, noise, shoulder

METAL: Colour = (0.40, 0.41, 0.42)
SEAL: Colour = (0.05, 0.19, 0.30)
ETCHED: Colour = (0.11, 0.10, 0.095)
BOLTS = ((102, 112), (666, 112), (102, 464), (666, 464), (384, 103), (384, 473))
PINS = tuple((x, y) for x in (173, 199) for y in range(218, 359, 28))


@cache
def housing() -> Part:
    rng = np.random.default_rng(11)
    x, y = grid()
    surface = blank_surface(METAL, 0.24)
    flange(surface, x, y)
    seal = lid(surface, x, y)
    shroud = connector(surface, x, y)
    pocket = inside(box(x, y, 366, 262, (121, 79), 5))
    fittings = [Fitting("screw", bx, by, 0.0, 180.0, socket_screw(STEEL)) for bx, by in BOLTS]
    fittings += [Fitting("pin", px, py, 0.0, 1.5, pin()) for px, py in PINS]
    return Part(
        name="housing",
        base=softened(surface, 0.7),
        grain=0.10 * noise(rng, 1.5) + 0.13 * noise(rng, 3.5) + 0.12 * noise(rng, 9),
        cast=surface.solid * (1 - 0.8 * (seal + shroud)) * (1 - 0.7 * pocket),
        ground=mat(rng),
        fittings=tuple(fittings),
        print_jobs=(
            PrintJob(housing_label, 366, 262, INK, WHITE),
            PrintJob(housing_marking, 338, 382, ETCHED, None),
        ),
        trims={"seal": seal, "connector": shroud},
    )


def flange(surface: Surface, x: Plane, y: Plane) -> None:
    plate = box(x, y, 384, 288, (296, 206), 40)
    for bx, by in BOLTS[:4]:
        plate = smooth_union(plate, disc(x, y, bx, by, 38), 16)
    surface.solid += inside(plate)
    surface.height += 20 * shoulder(plate, 6)
    for bx, by in BOLTS:
        face, hole = disc(x, y, bx, by, 23), disc(x, y, bx, by, 8)
        surface.height += 3 * shoulder(face, 3) - 14 * shoulder(hole, 3)
        surface.coat(inside(face), STEEL, 0.3)
        surface.coat(inside(hole), BLACK, 0.1)


def lid(surface: Surface, x: Plane, y: Plane) -> Plane:
    """Returns the seal, (H, W) 0..1, which is squeezed out between lid and flange."""
    seal = np.abs(box(x, y, 384, 288, (257, 163), 34)) - 5
    surface.height += 30 * shoulder(box(x, y, 384, 288, (248, 154), 28), 14)
    surface.height += 5 * shoulder(seal, 5) - 3 * shoulder(box(x, y, 384, 288, (262, 168), 38), 3)
    surface.coat(inside(seal), SEAL, 0.16)
    for fin in range(6):
        surface.height += 13 * shoulder(box(x, y, 517 + 19 * fin, 288, (5.5, 124), 5.5), 5)
    for rib in (158, 418):
        surface.height += 7 * shoulder(box(x, y, 362, rib, (116, 5), 5), 5)
    for ejector in (243, 492):
        surface.height -= 2.5 * shoulder(disc(x, y, ejector, 386, 9), 2)
    surface.height -= 4 * shoulder(box(x, y, 366, 262, (125, 83), 8), 4)  # the label's pocket
    surface.height += emboss("ORBIS", 419, 362, 20, 4.5) + emboss("AlSi9Cu3", 420, 386, 14, 3.0)
    return inside(seal)


def connector(surface: Surface, x: Plane, y: Plane) -> Plane:
    """Returns its plastic, (H, W) 0..1."""
    shroud, well = box(x, y, 186, 288, (38, 96), 12), box(x, y, 186, 288, (29, 87), 6)
    surface.height += 14 * shoulder(shroud, 4) - 26 * shoulder(well, 3)
    surface.coat(inside(shroud), BLACK, 0.12)
    return inside(shroud)


def mat(rng: np.random.Generator) -> Plane:
    """A dark rubber mat with dimples, (H, W, 3)."""
    x, y = grid()
    dimples = np.clip(np.cos(x * 0.42) * np.cos(y * 0.42) - 0.35, 0, 1)
    level = 0.055 * (1 + 0.35 * dimples + 0.10 * noise(rng, 2) + 0.10 * noise(rng, 60))
    return np.asarray(level[..., None] * np.array((0.86, 1.0, 1.12), np.float32), np.float32)
