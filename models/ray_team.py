"""The processes that learn from one batch together, started by Ray Train on the machines of a cluster.

What they do is what `models.distributed.together` lets its own do. Their checkpoint, in a folder that all share, is
what comes back; where a worker dies, all begin again from there.
"""

import pickle
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from models.distributed import Report, Team, Work, settle
from pipeline.cluster import marked
from pipeline.exceptions import GoodpartsError, TrainingError, UsageError

if TYPE_CHECKING:
    import ray
    from ray.util.queue import Queue

RESTARTS = 3
"""How often a team whose worker died begins again."""

LISTEN = 0.5
"""Seconds between two looks at whether the team is still there."""


@dataclass(frozen=True)
class RayTeam:
    """Starts a team on the cluster that `pipeline.cluster.connect` has found.

    Attributes:
        workers: processes, a core or a GPU each.
        on_gpu: whether they learn on GPUs.
        shared: folders that they have to share with this process; Ray Train keeps its own notes in the first.
    """

    workers: int
    on_gpu: bool
    shared: tuple[Path, ...]

    @classmethod
    def of(cls, jobs: int, devices: str, shared: tuple[Path, ...]) -> "RayTeam":
        """A team as the command line describes it.

        Raises:
            UsageError: `devices` names more than the kind, or the cluster is too small: Ray Train would wait for ever.
        """
        if devices not in {"1", "cuda"}:
            raise UsageError(f"--devices {devices}: with --engine ray it is 1 (a core) or cuda (a GPU) for each worker")
        import ray

        team = cls(jobs, devices == "cuda", shared)
        kind, words = ("GPU", "GPUs") if team.on_gpu else ("CPU", "cores")
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        there = int(resources.get(kind, 0))
        if there < jobs:
            raise UsageError(f"--jobs {jobs}: the cluster has {there} {words}; lower it, or add machines")
        return team

    @property
    def devices(self) -> tuple[str, ...]:
        """Of all of them, as torch names them."""
        return ("cuda" if self.on_gpu else "cpu",) * self.workers

    def __call__(self, work: Work, report: Report) -> None:
        """Do the work in each of the processes; `report` is called in this one.

        Raises:
            TrainingError: what stopped the team, in a line.
        """
        import ray
        from ray.exceptions import RayError
        from ray.util.queue import Queue

        told: Queue = Queue(actor_options={"num_cpus": 0})
        with marked(self.shared) as check:
            member = partial(_member, pickle.dumps(work), torch.get_num_threads(), check, told)
            running = ray.remote(num_cpus=0, max_retries=0)(_fit).remote(self, member)  # here it would take Ctrl-C
            try:
                for said in _heard(told, running):
                    if isinstance(said, GoodpartsError):
                        raise TrainingError(f"on a worker: {said}")
                    report(*said)
                ray.get(running)
            except RayError as error:
                reason = str(error).strip().splitlines()[-1]
                raise TrainingError(
                    f"Ray Train gave up ({reason}); the same command with --resume continues"
                ) from error
            finally:
                ray.cancel(running, force=True)


def _fit(team: RayTeam, member: Callable[[], None]) -> None:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    TorchTrainer(
        lambda: member(),
        torch_config=TorchConfig(backend="nccl" if team.on_gpu else "gloo"),
        scaling_config=ScalingConfig(num_workers=team.workers, use_gpu=team.on_gpu),
        run_config=RunConfig(storage_path=str(team.shared[0]), failure_config=FailureConfig(max_failures=RESTARTS)),
    ).fit()


def _member(task: bytes, threads: int, check: Callable[[], None], told: "Queue") -> None:
    """What one process of the team does; those of one machine share the cores that this run was started with."""
    from ray import train
    from ray.train.torch import get_device

    context = train.get_context()
    team = Team((str(get_device()),) * context.get_world_size(), context.get_world_rank())
    settle(team, threads // context.get_local_world_size())

    def report(step: int, loss: float) -> None:
        if team.leads:
            told.put((step, loss))

    try:
        check()
        pickle.loads(task)(team, report)  # by value, as `together` does, and from the process that started this one
    except GoodpartsError as error:  # would be the same again: Ray is not left to try it
        told.put(error)
        raise


def _heard(told: "Queue", running: "ray.ObjectRef[None]") -> Iterator[tuple[int, float] | GoodpartsError]:
    """What the team tells, until it is done and all is heard."""
    import ray
    from ray.util.queue import Empty

    done = False
    while not done:
        done = bool(ray.wait([running], timeout=0)[0])  # asked first: what was told before its end is still heard
        with suppress(Empty):
            while True:
                yield told.get(timeout=LISTEN)
