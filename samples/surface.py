"""A part as a relief: height, colour and gloss per pixel, and the few shapes it is drawn with."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 768, 576

Plane = NDArray[np.float32]
"""float32 (H, W), or (H, W, 3) where it says colour."""

Colour = tuple[float, float, float]
"""Linear RGB reflectance, 0..1."""


@dataclass
class Surface:
    """What the camera could see of a part, pixel by pixel; the planes are changed in place while it is built.

    height: (H, W) px above the ground; colour: (H, W, 3) linear reflectance 0..1; gloss: (H, W) 0 matt .. 1
    mirror; solid: (H, W) share of the pixel that is part and not ground; paper, ink: (H, W) share that is
    label, and that is print which differs from part to part.
    """

    height: Plane
    colour: Plane
    gloss: Plane
    solid: Plane
    paper: Plane
    ink: Plane

    def copy(self) -> Self:
        return type(self)(*(plane.copy() for plane in self.planes()))

    def planes(self) -> tuple[Plane, ...]:
        return self.height, self.colour, self.gloss, self.solid, self.paper, self.ink

    def coat(self, cover: Plane, colour: Colour, gloss: float) -> None:
        """Cover the share `cover` (H, W, 0..1) of each pixel with a material."""
        self.colour[:] += cover[..., None] * (np.asarray(colour, np.float32) - self.colour)
        self.gloss[:] += cover * (np.float32(gloss) - self.gloss)


def blank_surface(colour: Colour, gloss: float, width: int = WIDTH, height: int = HEIGHT) -> Surface:
    """Flat material everywhere, of which nothing is solid yet."""
    zero = np.zeros((height, width), np.float32)
    colours = np.broadcast_to(np.asarray(colour, np.float32), (height, width, 3))
    return Surface(zero, colours.copy(), zero + np.float32(gloss), zero.copy(), zero.copy(), zero.copy())


def blur(plane: Plane, sigma: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


def warp(plane: Plane, matrix: NDArray[np.float64], *, width: int = WIDTH, height: int = HEIGHT) -> Plane:
    """`plane` moved by the 2x3 matrix, zero where nothing was."""
    return np.asarray(cv2.warpAffine(plane, matrix, (width, height), flags=cv2.INTER_LINEAR), np.float32)


def noise(rng: np.random.Generator, grain: float, width: int = WIDTH, height: int = HEIGHT) -> Plane:
    """Smooth noise with features of about `grain` px, mean 0, deviation 1."""
    coarse = rng.standard_normal((int(height / grain) + 4, int(width / grain) + 4)).astype(np.float32)
    fine = np.asarray(cv2.resize(coarse, None, fx=grain, fy=grain, interpolation=cv2.INTER_CUBIC), np.float32)
    cut = fine[:height, :width]
    return np.asarray((cut - cut.mean()) / cut.std(), np.float32)


# Signed distances in px, negative inside (Quilez, https://iquilezles.org/articles/distfunctions2d).


def grid(width: int = WIDTH, height: int = HEIGHT) -> tuple[Plane, Plane]:
    """x and y of every pixel."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x, y


def disc(x: Plane, y: Plane, cx: float, cy: float, radius: float) -> Plane:
    return np.asarray(np.hypot(x - cx, y - cy) - radius, np.float32)


def box(x: Plane, y: Plane, cx: float, cy: float, half: tuple[float, float], radius: float) -> Plane:
    """A rectangle of half width and half height `half` with rounded corners."""
    dx = np.abs(x - cx) - (half[0] - radius)
    dy = np.abs(y - cy) - (half[1] - radius)
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return np.asarray(outside + np.minimum(np.maximum(dx, dy), 0) - radius, np.float32)


def inside(distance: Plane) -> Plane:
    """Share of each pixel inside the shape, 0..1."""
    return np.asarray(np.clip(0.5 - distance, 0, 1), np.float32)


def shoulder(distance: Plane, width: float) -> Plane:
    """0 outside, rising as a quarter circle over `width` px to 1: the profile of a rounded edge."""
    t = np.clip(-distance / width, 0, 1)
    return np.asarray(np.sqrt(1 - (1 - t) ** 2), np.float32)
