"""Render covers as a line shows them: a third as large, each before one of four car bodies, far off its place.

The camera moves by up to 15 % of the image, and the light changes by a factor of two and slopes.

python -m samples.line OUT --train 191 --good 100 --bad 10 --seed 9
"""

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

SIZE, ROOM = 400, 640
"""Pixels along the sides of an image, and of the body that it shows a part of."""

COVER = (288, 216)
"""Width and height that are left of the cover's own picture."""

MIDDLE = tuple(slice((ROOM - side) // 2, (ROOM + side) // 2) for side in COVER[::-1])
"""Rows and columns of a body that the cover lies in."""

SHIFT = 60
"""Pixels that the camera may be off, along and across."""

DEFECTS = (
    "missing_clip", "missing_screw", "label_missing", "marking_missing", "wrong_colour", "stain", "dent",
    "deformed_edge", "contamination", "label_torn", "double_label", "crack", "scratch",
)  # fmt: skip
"""Those of the cover's that are still seen at this size, and some that hardly are."""


@cache
def body(number: int) -> NDArray[np.float32]:
    """(ROOM, ROOM, 3) grey levels of a car: its colour in uneven light, gaps between sheets, lamps."""
    rng = np.random.default_rng(100 + number)
    y, x = np.mgrid[:ROOM, :ROOM].astype(np.float32)
    wave = np.sin((x * np.cos(0.5 + number) + y * np.sin(0.5 + number)) / 110 + number)
    colour = np.array(BODIES[number], np.float32)
    level = 1 + 0.25 * wave + 0.1 * noise(rng, 60, ROOM, ROOM)
    image = np.clip(np.ones((ROOM, ROOM, 3), np.float32) * colour * level[..., None], 0, 255).astype(np.uint8)
    for _ in range(4):
        one, other = ((int(rng.uniform(0, ROOM)), int(rng.uniform(0, ROOM))) for _ in range(2))
        cv2.line(image, one, other, _shade(colour * 0.35), int(rng.integers(2, 7)), cv2.LINE_AA)
    for _ in range(3):
        middle = (int(rng.uniform(40, ROOM - 40)), int(rng.uniform(40, ROOM - 40)))
        radius = int(rng.uniform(12, 40))
        cv2.circle(image, middle, radius, _shade(colour * 1.4 + 20), -1, cv2.LINE_AA)
        cv2.circle(image, middle, radius // 2, (15, 15, 15), -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.float32)


def _shade(colour: NDArray[np.float32]) -> list[int]:
    return [int(min(255, level)) for level in colour]


def render(seed: int, defect: str | None) -> Rendered:
    """One picture, and the truth about it; texts and codes are too small to be read."""
    _, shot, surface, picture, mask = shoot(cover(), seed, defect, STANDARD)
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(4)[3])  # the others are those of the cover
    scene = _mounted(body(int(rng.integers(4))), picture, warp(surface.solid, shot.matrix))
    right, down = rng.integers(-SHIFT, SHIFT + 1, 2)
    left, top = (ROOM - SIZE) // 2 + right, (ROOM - SIZE) // 2 + down
    view = np.s_[top : top + SIZE, left : left + SIZE]
    ink = print_mask_of(surface, shot)
    return Rendered(_lit(scene[view], rng), _alone(mask)[view], _alone(ink)[view], (), (), jpeg_quality=92)


def _mounted(scene: NDArray[np.float32], picture: Plane, solid: Plane) -> NDArray[np.float32]:
    """The cover in the middle of a body."""
    small, share = (cv2.resize(plane, COVER, interpolation=cv2.INTER_AREA) for plane in (picture, solid))
    mounted = scene.copy()
    mounted[MIDDLE] += share[..., None] * (small - mounted[MIDDLE])
    return mounted


def _alone(mask: Mask) -> Mask:
    """A mask of the cover's picture, as large as a body."""
    alone = np.zeros((ROOM, ROOM), np.uint8)
    alone[MIDDLE] = np.where(cv2.resize(mask, COVER, interpolation=cv2.INTER_AREA) > 40, 255, 0)
    return alone


def _lit(scene: NDArray[np.float32], rng: np.random.Generator) -> Image:
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    light = rng.uniform(0.55, 1.35) * (1 + rng.uniform(-0.2, 0.2) * x + rng.uniform(-0.2, 0.2) * y)
    grain = rng.normal(0, rng.uniform(1.2, 2.6), (SIZE, SIZE, 1))
    return np.asarray(np.clip(scene * light[..., None] + grain, 0, 255), np.uint8)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--train", default=191, show_default=True, help="Good images to train on.")
@click.option("--good", default=100, show_default=True, help="Good images to test on.")
@click.option("--bad", default=10, show_default=True, help="Bad images of each defect to test on.")
@click.option("--seed", default=9, show_default=True, help="The same seed gives the same images.")
def main(out: Path, train: int, good: int, bad: int, seed: int) -> None:
    """Render covers before car bodies, good and bad.

    \b
    python -m samples.line out/line --train 191 --good 100 --bad 10
    """
    work: list[Job] = list(jobs(train, good, bad, DEFECTS))
    for job in track(work, description="rendering the line"):
        save(render(job.seed(seed), None if job.kind == "good" else job.kind), job, out)


if __name__ == "__main__":
    main()
