"""Render printed car parts, good and bad, as a data set in MVTec AD's layout with true print masks.

python -m samples.render housing OUT --train 200 --good 60 --bad 8 --seed 0
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from rich.progress import track

from samples.camera import Image, Shot, develop, draw_shot, expose
from samples.cover import cover
from samples.defects import DAMAGE
from samples.housing import housing
from samples.mistakes import MISTAKES
from samples.parts import Part
from samples.specimen import Specimen, assemble, build
from samples.surface import Plane, Surface, warp
from samples.tolerances import STANDARD, TURNED, Tolerances
from samples.variants import variants

Mask = NDArray[np.uint8]

PARTS: dict[str, Callable[[], Part]] = {"housing": housing, "cover": cover}
ON_ANY_PART = (
    "scratch",
    "dent",
    "crack",
    "stain",
    "contamination",
    "deformed_edge",
    "wrong_colour",
    "missing_screw",
    "marking_missing",
    "label_missing",
    "label_shifted",
    "label_torn",
    "double_label",
    "label_bubble",
    "scratch_on_label",
    "stain_on_label",
    "print_smeared",
    "print_void",
    "code_damaged",
)
DEFECTS: dict[str, tuple[str, ...]] = {
    "housing": (*ON_ANY_PART, "pore", "missing_pin", "bent_pin"),
    "cover": (*ON_ANY_PART, "missing_clip"),
}
VISIBLE = 4  # grey levels; less than that drowns in sensor noise
SMALLEST_DEFECT = 30  # px
MAX_DRAWS = 20


@dataclass(frozen=True)
class Rendered:
    """One picture and the truth about it.

    image: (H, W, 3) RGB, before JPEG; defect_mask: (H, W) 255 where the picture differs from that of the same
    part without the defect; print_mask: (H, W) 255 on the strokes and modules that vary from part to part;
    texts, codes: what was printed, whether or not a defect hides it.
    """

    image: Image
    defect_mask: Mask
    print_mask: Mask
    texts: tuple[str, ...]
    codes: tuple[str, ...]
    jpeg_quality: int


def render(part: Part, seed: int, defect: str | None = None, tolerances: Tolerances = STANDARD) -> Rendered:
    """A picture of one part; a seed gives the same part, print, pose and light with and without defect.

    Raises KeyError for a defect that this module does not know.
    """
    specimen, shot, surface, picture, defect_mask = shoot(part, seed, defect, tolerances)
    return Rendered(
        image=develop(picture, shot),
        defect_mask=defect_mask,
        print_mask=print_mask_of(surface, shot),
        texts=tuple(text for decal in specimen.decals for text in decal.sheet.texts),
        codes=tuple(code for decal in specimen.decals for code in decal.sheet.codes),
        jpeg_quality=shot.jpeg_quality,
    )


def shoot(
    part: Part, seed: int, defect: str | None, tolerances: Tolerances
) -> tuple[Specimen, Shot, Surface, Plane, Mask]:
    """A part, how its picture is taken, its surface, the picture before noise and JPEG, and where its defect is."""
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3)]
    specimen, shot = assemble(part, tolerances, streams[0]), draw_shot(tolerances, streams[1])
    surface = build(specimen)
    picture = expose(surface, part.ground, shot)
    if defect is None:
        return specimen, shot, surface, picture, np.zeros(picture.shape[:2], np.uint8)
    return specimen, shot, *spoil(specimen, picture, shot, defect, streams[2])


def print_mask_of(surface: Surface, shot: Shot) -> Mask:
    """(H, W) 255 on the strokes and modules that vary from part to part."""
    return (warp(surface.ink, shot.matrix) > 0.3).astype(np.uint8) * np.uint8(255)


def spoil(
    specimen: Specimen, good: Plane, shot: Shot, defect: str, rng: np.random.Generator
) -> tuple[Surface, Plane, Mask]:
    """Surface, picture and mask of the part with a defect, drawn again until a camera can see it."""
    for _ in range(MAX_DRAWS):
        if defect in MISTAKES:
            surface = build(MISTAKES[defect](specimen, rng))
        else:
            surface = build(specimen)
            DAMAGE[defect](surface, rng)
        picture = expose(surface, specimen.part.ground, shot)
        mask = difference_mask(good, picture)
        if np.count_nonzero(mask) >= SMALLEST_DEFECT:
            return surface, picture, mask
    raise RuntimeError(f"{defect}: nothing visible on {specimen.part.name} in {MAX_DRAWS} draws")


def difference_mask(good: Plane, bad: Plane) -> Mask:
    """255 where the two pictures differ visibly, gaps of a few px closed."""
    seen = (np.abs(bad - good).max(axis=2) > VISIBLE).astype(np.uint8) * 255
    return np.asarray(cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)


@dataclass(frozen=True)
class Job:
    """One image of the data set."""

    split: str
    kind: str  # "good" or the defect
    index: int

    def seed(self, base: int) -> int:
        """Depends on nothing but the image's place, so that more images do not change the ones before."""
        place = zlib.crc32(f"{self.split}/{self.kind}".encode())
        return int(np.random.SeedSequence((base, place, self.index)).generate_state(1, np.uint64)[0])


