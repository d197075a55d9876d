"""A data set with bad parts hidden among the good: `python -m benchmarks.contaminated DATASET OUT --share 0.01`.

OUT is a copy of DATASET in which some bad parts, of as many classes as there are, have moved from the test images to
the good ones of the training, as they do where a person has sorted them. `goodparts train OUT` should list them.
"""

import shutil
from pathlib import Path

import click
import numpy as np
from numpy.random import Generator

from pipeline.images import find_images


def hidden(dataset: Path, count: int, rng: Generator) -> list[Path]:
    """Draw `count` bad test images of `dataset`: one of each class before there is a second one of any."""
    classes = [folder for folder in sorted((dataset / "test").iterdir()) if folder.name != "good" and folder.is_dir()]
    piles = [list(rng.permutation(np.array(find_images(folder), object))) for folder in classes]
    drawn: list[Path] = []
    while len(drawn) < count and any(piles):
        left = [pile for pile in piles if pile]
        drawn += [left[place].pop() for place in rng.permutation(len(left))[: count - len(drawn)]]
    return drawn


@click.command()
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(exists=False, path_type=Path))
@click.option("--share", default=0.01, show_default=True, help="Of the good training images, so many bad ones more.")
@click.option("--seed", default=0, show_default=True, help="Which they are.")
def main(dataset: Path, out: Path, share: float, seed: int) -> None:
    """Copy DATASET, which has MVTec AD's layout, to OUT, and hide some of its bad parts among the good ones."""
    good = find_images(dataset / "train" / "good")
    chosen = hidden(dataset, round(share * len(good)), np.random.default_rng(seed))
    for folder in ("train", "test", "ground_truth"):
        if (dataset / folder).is_dir():
            shutil.copytree(dataset / folder, out / folder)
    for path in chosen:
        name = path.relative_to(dataset)
        target = out / "train" / "good" / f"{path.parent.name}-{path.name}"
        shutil.move(out / name, target)
        click.echo(f"{name} is now {target.relative_to(out)}")


if __name__ == "__main__":
    main()
