"""Who does the same work on each of many items: this process, its threads, or workers elsewhere."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

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
class Threads:
    """The engine that does some items at the same time, on threads of this process."""

    count: int = 1

    def __call__(self, prepare: Callable[[], Callable[[T], R]], items: Sequence[T]) -> Iterator[R]:
        """As `Engine` says."""
        work = prepare()
        with ThreadPoolExecutor(self.count) as pool:
            for _, done in in_order(pool, work, items, ahead=2 * self.count):
                yield done


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[T], R], items: Sequence[T], *, ahead: int
) -> Iterator[tuple[T, R]]:
    """Do the work on a pool and yield in order; never more than `ahead` items are in work or wait to be taken."""
    waiting: deque[tuple[T, Future[R]]] = deque()
    for item in items:
        waiting.append((item, pool.submit(work, item)))
        if len(waiting) == ahead:
            first, done = waiting.popleft()
            yield first, done.result()
    for item, done in waiting:
        yield item, done.result()
