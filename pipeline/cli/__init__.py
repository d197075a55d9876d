"""The command line. Commands import what they need when they run, so that `--help` is there at once."""

from collections.abc import Sequence

import click

from pipeline.cli.auditing import audit
from pipeline.cli.common import INTERRUPTED, OK, WRONG_USE, fail
from pipeline.cli.looking import info, mask, zones
from pipeline.cli.running import evaluate, explain, inspect, train
from pipeline.cli.thresholds import calibrate, drift, msa, recalibrate
from pipeline.exceptions import GoodpartsError


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="goodparts")
def app() -> None:
    """Learn what a good part looks like from images of good parts alone, and find the parts that are not.

    \b
    goodparts train good-parts/ --out model
    goodparts inspect model today/ --out today-results
    """


for command in (audit, train, inspect, evaluate, explain, calibrate, recalibrate, drift, msa, info, zones, mask):
    app.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; what a person can mend is one line, not a traceback."""
    try:
        return app.main(arguments, prog_name="goodparts", standalone_mode=False) or OK
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "goodparts"
        return fail(f"{error.format_message()} See: {command} --help", WRONG_USE)
    except (click.ClickException, GoodpartsError) as error:
        return fail(str(error), WRONG_USE)
    except OSError as error:
        return fail(f"{error.filename or 'output'}: {error.strerror or error}", WRONG_USE)
    except click.Abort:
        return fail("interrupted; the same command continues (train: with --resume)", INTERRUPTED)
