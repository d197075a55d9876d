"""How well faults are found, beside the peers: `python -m benchmarks.detection SET... --out DIR`, at the root.

Each SET is in MVTec AD's layout. This project is trained with every seed, from the good images alone; PaDiM and
PatchCore, on the same frozen backbone and at the same working size, learn from the same images, as they come and behind
this project's registration. What DIR holds already is not done again. Needs the `train` and `report` extras.

With --unseen, a second table counts those classes alone: name the ones that no choice was made on.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.peers import PEERS, Features, export_backbone
from pipeline.bundle import Bundle, load_bundle
from pipeline.evaluation import defect_of, evaluate
from pipeline.framing import frame_part
from pipeline.images import Image, find_images, read_image
from pipeline.results import read_rows
from pipeline.rows import Row
from pipeline.verdict import Verdict

COLUMNS = ("AUROC", "recall@0", "recall@0.01", "recall@0.05", "fpr@0.95", "fpr@0.99", "fpr@1", "peak", "minutes", "ms")


class Run(NamedTuple):
    """What one method says of all test images of a set, and the time it took to learn and takes an image."""

    method: str
    rows: Sequence[Row]
    minutes: float
    ms: float

    def figures(self, dataset: Path, kinds: Sequence[str]) -> tuple[float, ...]:
        """See COLUMNS; over these classes of faults alone, or all where none are named. NaN where nothing is known."""
        counted = [row for row in self.rows if not kinds or defect_of(row) in (None, *kinds)]
        found = evaluate(counted, dataset)
        peak = np.nan if found.peak_on_defect is None else found.peak_on_defect
        return (found.auroc, *found.recall.values(), *found.false_calls.values(), peak, self.minutes, self.ms)


class RegisteredFeatures(Features):
    """Features of parts in the reference pose of a model, as the model sees them."""

    def __init__(self, graph: Path, bundle: Bundle) -> None:
        super().__init__(graph, bundle.view.size)
        self._bundle = bundle

    def frame(self, path: Path) -> Image:
        image = read_image(path, max_megapixels=self._bundle.config.image.max_megapixels)
        registration = self._bundle.registrar.register(image)
        return frame_part(image, registration, self._bundle.view).relit(self._bundle.light).image


@click.command(help=__doc__)
@click.argument("sets", type=click.Path(exists=True, path_type=Path), nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for models and results.")
@click.option("--seeds", default=3, show_default=True, help="Trainings of each set.")
@click.option("--unseen", multiple=True, metavar="CLASS", help="Count in a second table; repeat for more.")
def main(sets: tuple[Path, ...], out: Path, seeds: int, unseen: tuple[str, ...]) -> None:
    console = Console(width=180)
    for dataset in sets:
        own = [_own(dataset, out / dataset.name / f"seed{seed}", seed) for seed in range(seeds)]
        peers = list(_peers(dataset, load_bundle(out / dataset.name / "seed0" / "model"), out / dataset.name))
        console.print(_table(dataset, own, peers, ()))
        if kinds := [kind for kind in unseen if (dataset / "test" / kind).is_dir()]:
            console.print(_table(dataset, own, peers, kinds))


def _table(dataset: Path, own: Sequence[Run], peers: Sequence[Run], kinds: Sequence[str]) -> Table:
    table = Table("method", *COLUMNS, title=f"{dataset.name}{': ' * bool(kinds)}{', '.join(kinds)}", box=None)
    found = np.array([run.figures(dataset, kinds) for run in own])
    lines = [(f"goodparts, median of {len(own)}", np.median(found, axis=0))]
    lines += [("  largest minus smallest", np.ptp(found, axis=0))]
    lines += [(peer.method, np.array(peer.figures(dataset, kinds))) for peer in peers]
    for method, figures in lines:
        table.add_row(method, *("-" if np.isnan(value) else f"{value:.3f}" for value in figures))
    return table


def _own(dataset: Path, folder: Path, seed: int) -> Run:
    """Train and evaluate through the command line, as a user does."""
    report, took = folder / "report", folder / "minutes.json"
    folder.mkdir(parents=True, exist_ok=True)
    if not (report / "metrics.json").exists():  # it is written last
        (folder / "config.yaml").write_text(yaml.safe_dump({"training": {"seed": seed}}))
        start = time.perf_counter()
        _goodparts("train", dataset, "--out", folder / "model", "--config", folder / "config.yaml")
        took.write_text(json.dumps((time.perf_counter() - start) / 60))
        _goodparts("evaluate", folder / "model", dataset, "--out", report)
    rows = read_rows([report / "results.csv"])
    ms = float(np.median([row.ms for row in rows]))
    return Run("goodparts", rows, json.loads(took.read_text()), ms)


def _goodparts(*arguments: str | Path) -> None:
    done = subprocess.run([sys.executable, "-m", "pipeline.cli", *map(str, arguments)], check=False)
    if done.returncode not in (0, 1):  # 1: some image could not be inspected; it counts as the most anomalous
        raise SystemExit(done.returncode)


def _peers(dataset: Path, bundle: Bundle, folder: Path) -> Iterator[Run]:
    graph = folder / "backbone.onnx"
    export_backbone(graph, bundle.view.size, bare=False)
    for words, features in (
        ("as images come", Features(graph, bundle.view.size)),
        ("registered", RegisteredFeatures(graph, bundle)),
    ):
        for name, peer in PEERS.items():
            start, learned = time.perf_counter(), folder / f"{name}.npz"
            peer.learn(features, find_images(dataset / "train" / "good"), learned)
            minutes = (time.perf_counter() - start) / 60
            yield _judged(f"{name}, {words}", peer(features, learned).score, dataset, minutes)


def _judged(method: str, score: Callable[[Path], float], dataset: Path, minutes: float) -> Run:
    start = time.perf_counter()
    paths = find_images(dataset / "test")
    rows = [_row(path.relative_to(dataset / "test").as_posix(), score(path)) for path in paths]
    return Run(method, rows, minutes, (time.perf_counter() - start) / len(paths) * 1e3)


def _row(image: str, score: float) -> Row:
    """A peer's score alone: it has no threshold, and says nothing else."""
    return Row(image, Verdict.OK, score, np.inf, None, "", 0.0, (), (), 0.0, "")


if __name__ == "__main__":
    main()
