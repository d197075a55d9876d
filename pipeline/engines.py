"""Who does the same work on each of many items: this process, others beside it, or workers elsewhere."""

import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, Protocol, TypeVar

import cv2

from pipeline.exceptions import UsageError

T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """Does the same work on each of many items; yields what comes of it, in their order, as it is there.

    `prepare` makes the work, once in each process that takes part: what it loads need not travel.
    """

    def __call__(self, prepare: Callable[[], Callable[[T], R]], items: Sequence[T]) -> Iterator[R]: ...


def here(prepare: Callable[[], Callable[[T], R]], items: Sequence[T]) -> Iterator[R]:
    """The engine that does one item after the other in this process."""
    return map(prepare(), items)


@dataclass(frozen=True)
class Processes:
    """The engine that does some items at the same time, in processes of this machine.

    Threads would share their memory, but wait for each other a tenth of the time: for the interpreter's lock.

    Attributes:
        count: processes; with one, the work is done here.
    """

    count: int = 1

    def __call__(self, prepare: Callable[[], Callable[[T], R]], items: Sequence[T]) -> Iterator[R]:
        """As `Engine` says; `prepare` and items have to be such that they can be pickled.

        Raises:
            UsageError: a process was killed.
        """
        if self.count == 1:
            yield from here(prepare, items)
            return
        how = (pickle.dumps(prepare),)
        # A fork would copy locks that threads of a library hold just then.
        with ProcessPoolExecutor(self.count, get_context("spawn"), initializer=_begin, initargs=how) as pool:
            try:
                yield from _in_order(pool, items, ahead=2 * self.count)
            except BrokenProcessPool as error:
                raise UsageError(
                    f"--jobs {self.count}: one of the processes was killed, as happens where memory is short; "
                    "the same command continues, with fewer of them if need be"
                ) from error
            finally:
                pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, items: Sequence[Any], *, ahead: int) -> Iterator[Any]:
    """Do the work on a pool and yield in order; never more than `ahead` items are in work or wait to be taken."""
    waiting: deque[Future[Any]] = deque()
    for item in items:
        with _undisturbed():
            waiting.append(pool.submit(_Work.do, item))
        if len(waiting) == ahead:
            yield waiting.popleft().result()
    for done in waiting:
        yield done.result()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A terminal interrupts all processes; those that start in here hear nothing of it, from their first line on."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Work:
    """The work of this process, which is one of a pool; prepared with its first item, so that a fault is told as one.

    Attributes:
        how: what prepares it, pickled.
        ready: the work, once it is prepared.
    """

    how: bytes
    ready: Callable[[Any], Any] | None = None

    @classmethod
    def do(cls, item: Any) -> Any:
        if cls.ready is None:
            cls.ready = pickle.loads(cls.how)()
        return cls.ready(item)


def _begin(how: bytes) -> None:
    """What a process of a pool does first."""
    cv2.setNumThreads(1)  # images run beside each other; threads within one would only wait for each other
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that began the run ends it
    Thread(target=_leave_with_parent, daemon=True).start()
    _Work.how = how


def _leave_with_parent() -> None:
    """End with the process that began the run, however that ends: a pool's own processes would wait for ever."""
    if parent := parent_process():
        parent.join()
        os._exit(1)
