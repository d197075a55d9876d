"""Work on Ray: a pool of workers, on this machine or on a cluster, that do the same on each of many items.

Workers need to see what they read and write under the same names: a shared folder, or a URL. What comes of an item
comes back to the process that started the run, in order, once. What a worker that died had in hand is done again by
another.
"""

import logging
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pipeline.exceptions import GoodpartsError, UsageError

BATCH = 8
"""Images that a worker takes at a time; so many are done again at the most where one dies."""

T = TypeVar("T")
R = TypeVar("R")

Table = dict[str, Any]


@dataclass(frozen=True)
class OnRay:
    """The engine that does the work on the cluster that `connect` has found.

    Attributes:
        workers: that take part, a core each.
        batch: items that a worker takes at a time.
        shared: folders that they have to share with this process.
    """

    workers: int
    batch: int = BATCH
    shared: tuple[Path, ...] = ()

    def __call__(self, prepare: Callable[[], Callable[[T], R]], items: Sequence[T]) -> Iterator[R]:
        """As `pipeline.engines.Engine` says.

        Raises:
            UsageError: what stopped a worker, in a line.
        """
        import ray.data

        if not items:
            return
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells the terminal of every plan it makes
        batches = -(-len(items) // self.batch)
        # Pickled, as Ray itself sends things: a table holds bytes, and this run alone writes them.
        table = ray.data.from_items([{"item": pickle.dumps(item)} for item in items], override_num_blocks=batches)
        with marked(self.shared) as check:
            done = table.map_batches(
                Worker,
                fn_constructor_args=(prepare, check),
                compute=ray.data.ActorPoolStrategy(size=min(self.workers, batches)),
                batch_size=self.batch,
                num_cpus=1,
            )
            for found in done.iter_rows():
                if found["stopped"]:
                    raise UsageError(f"on a worker: {found['stopped']}")
                yield pickle.loads(found["done"])


class Worker:
    """Runs in a process of Ray: prepares the work once, then does it on items that come pickled."""

    def __init__(self, prepare: Callable[[], Callable[[Any], Any]], check: Callable[[], None]) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._prepare, self._check = prepare, check
        self._work: Callable[[Any], Any] | None = None

    def __call__(self, batch: Table) -> Table:
        """(N,) items in; for each one what came of it.

        What stops the run, such as images that this machine cannot reach, is told in words: an exception would arrive
        as the traceback of another process.
        """
        done, stopped = zip(*map(self._do, batch["item"]), strict=True)
        return {"done": list(done), "stopped": list(stopped)}

    def _do(self, item: bytes) -> tuple[bytes, str]:
        try:
            return pickle.dumps(self._ready()(pickle.loads(item))), ""
        except GoodpartsError as error:
            return b"", str(error)
        except OSError as error:
            return b"", f"{error.filename or 'output'}: {error.strerror or error}"

    def _ready(self) -> Callable[[Any], Any]:
        if self._work is None:
            self._check()
            self._work = self._prepare()
        return self._work


@contextmanager
def marked(folders: Sequence[Path]) -> Iterator[Callable[[], None]]:
    """A check for workers that these folders are the same ones there.

    A folder of the same name on another machine's disk would take what they write, and nobody would find it.
    """
    with ExitStack() as marks:
        files = [marks.enter_context(tempfile.NamedTemporaryFile(dir=folder, prefix=".shared-")) for folder in folders]
        yield partial(_check_marks, [Path(file.name) for file in files])


def _check_marks(marks: Sequence[Path]) -> None:
    for mark in marks:
        if not mark.exists():
            raise UsageError(f"{mark.parent}: is not there, or another folder; all machines have to share it")


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
