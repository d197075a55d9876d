import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pipeline.engines import Processes
from pipeline.exceptions import ModelError, UsageError

ROOT = Path(__file__).parents[2]

ORPHANS = """
import sys
from pathlib import Path
from functools import partial
from pipeline.engines import Processes
from tests.pipeline.test_engines import noting

for _ in Processes(2)(partial(noting, Path(sys.argv[1])), range(10_000)):
    pass
"""


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from functools import partial
from threading import Timer
from pipeline.engines import Processes
from tests.pipeline.test_engines import noting

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start tests with it ignored
Timer(float(sys.argv[2]), os.killpg, (0, signal.SIGINT)).start()
try:
    for _ in Processes(2)(partial(noting, Path(sys.argv[1])), range(10_000)):
        pass
except KeyboardInterrupt:
    print("interrupted")
"""


def doubling(calls: Path) -> Callable[[int], int]:
    """Doubles a number; what prepares it leaves a file a process."""
    (calls / str(os.getpid())).touch(exist_ok=False)
    return partial(int.__mul__, 2)


def noting(folder: Path) -> Callable[[int], None]:
    """Leaves a file a process, and takes its time."""
    (folder / str(os.getpid())).touch()
    return lambda _: time.sleep(0.01)


def failing() -> Callable[[int], int]:
    raise ModelError("model: damaged; restore it")


def dying() -> Callable[[int], None]:
    return lambda _: os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_items_come_back_in_order_and_work_is_prepared_once_a_process(tmp_path: Path, count: int) -> None:
    assert list(Processes(count)(partial(doubling, tmp_path), range(40))) == list(range(0, 80, 2))
    processes = {int(path.name) for path in tmp_path.iterdir()}
    assert (processes == {os.getpid()}) if count == 1 else (len(processes) <= count and os.getpid() not in processes)


def test_nothing_to_do_is_done_at_once() -> None:
    assert list(Processes(2)(dying, [])) == []


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_the_work_arrives_as_it_was(count: int) -> None:
    with pytest.raises(ModelError, match=r"^model: damaged; restore it$"):
        list(Processes(count)(failing, range(3)))


def test_a_process_that_is_killed_ends_the_run_with_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"--jobs 2: one of the processes was killed.*same command continues"):
        list(Processes(2)(dying, range(3)))


def test_processes_end_with_the_one_that_began_the_run_even_if_it_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHANS, str(tmp_path)], cwd=ROOT) as run:
        while len(found := [int(path.name) for path in tmp_path.iterdir()]) < 2:
            time.sleep(0.02)
        run.kill()
    wait_until_gone(found)


def wait_until_gone(processes: list[int]) -> None:
    end = time.monotonic() + 20
    while any(Path(f"/proc/{process}").exists() for process in processes):
        assert time.monotonic() < end, "still there"
        time.sleep(0.02)


@pytest.mark.parametrize("seconds", [0.05, 0.3, 1.0])
def test_a_terminal_interrupts_the_process_that_began_the_run_alone(tmp_path: Path, seconds: float) -> None:
    run = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path), str(seconds)],
        cwd=ROOT, start_new_session=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (run.stdout, run.stderr, run.returncode) == ("interrupted\n", "", 0)
    wait_until_gone([int(path.name) for path in tmp_path.iterdir()])