def jobs(train: int, good: int, bad: int, defects: tuple[str, ...]) -> Iterator[Job]:
    yield from (Job("train", "good", i) for i in range(train))
    yield from (Job("test", "good", i) for i in range(good))
    yield from (Job("test", defect, i) for defect in defects for i in range(bad))


def save(rendered: Rendered, job: Job, out: Path) -> None:
    """Image, print mask, and for a bad part the defect mask."""
    stem = f"{job.index:06d}"
    image = made(out / job.split / job.kind) / f"{stem}.jpg"
    PIL.Image.fromarray(rendered.image).save(image, quality=rendered.jpeg_quality, subsampling=0)
    PIL.Image.fromarray(rendered.print_mask).save(made(out / "print" / job.split / job.kind) / f"{stem}.png")
    if job.kind != "good":
        truth = made(out / "ground_truth" / job.kind) / f"{stem}_mask.png"
        PIL.Image.fromarray(rendered.defect_mask).save(truth)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@click.command()
@click.argument("part", type=click.Choice(tuple(PARTS)))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--train", default=200, show_default=True, help="Good images to train on.")
@click.option("--good", default=60, show_default=True, help="Good images to test on.")
@click.option("--bad", default=8, show_default=True, help="Bad images of each defect to test on.")
@click.option("--defect", "defects", multiple=True, help="Only this defect; repeat for more.")
@click.option("--variants", "mixed", is_flag=True, help="Three variants of the part, one after the other.")
@click.option("--turned", is_flag=True, help="Parts lie any way, and are seen smaller.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same images.")
def main(
    part: str,
    out: Path,
    train: int,
    good: int,
    bad: int,
    defects: tuple[str, ...],
    mixed: bool,
    turned: bool,
    seed: int,
) -> None:
    """Render good and bad printed car parts.

    \b
    python -m samples.render housing out/housing --train 300 --good 150 --bad 8
    """
    unknown = set(defects) - set(DEFECTS[part])
    if unknown:
        known = ", ".join(DEFECTS[part])
        raise click.BadParameter(f"{part} has no defect {', '.join(sorted(unknown))}: use one of {known}")
    work = list(jobs(train, good, bad, defects or DEFECTS[part]))
    kinds = variants(PARTS[part]()) if mixed else (PARTS[part](),)
    for job in track(work, description=f"rendering {part}"):
        defect = None if job.kind == "good" else job.kind
        rendered = render(kinds[job.index % len(kinds)], job.seed(seed), defect, TURNED if turned else STANDARD)
        save(rendered, job, out)


if __name__ == "__main__":
    main()
