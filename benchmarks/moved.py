"""A data set whose parts lie anywhere: `python -m benchmarks.moved DATASET OUT --motion far`.

Every image of DATASET is moved by up to a sixth of its sides (`far`), or turned any way, three quarters as large and
moved by up to a twentieth (`any`), and up to 15 % nearer or farther, too (`affine`), and its true defects with it. What
comes into view repeats the image's border.
"""

import zlib
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from pipeline.images import find_images, read_image, write_image

Size = tuple[int, int]


def far(size: Size, rng: np.random.Generator) -> NDArray[np.float64]:
    """(2, 3): by up to a sixth of the image's `size` (w, h), so that parts may be cut off."""
    shift = rng.uniform(-1 / 6, 1 / 6, 2) * size
    return np.column_stack([np.eye(2), shift])


def turned(size: Size, rng: np.random.Generator, scale: float = 0.75) -> NDArray[np.float64]:
    """(2, 3): any way up, and so small that what fills the image stays in it."""
    matrix = np.asarray(cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), rng.uniform(-180, 180), scale), np.float64)
    matrix[:, 2] += rng.uniform(-1 / 20, 1 / 20, 2) * size
    return matrix


def nearer(size: Size, rng: np.random.Generator) -> NDArray[np.float64]:
    """(2, 3): any way up, nearer to the camera or farther from it."""
    return turned(size, rng, 0.75 * rng.uniform(0.85, 1.15))


MOTIONS = {"far": far, "any": turned, "affine": nearer}


def move(dataset: Path, name: str, out: Path, motion: str) -> None:
    """Write the image called `name` as `motion` has it; a mask of defects goes with the image that it belongs to."""
    image = read_image(dataset / name, max_megapixels=100)
    size = (image.shape[1], image.shape[0])
    owner = name.replace("ground_truth/", "test/").replace("_mask", "").rsplit(".", 1)[0]
    matrix = MOTIONS[motion](size, np.random.default_rng(zlib.crc32(owner.encode())))
    if name.startswith("ground_truth/"):
        moved = cv2.warpAffine(image[..., 0], matrix, size, flags=cv2.INTER_NEAREST)
    else:
        moved = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    write_image(out / name, np.asarray(moved, np.uint8))


@click.command()
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--motion", type=click.Choice(list(MOTIONS)), required=True, help="How far parts move.")
def main(dataset: Path, out: Path, motion: str) -> None:
    """Move the parts on all images of DATASET, which has MVTec AD's layout, and write them to OUT."""
    names = [path.relative_to(dataset).as_posix() for path in find_images(dataset)]
    wanted = [name for name in names if name.split("/")[0] in ("train", "test", "ground_truth")]
    for name in track(wanted, description="moving"):
        move(dataset, name, out, motion)


if __name__ == "__main__":
    main()
