"""The view: which part of the reference the working frame shows, and how large."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.config import Box
from pipeline.registration import Matrix, Registration, between, pixel_scaling, square


@dataclass(frozen=True)
class View:
    """A window onto the part in its reference pose.

    Attributes:
        box: left, top, width and height of what is shown, in pixels of the reference.
        size: width and height at which it is shown.
    """

    box: Box
    size: tuple[int, int]

    @classmethod
    def of_all(cls, whole: tuple[int, int], size: tuple[int, int] | None = None) -> "View":
        """All of a reference of this width and height; at its own size where none is given."""
        return cls((0, 0, *whole), size or whole)

    @classmethod
    def from_dict(cls, described: Mapping[str, Sequence[int]]) -> "View":
        """What `to_dict` gave; raises LookupError, TypeError or ValueError where it is no view."""
        left, top, width, height = (int(side) for side in described["box"])
        shown = (int(described["size"][0]), int(described["size"][1]))
        if min(left, top) < 0 or min(width, height, *shown) < 1:
            raise ValueError(f"no view: {described!r}")
        return cls((left, top, width, height), shown)

    def to_dict(self) -> dict[str, list[int]]:
        """Lists of numbers, for files."""
        return {"box": list(self.box), "size": list(self.size)}

    def at(self, size: tuple[int, int]) -> "View":
        """The same window at another size."""
        return replace(self, size=size)

    def shows_all(self, whole: tuple[int, int]) -> bool:
        """Whether this is all of a reference of this width and height."""
        return self.box == (0, 0, *whole)

    def lies_in(self, whole: tuple[int, int]) -> bool:
        """Whether a reference of this width and height has all that is shown."""
        left, top, width, height = self.box
        return left + width <= whole[0] and top + height <= whole[1]

    @cached_property
    def matrix(self) -> Matrix:
        """(3, 3) from pixels of the reference to pixels of the view."""
        left, top, width, height = self.box
        corner = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
        return np.asarray(pixel_scaling((width, height), self.size) @ corner)

    @property
    def corners(self) -> Matrix:
        """(4, 2) pixels (x, y) of the reference, clockwise from the upper left."""
        left, top, width, height = self.box
        return np.array([(left, top), (left + width, top), (left + width, top + height), (left, top + height)], float)

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
