"""Render covers as a line shows them: a third as large, each before one of four car bodies, far off its place.

The camera moves by up to 15 % of the image, and the light changes by a factor of two and slopes. With --turned, the
covers are smaller still, and lie turned any way.

python -m samples.line OUT --train 191 --good 100 --bad 10 --seed 9
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from samples.camera import Image
from samples.cover import cover
from samples.render import Job, Mask, Rendered, jobs, print_mask_of, save, shoot
from samples.surface import Plane, noise, warp
from samples.tolerances import STANDARD

BODIES = ((150, 30, 30), (30, 60, 140), (190, 190, 195), (40, 42, 45))
"""Colours of the cars."""


@dataclass(frozen=True)
class Line:
    """How a line takes its pictures.

    Attributes:
        size: pixels along the sides of an image.
        turned: whether covers lie turned any way.
    """

    size: int = 400
    turned: bool = False

    @property
    def room(self) -> int:
        """Pixels along the sides of the body that an image shows a part of."""
        return round(1.6 * self.size)

    @property
    def cover(self) -> tuple[int, int]:
        """Width and height that are left of the cover's own picture."""
        width = 0.52 if self.turned else 0.72
        return round(width * self.size), round(0.75 * width * self.size)

    @property
    def shift(self) -> int:
        """Pixels that the camera may be off, along and across."""
        return round(0.15 * self.size)

    def mount(self, degrees: float) -> NDArray[np.float64]:
        """(2, 3) from pixels of a cover's small picture to those of the body, in whose middle it lies."""
        width, height = self.cover
        matrix = np.asarray(cv2.getRotationMatrix2D((width // 2, height // 2), degrees, 1), np.float64)
        matrix[:, 2] += (self.room - width) // 2, (self.room - height) // 2
        return matrix


DEFECTS = (
    "missing_clip", "missing_screw", "label_missing", "marking_missing", "wrong_colour", "stain", "dent",
    "deformed_edge", "contamination", "label_torn", "double_label", "crack", "scratch",
)  # fmt: skip
"""Those of the cover's that are still seen at this size, and some that hardly are."""


@cache
def body(number: int, room: int) -> NDArray[np.float32]:
    """(room, room, 3) grey levels of a car: its colour in uneven light, gaps between sheets, lamps."""
    rng = np.random.default_rng(100 + number)
    y, x = np.mgrid[:room, :room].astype(np.float32)
    wave = np.sin((x * np.cos(0.5 + number) + y * np.sin(0.5 + number)) / 110 + number)
    colour = np.array(BODIES[number], np.float32)
    level = 1 + 0.25 * wave + 0.1 * noise(rng, 60, room, room)
    image = np.clip(np.ones((room, room, 3), np.float32) * colour * level[..., None], 0, 255).astype(np.uint8)
    for _ in range(4):
        one, other = ((int(rng.uniform(0, room)), int(rng.uniform(0, room))) for _ in range(2))
        cv2.line(image, one, other, _shade(colour * 0.35), int(rng.integers(2, 7)), cv2.LINE_AA)
    for _ in range(3):
        middle = (int(rng.uniform(40, room - 40)), int(rng.uniform(40, room - 40)))
        radius = int(rng.uniform(12, 40))
        cv2.circle(image, middle, radius, _shade(colour * 1.4 + 20), -1, cv2.LINE_AA)
        cv2.circle(image, middle, radius // 2, (15, 15, 15), -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.float32)


def _shade(colour: NDArray[np.float32]) -> list[int]:
    return [int(min(255, level)) for level in colour]


def render(seed: int, defect: str | None, line: Line = Line()) -> Rendered:
    """One picture, and the truth about it; texts and codes are too small to be read."""
    _, shot, surface, picture, mask = shoot(cover(), seed, defect, STANDARD)
    rng, turns = (np.random.default_rng(np.random.SeedSequence(seed).spawn(5)[number]) for number in (3, 4))
    mount = line.mount(turns.uniform(0, 360) if line.turned else 0.0)  # the cover has the streams before these two
    number = int(rng.integers(4))
    scene = _mounted(body(number, line.room), line, mount, picture, warp(surface.solid, shot.matrix))
    right, down = rng.integers(-line.shift, line.shift + 1, 2)
    left, top = (line.room - line.size) // 2 + right, (line.room - line.size) // 2 + down
    view = np.s_[top : top + line.size, left : left + line.size]
    faulty, ink = (_alone(one, line, mount)[view] for one in (mask, print_mask_of(surface, shot)))
    return Rendered(_lit(scene[view], rng), faulty, ink, (), (), jpeg_quality=92)


def _mounted(
    scene: NDArray[np.float32], line: Line, mount: NDArray[np.float64], picture: Plane, solid: Plane
) -> NDArray[np.float32]:
    """The cover in the middle of a body."""
    small, share = (cv2.resize(plane, line.cover, interpolation=cv2.INTER_AREA) for plane in (picture, solid))
    there, covered = (cv2.warpAffine(plane, mount, (line.room, line.room)) for plane in (small, share))
    return np.asarray(scene + covered[..., None] * (there - scene), np.float32)


def _alone(mask: Mask, line: Line, mount: NDArray[np.float64]) -> Mask:
    """A mask of the cover's picture, as large as a body."""
    small = np.where(cv2.resize(mask, line.cover, interpolation=cv2.INTER_AREA) > 40, 255, 0).astype(np.uint8)
    return np.asarray(cv2.warpAffine(small, mount, (line.room, line.room), flags=cv2.INTER_NEAREST), np.uint8)


def _lit(scene: NDArray[np.float32], rng: np.random.Generator) -> Image:
    size = len(scene)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    light = rng.uniform(0.55, 1.35) * (1 + rng.uniform(-0.2, 0.2) * x + rng.uniform(-0.2, 0.2) * y)
    grain = rng.normal(0, rng.uniform(1.2, 2.6), (size, size, 1))
    return np.asarray(np.clip(scene * light[..., None] + grain, 0, 255), np.uint8)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--train", default=191, show_default=True, help="Good images to train on.")
@click.option("--good", default=100, show_default=True, help="Good images to test on.")
@click.option("--bad", default=10, show_default=True, help="Bad images of each defect to test on.")
@click.option("--seed", default=9, show_default=True, help="The same seed gives the same images.")
@click.option("--size", default=400, show_default=True, help="Pixels along the sides of an image.")
@click.option("--turned", is_flag=True, help="Covers turned any way.")
def main(out: Path, train: int, good: int, bad: int, seed: int, size: int, turned: bool) -> None:
    """Render covers before car bodies, good and bad.

    \b
    python -m samples.line out/line --train 191 --good 100 --bad 10
    """
    line = Line(size, turned)
    work: list[Job] = list(jobs(train, good, bad, DEFECTS))
    for job in track(work, description="rendering the line"):
        save(render(job.seed(seed), None if job.kind == "good" else job.kind, line), job, out)


if __name__ == "__main__":
    main()
