"""Several devices that learn from one batch together: a process a device, by torch.distributed.

The batch is shared out. What is averaged over it - losses, normalisation, gradients - is averaged over all processes,
so that they learn, but for rounding, what one device would learn from the whole batch.
"""

import pickle
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, multiprocessing, nn

from pipeline.exceptions import UsageError

Report = Callable[[int, float], None]
Work = Callable[["Team", Report], None]
Start = Callable[[Work, Report], None]
"""Starts a team elsewhere: does the work in each of its processes, and calls the report here."""


@dataclass(frozen=True)
class Team:
    """One process among those that learn together.

    Attributes:
        devices: of all of them, as torch names them; all CPUs or all GPUs.
        rank: the number of this one; 0 is the process that leads, and that writes.
    """

    devices: tuple[str, ...]
    rank: int = 0

    @property
    def device(self) -> torch.device:
        return torch.device(self.devices[self.rank])

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def precision(self) -> AbstractContextManager[Any]:
        """Half the bits on a GPU, which is twice as fast there; all of them on a CPU."""
        return torch.autocast("cuda", torch.bfloat16) if self.device.type == "cuda" else nullcontext()


def parse_devices(words: str) -> tuple[str, ...]:
    """Devices as the command line names them.

    >>> parse_devices("2")
    ('cpu', 'cpu')

    Raises:
        UsageError: neither a number of processes on the CPU, nor GPUs that are there.
    """
    if words.isdecimal() and int(words) > 0:
        return ("cpu",) * int(words)
    kind, _, numbers = words.partition(":")
    chosen = (numbers or "0").split(",")
    if kind != "cuda" or not all(map(str.isdecimal, chosen)) or len(set(chosen)) < len(chosen):
        raise UsageError(f"--devices {words}: give a number of processes on the CPU, or GPUs: cuda, cuda:1, cuda:0,1")
    there = torch.cuda.device_count()
    if max(map(int, chosen)) >= there:
        raise UsageError(f"--devices {words}: torch sees {there} GPUs here; see nvidia-smi, or leave --devices out")
    return tuple(f"cuda:{number}" for number in chosen)


def together(devices: tuple[str, ...], work: Work, report: Report) -> None:
    """Do `work` in a process for each device, this one among them; `report` is called in this one alone."""
    team = Team(devices)
    if len(devices) == 1:
        work(team, report)
        return
    task = pickle.dumps(work)  # by value: torch would share the weights, and all would change the same ones
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="goodparts-") as meet:
        others = [
            spawn.Process(target=_follow, args=(task, Team(devices, rank), meet), daemon=True)
            for rank in range(1, len(devices))
        ]
        for other in others:
            other.start()
        with _joined(team, meet):
            try:
                work(team, report)
                for other in others:
                    other.join()
            finally:
                for other in others:
                    other.kill()


def _follow(task: bytes, team: Team, meet: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that leads ends this one
    with _joined(team, meet):
        pickle.loads(task)(team, lambda *_: None)


@contextmanager
def _joined(team: Team, meet: str) -> Iterator[None]:
    threads = torch.get_num_threads()
    settle(team, threads // len(team.devices))
    distributed.init_process_group(
        "nccl" if team.device.type == "cuda" else "gloo",
        init_method=f"file://{meet}/meet",
        rank=team.rank,
        world_size=len(team.devices),
    )
    try:
        yield
    finally:
        distributed.destroy_process_group()
        torch.set_num_threads(threads)


def settle(team: Team, threads: int) -> None:
    """Take this process's GPU, or so many cores; no less than one."""
    if team.device.type == "cuda":
        torch.cuda.set_device(team.device)
    else:
        torch.set_num_threads(max(1, threads))


def alone() -> bool:
    """Whether this process learns by itself; one that was started as a team of one does too."""
    return not distributed.is_initialized() or distributed.get_world_size() == 1


def average(tensor: Tensor) -> Tensor:
    """The mean of a tensor over all processes that learn together; itself where there is but one."""
    if alone():
        return tensor
    total = tensor.detach().clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total / distributed.get_world_size()


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace gradients by their mean over all processes, in one message."""
    if alone():
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    means = average(torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, mean in zip(gradients, means.split([len(g.flatten()) for g in gradients]), strict=True):
        gradient.copy_(mean.view(gradient.shape))
