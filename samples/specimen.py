"""One part off the line: which fittings, which print, where."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from samples.label import Decal, stick
from samples.parts import Fitting, Part, PrintJob
from samples.surface import Surface, warp
from samples.tolerances import Tolerances


@dataclass(frozen=True)
class Specimen:
    part: Part
    fittings: tuple[Fitting, ...]
    decals: tuple[Decal, ...]  # in the order they are put on
    tint: float  # factor on the reflectance of the base
    grain_shift: tuple[int, int]  # px


def assemble(part: Part, tolerances: Tolerances, rng: np.random.Generator) -> Specimen:
    """A good part."""
    fittings = tuple(replace(f, angle=f.angle + rng.uniform(-f.spin, f.spin)) for f in part.fittings)
    decals = tuple(print_decal(job, tolerances, rng) for job in part.print_jobs)
    tint = 1 + rng.uniform(-tolerances.colour, tolerances.colour)
    down, right = rng.integers(part.grain.shape)
    return Specimen(part, fittings, decals, tint, (int(down), int(right)))


def print_decal(job: PrintJob, tolerances: Tolerances, rng: np.random.Generator) -> Decal:
    right, down = rng.uniform(-tolerances.label_shift, tolerances.label_shift, 2)
    angle = rng.uniform(-tolerances.label_rotation, tolerances.label_rotation)
    return Decal(job.printer(rng), job.x + right, job.y + down, angle, job.ink, job.paper)


def build(specimen: Specimen) -> Surface:
    """The surface of the specimen, free to be changed."""
    surface = specimen.part.base.copy()
    surface.colour[:] *= np.float32(specimen.tint)
    surface.height[:] += np.roll(specimen.part.grain, specimen.grain_shift, (0, 1)) * specimen.part.cast
    for fitting in specimen.fittings:
        mount(surface, fitting)
    for decal in specimen.decals:
        stick(surface, decal)
    return surface


def mount(surface: Surface, fitting: Fitting) -> None:
    """Set the fitting into the part."""
    size = fitting.piece.solid.shape[0]
    middle = (size / 2 - 0.5, size / 2 - 0.5)
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, fitting.angle, 1.0), np.float64)
    left, top = fitting.x - size // 2, fitting.y - size // 2
    cut = np.s_[top : top + size, left : left + size]
    cover = warp(fitting.piece.solid, matrix, width=size, height=size)
    rise = warp(fitting.piece.height, matrix, width=size, height=size)
    colour = warp(fitting.piece.colour, matrix, width=size, height=size)
    surface.solid[cut] = np.maximum(surface.solid[cut], cover)
    seat = surface.height[cut]
    seat += cover * (np.median(seat) + rise - seat)
    surface.colour[cut] += cover[..., None] * (colour - surface.colour[cut])
    surface.gloss[cut] += cover * (np.median(fitting.piece.gloss) - surface.gloss[cut])
