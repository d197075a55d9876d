"""Inspection on Ray: a pool of workers that load the model once, on this machine or on a cluster.

Workers need to read MODEL and IMAGES, by a shared folder or a URL. They write nothing: rows and pictures come back, and
the process that started the run writes them, in order, each row once. What a worker that died had in hand is done again
by another.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.exceptions import UsageError
from pipeline.images import write_bytes
from pipeline.inspector import Inspector
from pipeline.results import Row
from pipeline.run import Job, inspect_image

BATCH = 8
"""Images that a worker takes at a time; so many are done again at the most where one dies."""

Table = dict[str, Any]


class Worker:
    """Runs in a process of Ray: loads the model once, then inspects images that come by name."""

    def __init__(self, model: Path, job: Job) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._inspector, self._job = Inspector.load(model), job

    def __call__(self, batch: Table) -> Table:
        """(N,) names in; for each one the fields of its row, and its pictures as pairs of name and bytes.

        What stops the run, such as images that this machine cannot reach, is told in words: an exception would arrive
        as the traceback of another process.
        """
        done = [self._inspect(str(name)) for name in batch["image"]]
        rows, pictures, stopped = zip(*done, strict=True)
        return {"row": _objects(rows), "pictures": _objects(pictures), "stopped": _objects(stopped)}

    def _inspect(self, name: str) -> tuple[list[str], list[tuple[str, bytes]], str]:
        with tempfile.TemporaryDirectory(prefix="goodparts-") as folder:
            try:
                row = inspect_image(self._inspector, replace(self._job, out=Path(folder)), name)
            except UsageError as error:
                return [], [], str(error)
            return row.to_csv(), _pictures(Path(folder)), ""


def inspect_on_ray(model: Path, job: Job, names: Sequence[str]) -> Iterator[Row]:
    """Inspect images on the cluster that `connect` has found; one row a name, in their order.

    Args:
        model: folder of the model, as the workers see it.
        job: what to do with each image; its `threads` is the number of workers.
        names: of the images, relative to `job.images`.

    Raises:
        UsageError: a worker cannot reach the images.
    """
    import ray.data

    if not names:
        return
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells the terminal of every plan it makes
    batches = -(-len(names) // BATCH)
    items = ray.data.from_items([{"image": name} for name in names], override_num_blocks=batches)
    done = items.map_batches(
        Worker,
        fn_constructor_args=(model, job),
        compute=ray.data.ActorPoolStrategy(size=min(job.threads, batches)),
        batch_size=BATCH,
        num_cpus=1,
    )
    for found in done.iter_rows():
        if found["stopped"]:
            raise UsageError(f"on a worker: {found['stopped']}")
        for name, data in found["pictures"]:
            target = job.out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(target, data)
        yield Row.from_csv([str(field) for field in found["row"]])


def connect(address: str) -> None:
    """Join a cluster, or start one on this machine.

    Args:
        address: `local`, `auto` for the cluster that this machine belongs to, or the address of one.

    Raises:
        UsageError: Ray is not installed, or there is no cluster.
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        raise UsageError('--engine ray needs Ray: pip install "goodparts[cluster]"') from error
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"--address {address}: no Ray cluster answers ({reason}); start one: ray start --head"
        ) from error


def _pictures(folder: Path) -> list[tuple[str, bytes]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in files]


def _objects(values: Sequence[object]) -> np.ndarray[Any, np.dtype[np.object_]]:
    column = np.empty(len(values), object)
    column[:] = list(values)
    return column
