"""False calls on what a line does to good images: `python -m benchmarks.robustness MODEL DATASET`.

Each disturbance alone, then all together, on the good test images of DATASET; verdicts at the model's thresholds. What
counts is the difference from the images as they are. With --bad, some faults of each class are disturbed as well: a
model that sees nothing in a bad shot calls nobody either.
"""

from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pipeline.calibration import interval
from pipeline.images import Image, find_images, read_image
from pipeline.inspector import Inspection, Inspector
from pipeline.verdict import Verdict

Brightness = NDArray[np.float32]
"""(H, W, 3), in grey levels, before the sensor makes whole numbers of them, and 255 of all that is more."""

Disturbance = Callable[[Brightness, np.random.Generator], Brightness]


def exposed(light: Brightness) -> Image:
    """What the sensor makes of the light."""
    return np.asarray(np.clip(np.round(light), 0, 255), np.uint8)


def brighter(light: Brightness, _rng: np.random.Generator) -> Brightness:
    return light * np.float32(1.2)


def darker(light: Brightness, _rng: np.random.Generator) -> Brightness:
    return light * np.float32(0.8)


def slope(light: Brightness, rng: np.random.Generator) -> Brightness:
    """Light that falls by 30 % from one side to the other."""
    height, width = light.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)[:, None]
    return light * np.asarray(1 + 0.15 * (x * np.cos(angle) + y * np.sin(angle)), np.float32)[..., None]


def defocus(light: Brightness, _rng: np.random.Generator) -> Brightness:
    return np.asarray(cv2.GaussianBlur(light, (0, 0), 1.0), np.float32)


def pose(light: Brightness, rng: np.random.Generator) -> Brightness:
    """3 px in some direction, and 1 degree one way or the other."""
    height, width = light.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), float(rng.choice((-1, 1))), 1)
    matrix[:, 2] += 3 * np.cos(angle), 3 * np.sin(angle)
    return np.asarray(cv2.warpAffine(light, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.float32)


def noise(light: Brightness, rng: np.random.Generator) -> Brightness:
    return np.asarray(light + rng.normal(0, 4, light.shape), np.float32)


def jpeg(light: Brightness, _rng: np.random.Generator) -> Brightness:
    coded = cv2.imencode(".jpg", np.ascontiguousarray(exposed(light)[..., ::-1]), (cv2.IMWRITE_JPEG_QUALITY, 70))[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB), np.float32)


def together(light: Brightness, rng: np.random.Generator) -> Brightness:
    """All of them, lighter or darker by chance, in one shot: what is too bright is lost once, in the sensor."""
    for disturb in (pose, defocus, brighter if rng.random() < 0.5 else darker, slope, noise, jpeg):
        light = disturb(light, rng)
    return light


DISTURBANCES: dict[str, Disturbance] = {
    "as it is": lambda light, _rng: light,
    "20 % brighter": brighter,
    "20 % darker": darker,
    "light falls by 30 % across the image": slope,
    "defocus, 1 px": defocus,
    "3 px and 1 degree": pose,
    "noise of 4 grey levels": noise,
    "JPEG quality 70": jpeg,
    "all together": together,
}


def judge(inspector: Inspector, paths: list[Path], disturb: Disturbance, seed: int) -> list[Inspection]:
    limit, rng = inspector.bundle.config.image.max_megapixels, np.random.default_rng(seed)
    images = (read_image(path, max_megapixels=limit) for path in paths)
    return [inspector.inspect(exposed(disturb(image.astype(np.float32), rng))) for image in images]


def not_ok(found: list[Inspection]) -> int:
    return sum(one.verdict is not Verdict.OK for one in found)


@click.command(help=__doc__)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True)
@click.option("--bad", default=0, show_default=True, help="Faulty images of each class, too.")
def main(model: Path, dataset: Path, seed: int, bad: int) -> None:
    cv2.setNumThreads(1)
    inspector = Inspector.load(model)
    kinds = sorted(folder for folder in (dataset / "test").iterdir() if folder.is_dir() and folder.name != "good")
    good, faulty = find_images(dataset / "test" / "good"), [path for kind in kinds for path in find_images(kind)[:bad]]
    columns = ("good test images", "not OK", "95 % interval", "NG", "median score", "faults found")
    table = Table(*columns, title=dataset.name, box=None)
    for name, disturb in track(DISTURBANCES.items(), "disturbing", console=Console(stderr=True)):
        found, spoilt = (judge(inspector, paths, disturb, seed) for paths in (good, faulty))
        called = not_ok(found)
        low, high = interval(called, len(found))
        score = np.median([np.inf if one.score is None else one.score for one in found])
        wrong = sum(one.verdict is Verdict.NG for one in found)
        share = f"{called} of {len(found)} = {called / len(found):.1%}"
        shown = f"{not_ok(spoilt)} of {len(spoilt)}" if faulty else "-"
        table.add_row(name, share, f"{low:.1%} to {high:.1%}", str(wrong), f"{score:.2f}", shown)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
