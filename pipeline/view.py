"""The view: which part of the reference the working frame shows, and how large."""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.config import Box
from pipeline.images import Image, Mask
from pipeline.registration import Matrix, Registrar, Registration, between, pixel_scaling, square

Outline = tuple[tuple[int, int], ...]
"""Corners (x, y) of a convex polygon, pixels of the reference."""

RIM = 0.04
"""Of the longer side of a part, what is looked at beside it: the edges of its outline, and hardly any ground."""

CIRCLE = np.array([(np.cos(angle), np.sin(angle)) for angle in np.arange(16) * np.pi / 8])
"""Directions all around."""


@dataclass(frozen=True)
class View:
    """A window onto the part in its reference pose.

    Attributes:
        box: left, top, width and height of what is shown, in pixels of the reference.
        size: width and height at which it is shown.
        outline: corners (x, y) of the convex outline of the part, in pixels of the reference, where it alone, with a
            rim, tells the pose and is judged. Empty where all of the image tells the pose, and all that is shown is
            judged.
    """

    box: Box
    size: tuple[int, int]
    outline: Outline = ()

    @classmethod
    def of_all(cls, whole: tuple[int, int], size: tuple[int, int] | None = None) -> "View":
        """All of a reference of this width and height; at its own size where none is given."""
        return cls((0, 0, *whole), size or whole)

    def at(self, size: tuple[int, int]) -> "View":
        """The same window at another size."""
        return replace(self, size=size)

    def shows_all(self, whole: tuple[int, int]) -> bool:
        """Whether this is all of a reference of this width and height."""
        return self.box == (0, 0, *whole)

    def lies_in(self, whole: tuple[int, int]) -> bool:
        """Whether a reference of this width and height has all that is shown, and that is something."""
        left, top, width, height = self.box
        inside = 0 <= left < left + width <= whole[0] and 0 <= top < top + height <= whole[1]
        return inside and min(self.size) > 0 and bool(self.part(whole).any())

    @cached_property
    def matrix(self) -> Matrix:
        """(3, 3) from pixels of the reference to pixels of the view."""
        left, top, width, height = self.box
        corner = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
        return np.asarray(pixel_scaling((width, height), self.size) @ corner)

    @property
    def corners(self) -> Matrix:
        """(N, 2) pixels (x, y) of the reference, around what is judged."""
        left, top, width, height = self.box
        if not self.outline:
            right, bottom = left + width, top + height
            return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)
        corners = np.array(self.outline, np.float64)
        rim = RIM * np.ptp(corners, axis=0).max() * CIRCLE
        return np.asarray(cv2.convexHull((corners[:, None] + rim).reshape(-1, 2).astype(np.float32))[:, 0], np.float64)

    @cached_property
    def beside(self) -> Mask:
        """(h, w) uint8, 255 where the view shows neither the part nor its rim."""
        mask = np.full(self.size[::-1], 255 if self.outline else 0, np.uint8)
        return _filled(mask, self.seen(self.corners), 0) if self.outline else mask

    def part(self, whole: tuple[int, int]) -> Mask:
        """(H, W) uint8 for a reference of this width and height, 255 where it shows what tells the pose."""
        mask = np.full(whole[::-1], 0 if self.outline else 255, np.uint8)
        return _filled(mask, self.corners, 255) if self.outline else mask

    def registrar(self, reference: Image, *, motion: str, min_quality: float) -> Registrar:
        """Finds the pose of the part that has an outline, or of all of the reference; see `Registrar`."""
        part = self.part((reference.shape[1], reference.shape[0])) if self.outline else None
        return Registrar(reference, motion=motion, min_quality=min_quality, part=part)

    def crop(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What a picture of the reference, (H, W) or (H, W, 3) uint8, holds in the window; at its own size."""
        left, top, width, height = self.box
        return picture[top : top + height, left : left + width]

    def scaled(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Width and height at which an image shows the part as large as the view does."""
        _, _, width, height = self.box
        return round(image_size[0] * self.size[0] / width), round(image_size[1] * self.size[1] / height)

    def of_image(self, registration: Registration, image_size: tuple[int, int]) -> Matrix:
        """(2, 3) from an image of `image_size` (w, h), shrunk as `scaled` says, to the view."""
        shrunk = pixel_scaling(image_size, self.scaled(image_size))
        return np.asarray((self.matrix @ square(registration.matrix) @ np.linalg.inv(shrunk))[:2])

    def between(self, one: Registration, other: Registration) -> Matrix:
        """(2, 3) within the view: from where one registration puts things to where another does."""
        return np.asarray((self.matrix @ square(between(one, other)) @ np.linalg.inv(self.matrix))[:2])

    def seen(self, points: Matrix) -> Matrix:
        """Points (N, 2) of the reference in the view."""
        return np.asarray(points @ self.matrix[:2, :2].T + self.matrix[:2, 2])

    def shows(self, points: Matrix) -> bool:
        """Whether the box around some points (N, 2) of the reference reaches into the view."""
        low, high = self.seen(points).min(0), self.seen(points).max(0)
        return bool(np.all((high > 0) & (low < np.array(self.size) - 1)))

    def to_reference(self, points: Matrix) -> Matrix:
        """Points (N, 2) of the view in the reference."""
        return np.asarray((points - self.matrix[:2, 2]) @ np.linalg.inv(self.matrix[:2, :2]).T)


def _filled(mask: Mask, corners: Matrix, value: int) -> Mask:
    return np.asarray(cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), value), np.uint8)
