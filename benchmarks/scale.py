"""Time and peak memory of audit, cache, training and calibration at growing numbers of images.

    python -m benchmarks.scale OUT --counts 1000,4000,10000,50000 [--steps 20]
    python -m benchmarks.scale OUT --kills 20 [--seed 0]
    python -m benchmarks.scale OUT --workers MODEL IMAGES

The images are renders of 384x288 px, each moved, lit and grained anew; a line a step on standard output. `cache and
train` prepares the images and trains, `train` trains again on what is prepared; their difference is the cache.

With --kills, trainings are killed at random moments and continued, again and again, until there were so many kills;
every model that comes out is compared, byte for byte, with that of a training that nobody disturbed.

With --workers, IMAGES are inspected by one and by two workers, in this process and on Ray, and it is checked that all
rows agree. The time to start, which a run over a few images shows, is taken off.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import click
import cv2
import numpy as np

from pipeline.images import Image, find_images, write_image
from pipeline.results import read_rows
from pipeline.rows import Row
from samples.render import PARTS, render

SIZE = (384, 288)
RENDERS = 24

CONFIG = """\
image: {{working_megapixels: 0.05}}
network: {{width: 32, bottleneck: 8}}
training: {{steps: {steps}, batch_size: 4}}
"""


def make_images(out: Path, count: int) -> Path:
    """A folder of `count` images, which it shares with those of other counts; what is there already stays."""
    pool, folder = out / "images", out / f"images-{count}"
    renders = [render(PARTS["housing"](), seed, None).image for seed in range(RENDERS)]
    small = [np.asarray(cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA), np.uint8) for image in renders]
    for number in range(count):
        name = f"{number // 1000:03}/{number:06}.jpg"
        if not (pool / name).exists():
            write_image(pool / name, perturbed(small[number % RENDERS], number))
        if not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).hardlink_to(pool / name)
    return folder


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


IMPATIENT = """
import sys
import models.fitting
from pipeline import cli
models.fitting.CHECKPOINT_SECONDS = 0.3  # else so short a training would have none to be resumed from
sys.exit(cli.main(sys.argv[1:]))
"""

KILLED_COUNT, KILLED_STEPS = 300, 30
"""Images and steps of the trainings that are killed: five files of frames, and some seconds of each part."""

KILLS_EACH = 4
"""Times that one training is killed at the most, before it may end."""


class Killed:
    """Trainings in a folder, that can be killed."""

    def __init__(self, out: Path) -> None:
        self._out, self._images = out, make_images(out, KILLED_COUNT)
        (out / "config.yaml").write_text(CONFIG.format(steps=KILLED_STEPS))

    def train(self, name: str, patience: float | None) -> bool:
        """Train or continue the training of this name; False where it was killed after `patience` seconds."""
        place = self._out / name
        command = ("train", self._images, "--config", self._out / "config.yaml", "--cache", place / "cache", "--resume")
        with subprocess.Popen(
            [sys.executable, "-c", IMPATIENT, *map(str, command), "--out", str(place / "model")],
            stdout=subprocess.DEVNULL,
        ) as process:
            try:
                code = process.wait(patience)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                return False
        if code:
            raise SystemExit(f"{name} ended with {code}")
        return True

    def stage(self, name: str) -> str:
        """How far the training of this name has come, by what it has left."""
        place = self._out / name
        left = {path.name: path for path in place.rglob("*") if path.is_file()}
        if "manifest.json" in left:
            return "writing the model"
        if "checkpoint.pt" in left:
            return "training"
        frames = sum(path.startswith("notes-") for path in left)
        return f"caching, {frames} files" if "lesson.npz" in left else "teach-in"

    def files(self, name: str) -> dict[str, bytes]:
        """All that a finished training has left in its model."""
        folder = self._out / name / "model"
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kill_trainings(out: Path, kills: int, seed: int) -> None:
    """Kill, continue and compare; ends with an error at the first model that is another."""
    rng, place = np.random.default_rng(seed), out / f"kills-{time.time():.0f}"
    place.mkdir(parents=True)
    trainings, done, number = Killed(place), 0, 0
    start = time.perf_counter()
    trainings.train("undisturbed", None)
    seconds, wanted = time.perf_counter() - start, trainings.files("undisturbed")
    print(f"undisturbed: {seconds:.1f} s, {len(wanted)} files", flush=True)
    while done < kills:
        moments: list[str] = []
        while not trainings.train(
            str(number), moment := rng.uniform(0, seconds) if len(moments) < KILLS_EACH else None
        ):
            moments.append(f"{moment:.1f} s ({trainings.stage(str(number))})")
        found = trainings.files(str(number))
        differ = sorted(file for file in wanted.keys() | found.keys() if found.get(file) != wanted.get(file))
        print(f"model {number}: killed after {', '.join(moments) or '-'}", flush=True)
        if differ:
            raise SystemExit(f"model {number}: other than undisturbed: {', '.join(differ)}")
        done, number = done + len(moments), number + 1
    print(f"{done} kills, {number} models: all the same as undisturbed, byte for byte")


FEW, MANY = 16, 816
"""Images of the run that shows the time to start, and of the one that shows the throughput."""

ENGINES = ("here", "ray")


def compare_workers(out: Path, model: Path, images: Path) -> None:
    """Images a second of one and of two workers, a line an engine; ends with an error where rows differ."""
    print("| engine | images/s, 1 worker | 2 workers | times |\n| --- | --- | --- | --- |")
    few, many = (linked(images, out / f"copies-{count}", count) for count in (FEW, MANY))
    found: list[list[Row]] = []
    for engine in ENGINES:
        speeds = []
        for jobs in (1, 2):
            place = out / f"workers-{engine}-{jobs}-{time.time():.0f}"
            words = ("--overlays", "none", "--engine", engine, "--jobs", str(jobs))
            start = measured("inspect", model, few, "--out", place / "few", *words)[0]
            speeds.append((MANY - FEW) / (measured("inspect", model, many, "--out", place / "many", *words)[0] - start))
            found.append([replace(row, ms=0.0) for row in read_rows([place / "many" / "results.csv"])])
        print(f"| {engine} | {speeds[0]:.1f} | {speeds[1]:.1f} | {speeds[1] / speeds[0]:.2f} |", flush=True)
    if any(rows != found[0] for rows in found):
        raise SystemExit("the rows differ")
    print(f"{len(found)} runs, {MANY} rows each: all the same")


def linked(images: Path, folder: Path, count: int) -> Path:
    """A folder with `count` links to the images, again and again."""
    found = find_images(images)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        link = folder / f"{number:05}{found[number % len(found)].suffix}"
        link.unlink(missing_ok=True)
        link.symlink_to(found[number % len(found)].resolve())
    return folder


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--counts", default="200,1000", show_default=True)
@click.option("--steps", default=20, show_default=True, help="Steps of the training: it does not grow with the images.")
@click.option("--kills", default=0, help="Kill trainings so many times instead, and compare what comes out.")
@click.option(
    "--workers", nargs=2, type=click.Path(path_type=Path), help="Compare one and two workers, with a model and images."
)
@click.option("--seed", default=0, show_default=True, help="Of the moments of the kills.")
def main(out: Path, counts: str, steps: int, kills: int, workers: tuple[Path, Path] | None, seed: int) -> None:
    """Measure; OUT keeps the images, so that a larger number adds to those of a smaller one."""
    if kills:
        kill_trainings(out, kills, seed)
        return
    if workers:
        compare_workers(out, *workers)
        return
    print("| images | step | s | s per 1000 images | peak GB |\n| --- | --- | --- | --- | --- |")
    for count in map(int, counts.split(",")):
        images, place = make_images(out, count), out / f"run-{count}-{time.time():.0f}"
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
