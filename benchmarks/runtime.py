"""What inspecting costs, beside the peers and the bare backbone, each in its own process on one core.

    python -m benchmarks.runtime DATASET MODEL...
    python -m benchmarks.runtime DATASET MODEL --soak 10000

DATASET is in MVTec AD's layout: the peers learn from train/good, everybody judges the files of test/. Times are from
the file to the verdict; the bare backbone's are those of the network alone. Needs the packages of the `train` extra.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import click

Told = dict[str, Any]
BACKBONE = "backbone alone"


@click.command(help=__doc__)
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("models", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--limit", default=200, show_default=True, help="Test images at most.")
@click.option("--core", default=0, show_default=True, help="The core that every process is pinned to.")
@click.option("--soak", type=int, help="Instead: inspect so many images in a row with the first model.")
@click.option("--child", hidden=True)
def main(dataset: Path, models: tuple[Path, ...], limit: int, core: int, soak: int | None, child: str | None) -> None:
    if child:
        click.echo(json.dumps(_measure(json.loads(child), dataset, limit)))
    elif soak:
        _run({"soak": soak, "model": str(models[0])}, dataset, models, limit, core, show=click.echo)
    else:
        _compare(dataset, models, limit, core)


def _compare(dataset: Path, models: tuple[Path, ...], limit: int, core: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asked: list[Told] = [{"name": BACKBONE, "folder": folder}]
        asked += [{"name": str(model), "model": str(model)} for model in models]
        asked += [{"name": peer, "folder": folder} for peer in _prepare(dataset, models[0], Path(folder))]
        told = [_run(one, dataset, models, limit, core) for one in asked]
    _print_table(told)
    click.echo(f"\nbase install: {_installed_mb():.0f} MB, without Python itself")


def _prepare(dataset: Path, model: Path, folder: Path) -> list[str]:
    """Teach the peers, at the working size of a model."""
    from benchmarks.peers import PEERS, Features, export_backbone
    from pipeline.bundle import load_bundle
    from pipeline.images import find_images

    size = load_bundle(model).view.size
    (folder / "size.json").write_text(json.dumps(size))
    export_backbone(folder / f"{BACKBONE}.onnx", size, bare=True)
    export_backbone(folder / "features.onnx", size, bare=False)
    features, good = Features(folder / "features.onnx", size), find_images(dataset / "train" / "good")
    for name, peer in PEERS.items():
        click.echo(f"teaching {name} ...", err=True)
        peer.learn(features, good, folder / f"{name}.npz")
    return list(PEERS)


def _run(
    asked: Told,
    dataset: Path,
    models: tuple[Path, ...],
    limit: int,
    core: int,
    *,
    show: Callable[[str], None] | None = None,
) -> Told:
    """Measure in a fresh process; the clock of its cold start runs from here."""
    asked = {**asked, "core": core, "started": time.time()}
    command = [sys.executable, "-m", "benchmarks.runtime", str(dataset), *map(str, models), "--limit", str(limit)]
    output = subprocess.run([*command, "--child", json.dumps(asked)], check=True, stdout=subprocess.PIPE, text=True)
    told: Told = json.loads(output.stdout)
    if show:
        show("\n".join(f"{key:40} {value}" for key, value in told.items()))
    return told


def _measure(asked: Told, dataset: Path, limit: int) -> Told:
    os.sched_setaffinity(0, {asked["core"]})
    from pipeline.images import find_images

    every = find_images(dataset / "test")
    paths = every[:: max(1, len(every) // limit)]
    judge, megabytes = _judge(asked, paths)
    if "soak" in asked:
        return _soak(judge, paths, asked["soak"])
    judge(paths[0])
    told: Told = {"name": asked["name"], "cold s": time.time() - asked["started"], "model MB": megabytes}
    times, scores, cpu = [], [], time.process_time()
    for path in paths:
        start = time.perf_counter()
        scores.append(judge(path))
        times.append((time.perf_counter() - start) * 1e3)
    told |= {"cpu s": (time.process_time() - cpu) / len(paths), "peak MB": _memory("VmHWM"), "times": times}
    return told | {"scores": scores, "bad": [path.parent.name != "good" for path in paths]}


def _judge(asked: Told, paths: list[Path]) -> tuple[Callable[[Path], float], float]:
    """What judges a file, and what its model takes on disk, MB."""
    import cv2

    cv2.setNumThreads(1)
    if "model" in asked:
        from pipeline.inspector import Inspector

        model = Path(asked["model"])
        inspector = Inspector.load(model)
        files = sum(file.stat().st_size for file in model.iterdir() if file.is_file())
        return lambda path: inspector.inspect_file(path).score or 0.0, files / 1e6

    from benchmarks.peers import PEERS, Features

    folder, name = Path(asked["folder"]), asked["name"]
    size = tuple(json.loads((folder / "size.json").read_text()))
    if name == BACKBONE:
        features = Features(folder / f"{name}.onnx", size)
        frame = features.frame(paths[0])
        return lambda _: float(features.of_frame(frame).flat[0]), (folder / f"{name}.onnx").stat().st_size / 1e6
    graph, learned = folder / "features.onnx", folder / f"{name}.npz"
    return PEERS[name](Features(graph, size), learned).score, (graph.stat().st_size + learned.stat().st_size) / 1e6


def _soak(judge: Callable[[Path], float], paths: list[Path], count: int) -> Told:
    """Memory and open files over many images in a row."""
    megabytes, handles = [], []
    for number in range(count):
        judge(paths[number % len(paths)])
        megabytes.append(_memory("VmRSS"))
        handles.append(len(os.listdir("/proc/self/fd")))  # noqa: PTH208
    thousand = min(1000, count // 3)
    second, last = (sum(part) / thousand for part in (megabytes[thousand : 2 * thousand], megabytes[-thousand:]))
    return {
        "images": count,
        f"MB, images {thousand} to {2 * thousand}": round(second, 2),
        f"MB, last {thousand}": round(last, 2),
        "growth": f"{last / second - 1:+.2%}",
        "open files, first and last": (handles[0], handles[-1]),
    }


def _memory(which: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(which))
    return int(line.split()[1]) / 1024


def _print_table(told: list[Told]) -> None:
    import numpy as np

    click.echo("| | median ms | to backbone | p99 ms | CPU s | peak MB | cold start s | model MB | recall at 1 % |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    floor = float(np.median(told[0]["times"]))
    for one in told:
        median, p99 = np.percentile(one["times"], (50, 99))
        scores, bad = np.array(one["scores"]), np.array(one["bad"])
        recall = f"{np.mean(scores[bad] > np.quantile(scores[~bad], 0.99)):.1%}" if one["name"] != BACKBONE else ""
        click.echo(
            f"| {one['name']} | {median:.1f} | {median / floor:.2f} | {p99:.1f} | {one['cpu s']:.4f} | "
            f"{one['peak MB']:.0f} | {one['cold s']:.2f} | {one['model MB']:.1f} | {recall} |"
        )


def _installed_mb() -> float:
    """What the base install takes on disk: the files of the project's dependencies and of theirs."""
    from packaging.requirements import Requirement

    todo, sizes = ["goodparts"], dict[str, int]()
    while todo:
        name = todo.pop()
        found = distribution(name)
        files = [Path(str(found.locate_file(file))) for file in found.files or ()]
        sizes[name] = sum(file.stat().st_size for file in files if file.is_file())
        needs = [Requirement(line) for line in found.requires or ()]
        todo += [
            need.name
            for need in needs
            if (not need.marker or need.marker.evaluate({"extra": ""})) and need.name not in sizes
        ]
    return sum(sizes.values()) / 1e6


if __name__ == "__main__":
    main()
