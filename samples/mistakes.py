"""What can go wrong before the part is finished: pieces left out, bent or mixed up, labels, print."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from samples.label import SCALE, Decal, Sheet
from samples.specimen import Specimen
from samples.surface import Colour, Plane, grid, noise

Rng = np.random.Generator
Mistake = Callable[[Specimen, Rng], Specimen]

LIGHT_GREY, ORANGE, GREEN, SLATE = (
    (0.30, 0.30, 0.29),
    (0.40, 0.12, 0.03),
    (0.05, 0.20, 0.08),
    (0.09, 0.10, 0.13),
)
TRIM_COLOURS: tuple[Colour, ...] = (LIGHT_GREY, ORANGE, GREEN, SLATE)


def missing_fitting(specimen: Specimen, rng: Rng, *, kind: str) -> Specimen:
    chosen = pick_fitting(specimen, rng, kind)
    return replace(specimen, fittings=tuple(f for i, f in enumerate(specimen.fittings) if i != chosen))


def bent_fitting(specimen: Specimen, rng: Rng, *, kind: str) -> Specimen:
    """One fitting moved by 2 to 6 px and turned."""
    fittings = list(specimen.fittings)
    chosen = pick_fitting(specimen, rng, kind)
    bent, way, angle = fittings[chosen], rng.uniform(0, 2 * np.pi), rng.uniform(8, 40) * rng.choice((-1, 1))
    far = rng.uniform(2, 6)
    x, y = round(bent.x + far * np.cos(way)), round(bent.y + far * np.sin(way))
    fittings[chosen] = replace(bent, x=x, y=y, angle=bent.angle + angle)
    return replace(specimen, fittings=tuple(fittings))


def wrong_colour(specimen: Specimen, rng: Rng) -> Specimen:
    """One piece in the colour of another variant; the weaker, the less it differs."""
    part = specimen.part
    trim, colour = part.trims[rng.choice(list(part.trims))], TRIM_COLOURS[rng.integers(len(TRIM_COLOURS))]
    base = part.base.copy()
    base.coat(trim * np.float32(rng.uniform(0.25, 1)), colour, 0.15)
    return replace(specimen, part=replace(part, base=base))


def pick_fitting(specimen: Specimen, rng: Rng, kind: str) -> int:
    return int(rng.choice([i for i, fitting in enumerate(specimen.fittings) if fitting.kind == kind]))


def label_missing(specimen: Specimen, _: Rng) -> Specimen:
    return replace(specimen, decals=tuple(decal for decal in specimen.decals if decal.paper is None))


def marking_missing(specimen: Specimen, _: Rng) -> Specimen:
    return replace(specimen, decals=tuple(decal for decal in specimen.decals if decal.paper is not None))


def label_shifted(specimen: Specimen, rng: Rng) -> Specimen:
    """Off its place by more than 15 px, or turned by more than 3 degrees."""
    if rng.random() < 0.5:
        way, far = rng.uniform(0, 2 * np.pi), rng.uniform(15, 30)
        return on_label(specimen, lambda d: replace(d, x=d.x + far * np.cos(way), y=d.y + far * np.sin(way)))
    turn = rng.uniform(3, 8) * rng.choice((-1, 1))
    return on_label(specimen, lambda d: replace(d, angle=d.angle + turn))


def double_label(specimen: Specimen, rng: Rng) -> Specimen:
    """A second label stuck nearly on top."""
    label = next(decal for decal in specimen.decals if decal.paper is not None)
    shift, turn = rng.uniform(3, 14, 2) * rng.choice((-1, 1), 2), rng.uniform(-4, 4)
    second = replace(label, x=label.x + shift[0], y=label.y + shift[1], angle=label.angle + turn)
    return replace(specimen, decals=(*specimen.decals, second))


def label_torn(specimen: Specimen, rng: Rng) -> Specimen:
    """A corner or an edge is ripped off along a ragged line."""

    def tear(sheet: Sheet) -> Sheet:
        height, width = sheet.paper.shape
        x, y = grid(width, height)
        way = rng.uniform(0, 2 * np.pi)
        towards = (x - width / 2) * np.cos(way) + (y - height / 2) * np.sin(way)
        towards += 3 * noise(rng, 9, width, height) + noise(rng, 3, width, height)
        return masked(sheet, np.clip(towards.max() - SCALE * rng.uniform(10, 40) - towards, 0, 1))

    return on_label_sheet(specimen, tear)


def print_smeared(specimen: Specimen, rng: Rng) -> Specimen:
    """Wiped while wet: ink dragged sideways within a band."""

    def smear(sheet: Sheet) -> Sheet:
        length = SCALE * int(rng.integers(5, 22))
        dragged = np.asarray(cv2.blur(sheet.ink, (length, 1)), np.float32) * np.float32(1.1)
        band = soft_band(sheet.ink.shape, rng, SCALE * rng.uniform(10, 50)) * np.float32(rng.uniform(0.6, 1))
        return replace(sheet, ink=np.clip(sheet.ink + band * (dragged - sheet.ink), 0, 1))

    return on_label_sheet(specimen, smear)


def print_void(specimen: Specimen, rng: Rng) -> Specimen:
    """A dead dot row or a lifted print head: a band without ink."""

    def fade(sheet: Sheet) -> Sheet:
        band = soft_band(sheet.ink.shape, rng, SCALE * rng.uniform(1.5, 16)) * np.float32(rng.uniform(0.5, 1))
        return replace(sheet, ink=sheet.ink * (1 - band))

    return on_label_sheet(specimen, fade)


def code_damaged(specimen: Specimen, rng: Rng) -> Specimen:
    """A blot on a code, or a piece of it that was not printed."""

    def blot(sheet: Sheet) -> Sheet:
        left, top, wide, tall = sheet.places[rng.integers(len(sheet.places))]
        x, y = grid(*sheet.ink.shape[::-1])
        cx, cy = SCALE * (left + rng.uniform(0.1, 0.9) * wide), SCALE * (top + rng.uniform(0.1, 0.9) * tall)
        reach = SCALE * rng.uniform(4, 15) + 3 * noise(rng, 8, x.shape[1], x.shape[0])
        spot = np.asarray(np.clip(reach - np.hypot(x - cx, y - cy), 0, 1), np.float32)
        return replace(sheet, ink=sheet.ink + spot * (np.float32(rng.random() < 0.5) - sheet.ink))

    decals = list(specimen.decals)
    chosen = rng.choice([i for i, decal in enumerate(decals) if decal.sheet.places])
    decals[chosen] = replace(decals[chosen], sheet=blot(decals[chosen].sheet))
    return replace(specimen, decals=tuple(decals))


def soft_band(shape: tuple[int, ...], rng: Rng, breadth: float) -> Plane:
    """A horizontal stripe of `breadth` sheet px with soft edges somewhere over the ink, (h, w) 0..1."""
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    middle = rng.uniform(0.12, 0.88) * shape[0]
    stripe = np.clip((breadth / 2 - np.abs(y - middle)) / 2 + 0.5, 0, 1)
    return np.asarray(np.broadcast_to(stripe, shape), np.float32)


def masked(sheet: Sheet, keep: Plane) -> Sheet:
    return replace(sheet, paper=sheet.paper * keep, ink=sheet.ink * keep, variable=sheet.variable * keep)


def on_label(specimen: Specimen, change: Callable[[Decal], Decal]) -> Specimen:
    return replace(specimen, decals=tuple(change(d) if d.paper is not None else d for d in specimen.decals))


def on_label_sheet(specimen: Specimen, change: Callable[[Sheet], Sheet]) -> Specimen:
    return on_label(specimen, lambda decal: replace(decal, sheet=change(decal.sheet)))


MISTAKES: dict[str, Mistake] = {
    "missing_screw": partial(missing_fitting, kind="screw"),
    "missing_pin": partial(missing_fitting, kind="pin"),
    "bent_pin": partial(bent_fitting, kind="pin"),
    "missing_clip": partial(missing_fitting, kind="clip"),
    "wrong_colour": wrong_colour,
    "label_missing": label_missing,
    "label_shifted": label_shifted,
    "label_torn": label_torn,
    "double_label": double_label,
    "print_smeared": print_smeared,
    "print_void": print_void,
    "code_damaged": code_damaged,
    "marking_missing": marking_missing,
}
