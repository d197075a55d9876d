"""What the commands share: their arguments, their exit codes, and how they speak."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.exceptions import UsageError
from pipeline.storage import PlaceType

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.engines import Engine

OK, SOME_ERROR, WRONG_USE, NOT_ALL_OK, DRIFTED, INTERRUPTED = 0, 1, 2, 3, 4, 130

path_argument = click.Path(path_type=Path)
place_argument = PlaceType()
model_argument = click.argument("model", type=path_argument)
share = click.FloatRange(0, 1, min_open=True, max_open=True)
jobs_option = click.option(
    "--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes, a core each."
)


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Who does the work; every command that takes `--jobs` has them."""
    address = click.option(
        "--address", default="local", show_default=True, help="Ray cluster: local, auto or its address."
    )
    engine = click.option(
        "--engine", type=click.Choice(["here", "ray"]), default="here", show_default=True, help="Who does it."
    )
    return engine(address(command))


def engine_of(engine: str, address: str, jobs: int) -> "Engine":
    """The engine that the options ask for; raises UsageError where there is no such cluster."""
    from pipeline import cluster
    from pipeline.engines import Processes

    if engine == "here":
        return Processes(jobs)
    cluster.connect(address)
    return cluster.OnRay(jobs)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    for name, value in facts:
        click.echo(f"{name:24} {value}")


def announce(page: Path) -> None:
    """Say where the report is, and what it lacks."""
    from pipeline import plots

    if not plots.available():
        click.echo(f"goodparts: {plots.MISSING}", err=True)
    click.echo(f"Report: {page}")


def console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr)


def fail(message: str, code: int) -> int:
    click.echo(f"goodparts: {message}", err=True)
    return code


def check_picture(path: Path) -> None:
    """Refuse a name that does not say which kind of picture to write, before any work is done for it."""
    from pipeline.images import IMAGE_SUFFIXES

    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise UsageError(f"{path}: not the name of a picture; end it in .png")
