"""Time and peak memory of audit, cache, training and calibration at growing numbers of images.

    python -m benchmarks.scale OUT --counts 200,1000 [--steps 20]

The images are renders of 384x288 px, each moved, lit and grained anew; a line a step on standard output. `cache and
train` prepares the images and trains, `train` trains again on what is prepared; their difference is the cache.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import click
import cv2
import numpy as np

from pipeline.images import Image, write_image
from samples.render import PARTS, render

SIZE = (384, 288)
RENDERS = 24

CONFIG = """\
image: {{working_megapixels: 0.05}}
network: {{width: 32, bottleneck: 8}}
training: {{steps: {steps}, batch_size: 4}}
"""


def make_images(folder: Path, count: int) -> None:
    """Write `count` images; those that are there already stay."""
    renders = [render(PARTS["housing"](), seed, None).image for seed in range(RENDERS)]
    small = [np.asarray(cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA), np.uint8) for image in renders]
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.jpg"
        if not path.exists():
            write_image(path, perturbed(small[number % RENDERS], number))


def perturbed(image: Image, seed: int) -> Image:
    """The same part in another shot."""
    rng = np.random.default_rng(seed)
    move = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), rng.normal(0, 0.3), 1)
    move[:, 2] = move[:, 2] + rng.normal(0, 1.5, 2)
    moved = np.asarray(cv2.warpAffine(image, move, SIZE, borderMode=cv2.BORDER_REPLICATE), np.float64)
    return np.clip(moved * rng.uniform(0.95, 1.05) + rng.normal(0, 2, moved.shape), 0, 255).astype(np.uint8)


def measured(*arguments: str | Path) -> tuple[float, float]:
    """Seconds and peak resident memory (GB) of one command."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", *map(str, arguments)], stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments[0]} ended with {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / 1e6


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--counts", default="200,1000", show_default=True)
@click.option("--steps", default=20, show_default=True, help="Steps of the training: it does not grow with the images.")
def main(out: Path, counts: str, steps: int) -> None:
    """Measure; OUT keeps the images, so that a larger number adds to them."""
    print("| images | step | s | s per 1000 images | peak GB |\n| --- | --- | --- | --- | --- |")
    for count in map(int, counts.split(",")):
        images, place = out / f"images-{count}", out / f"run-{count}-{time.time():.0f}"
        make_images(images, count)
        config = place / "config.yaml"
        config.parent.mkdir(parents=True)
        config.write_text(CONFIG.format(steps=steps))
        train = ("train", images, "--config", config, "--cache", place / "cache", "--out")
        for step, command in (
            ("audit", ("audit", images, "--out", place / "audit")),
            ("cache and train", (*train, place / "model")),
            ("train", (*train, place / "again")),
            ("calibrate", ("calibrate", place / "model", "--good", images)),
        ):
            seconds, peak = measured(*command)
            print(f"| {count} | {step} | {seconds:.1f} | {1000 * seconds / count:.1f} | {peak:.2f} |", flush=True)


if __name__ == "__main__":
    main()
