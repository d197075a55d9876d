"""How well faults are found, beside the peers: `python -m benchmarks.detection SET... --out DIR`, at the root.

Each SET is in MVTec AD's layout. This project is trained with every seed, from the good images alone; PaDiM and
PatchCore, on the same frozen backbone and at the same working size, learn from the same images, as they come and behind
this project's registration. What DIR holds already is not done again. Needs the `train` and `report` extras.
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
from pipeline.evaluation import auroc, false_calls_at, recall_at
from pipeline.framing import frame_part
from pipeline.images import Image, find_images, read_image

COLUMNS = ("AUROC", "recall@0", "recall@0.01", "recall@0.05", "fpr@0.95", "fpr@0.99", "fpr@1", "peak", "minutes", "ms")


class Found(NamedTuple):
    """What one method shows on one set; see COLUMNS, NaN where it does not apply."""

    method: str
    figures: tuple[float, ...]


class RegisteredFeatures(Features):
    """Features of parts in the reference pose of a model, as the model sees them."""

    def __init__(self, graph: Path, bundle: Bundle) -> None:
        super().__init__(graph, bundle.working_size)
        self._bundle = bundle

    def frame(self, path: Path) -> Image:
        image = read_image(path, max_megapixels=self._bundle.config.image.max_megapixels)
        registration = self._bundle.registrar.register(image)
        return frame_part(image, registration, self._bundle.working_size).relit(self._bundle.light).image


@click.command(help=__doc__)
@click.argument("sets", type=click.Path(exists=True, path_type=Path), nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for models and results.")
@click.option("--seeds", default=3, show_default=True, help="Trainings of each set.")
def main(sets: tuple[Path, ...], out: Path, seeds: int) -> None:
    console = Console(width=180)
    for dataset in sets:
        table = Table("method", *COLUMNS, title=dataset.name, box=None)
        own = [_own(dataset, out / dataset.name / f"seed{seed}", seed) for seed in range(seeds)]
        bundle = load_bundle(out / dataset.name / "seed0" / "model")
        for found in (_median(own), _spread(own), *_peers(dataset, bundle, out / dataset.name)):
            table.add_row(found.method, *("-" if np.isnan(value) else f"{value:.3f}" for value in found.figures))
        console.print(table)


def _own(dataset: Path, folder: Path, seed: int) -> Found:
    """Train and evaluate through the command line, as a user does."""
    metrics, took = folder / "report" / "metrics.json", folder / "minutes.json"
    folder.mkdir(parents=True, exist_ok=True)
    if not metrics.exists():
        (folder / "config.yaml").write_text(yaml.safe_dump({"training": {"seed": seed}}))
        start = time.perf_counter()
        _goodparts("train", dataset, "--out", folder / "model", "--config", folder / "config.yaml")
        took.write_text(json.dumps((time.perf_counter() - start) / 60))
        _goodparts("evaluate", folder / "model", dataset, "--out", folder / "report")
    told = json.loads(metrics.read_text())
    peak = told["peak on defect"]
    shown = [told["auroc"], *(told[name] for name in COLUMNS[1:7]), np.nan if peak is None else peak]
    return Found("goodparts", (*shown, json.loads(took.read_text()), _milliseconds(folder / "report" / "results.csv")))


def _goodparts(*arguments: str | Path) -> None:
    done = subprocess.run([sys.executable, "-m", "pipeline.cli", *map(str, arguments)], check=False)
    if done.returncode not in (0, 1):  # 1: some image could not be inspected; it counts as the most anomalous
        raise SystemExit(done.returncode)


def _milliseconds(results: Path) -> float:
    lines = [line.split(",") for line in results.read_text(encoding="utf-8").splitlines()]
    column = lines[0].index("ms")
    return float(np.median([float(line[column]) for line in lines[1:] if len(line) == len(lines[0])]))


def _median(found: Sequence[Found]) -> Found:
    return Found(f"goodparts, median of {len(found)}", tuple(np.median([one.figures for one in found], axis=0)))


def _spread(found: Sequence[Found]) -> Found:
    return Found("  largest minus smallest", tuple(np.ptp([one.figures for one in found], axis=0)))


def _peers(dataset: Path, bundle: Bundle, folder: Path) -> Iterator[Found]:
    graph = folder / "backbone.onnx"
    export_backbone(graph, bundle.working_size, bare=False)
    for words, features in (
        ("as images come", Features(graph, bundle.working_size)),
        ("registered", RegisteredFeatures(graph, bundle)),
    ):
        for name, peer in PEERS.items():
            start, learned = time.perf_counter(), folder / f"{name}.npz"
            peer.learn(features, find_images(dataset / "train" / "good"), learned)
            minutes = (time.perf_counter() - start) / 60
            yield _judged(f"{name}, {words}", peer(features, learned).score, dataset, minutes)


def _judged(method: str, score: Callable[[Path], float], dataset: Path, minutes: float) -> Found:
    good: list[float] = []
    bad: list[float] = []
    start = time.perf_counter()
    paths = find_images(dataset / "test")
    for path in paths:
        is_good = path.relative_to(dataset / "test").parts[0] == "good"
        (good if is_good else bad).append(score(path))
    ms = (time.perf_counter() - start) / len(paths) * 1e3
    ours, theirs = np.array(good), np.array(bad)
    recalls = (recall_at(ours, theirs, share) for share in (0.0, 0.01, 0.05))
    calls = (false_calls_at(ours, theirs, share) for share in (0.95, 0.99, 1.0))
    return Found(method, (auroc(ours, theirs), *recalls, *calls, np.nan, minutes, ms))


if __name__ == "__main__":
    main()
