"""Commands that show what a model knows."""

from pathlib import Path

import click

from pipeline.cli.common import model_argument, print_facts


@click.command()
@model_argument
def info(model: Path) -> None:
    """Say what MODEL is, and what its threshold promises.

    \b
    goodparts info model
    """
    from pipeline.bundle import load_bundle
    from pipeline.info import describe

    print_facts(describe(load_bundle(model), model))
