"""Commands that set the thresholds of a model, and that check whether they still hold."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.common import DRIFTED, OK, announce, jobs_option, model_argument, path_argument, print_facts, share
from pipeline.exceptions import UsageError

if TYPE_CHECKING:
    from pipeline.calibration import Goal


def goal_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what thresholds shall keep."""
    options = (
        click.option(
            "--false-calls", type=share, default=0.01, show_default=True, help="Share of good parts not called OK."
        ),
        click.option("--rejects", type=share, help="Share called NG outright. [default: a tenth of --false-calls]"),
        click.option("--confidence", type=share, default=0.95, show_default=True, help="How sure that promise is."),
        click.option(
            "--group",
            metavar="REGEX",
            help="Images in which it finds the same (?P<group>...) were taken together: they prove less.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@model_argument
@click.option("--good", type=path_argument, required=True, help="Good parts that the model has not seen.")
@click.option("--bad", type=path_argument, help="Bad parts: they prove what share of such parts is found.")
@click.option("--recall", type=share, help="Share of bad parts to be found; sets the threshold by --bad alone.")
@click.option("--trust", is_flag=True, help="The good parts are good, however far off some of them score.")
@jobs_option
@goal_options
def calibrate(
    model: Path,
    good: Path,
    bad: Path | None,
    recall: float | None,
    trust: bool,
    jobs: int,
    false_calls: float,
    rejects: float | None,
    confidence: float,
    group: str | None,
) -> None:
    """Set the thresholds of MODEL anew, on other images.

    Says what these images prove, and how many would prove what was wanted.

    \b
    goodparts calibrate model --good this-week/ --false-calls 0.005 --jobs 4
    goodparts calibrate model --good this-week/ --bad bad/ --recall 0.9
    goodparts calibrate model --good this-week/ --group '(?P<group>[^/]+)/'
    """
    from pipeline.engines import Processes
    from pipeline.info import promise
    from pipeline.recalibration import calibrate as calibrate_model

    if recall is not None and bad is None:
        raise UsageError("--recall needs --bad: a folder of bad parts")
    goal = _goal(false_calls, rejects, confidence, recall)
    calibration = calibrate_model(model, good, bad, goal, group=group, trust=trust, engine=Processes(jobs))
    print_facts(promise(calibration))


@click.command()
@model_argument
@click.argument("reviewed", type=path_argument, nargs=-1, required=True)
@goal_options
def recalibrate(
    model: Path,
    reviewed: tuple[Path, ...],
    false_calls: float,
    rejects: float | None,
    confidence: float,
    group: str | None,
) -> None:
    """Set the thresholds of MODEL anew, from results that a person has REVIEWED.

    REVIEWED is a results.csv of this model with one more column, reviewed: OK or NG. Whatever was called
    NG or REVIEW has to be reviewed; what was called OK counts as good unless the person says NG. The old
    manifest is kept beside the new one.

    \b
    goodparts recalibrate model today-results/reviewed.csv
    """
    from pipeline.info import promise
    from pipeline.recalibration import recalibrate as recalibrate_model

    goal = _goal(false_calls, rejects, confidence)
    print_facts(promise(recalibrate_model(model, reviewed, goal, group=group)))


@click.command()
@model_argument
@click.argument("results", type=path_argument, nargs=-1, required=True)
@click.option("--out", type=path_argument, required=True, help="Folder for the report.")
@click.option(
    "--false-alarms", type=share, default=0.01, show_default=True, help="Share of steady shifts that may alarm."
)
def drift(model: Path, results: tuple[Path, ...], out: Path, false_alarms: float) -> int:
    """Tell whether today's images still look like those that the thresholds of MODEL were set on.

    RESULTS are results.csv files of this model, in the order of time. Writes index.html and drift.csv, which
    say which stage moved: light, focus, pose, print or score. Exit code 4: something moved.

    \b
    goodparts drift model monday/results.csv tuesday/results.csv --out drift
    """
    from pipeline.bundle import load_bundle
    from pipeline.drift import COLUMNS, render_drift, watch
    from pipeline.images import write_text
    from pipeline.results import read_rows
    from pipeline.sheets import write_table

    bundle, rows = load_bundle(model), read_rows(results)
    tracks = watch(rows, bundle, false_alarms=false_alarms)
    write_table(out / "drift.csv", COLUMNS, (line for track in tracks for line in track.to_csv()))
    page = render_drift(tracks, bundle, images=len(rows), false_alarms=false_alarms)
    write_text(out / "index.html", page)
    print_facts((f"{track.stage}: {track.measure}", track.words) for track in tracks)
    announce(out / "index.html")
    return DRIFTED if any(track.alarm for track in tracks) else OK


@click.command()
@click.argument("results", type=path_argument)
@click.argument("reference", type=path_argument)
@click.option("--out", type=path_argument, required=True, help="Folder for the report.")
@click.option(
    "--part",
    default="(?P<group>.+)/",
    show_default=True,
    metavar="REGEX",
    help="Finds the name of the part in the path of each image.",
)
def msa(results: Path, reference: Path, out: Path, part: str) -> None:
    """Analyse the check as a measurement system: same parts, taken repeatedly, with known verdicts.

    RESULTS is the results.csv of an inspection; REFERENCE a CSV with the columns part and verdict (OK or NG).
    Writes index.html, msa.csv and parts.csv, in the spirit of AIAG MSA and VDA 5.

    \b
    goodparts inspect model study/ --out study-results
    goodparts msa study-results/results.csv reference.csv --out msa
    """
    from pipeline.msa import analyse, read_parts, repeatability
    from pipeline.msa_report import write_msa
    from pipeline.results import read_rows

    rows = read_rows([results])
    parts, threshold = read_parts(rows, reference, part), rows[0].threshold
    measures, spread = analyse(parts), repeatability(parts, threshold)
    page = write_msa(out, parts, measures, spread, model=rows[0].model, threshold=threshold)
    print_facts((m.name, f"{m.value:.3f} ({m.low:.3f} to {m.high:.3f}), {m.judged}") for m in measures)
    announce(page)


def _goal(false_calls: float, rejects: float | None, confidence: float, recall: float | None = None) -> "Goal":
    from pipeline.calibration import Goal
    from pipeline.special import special

    special()  # where it is missing, that is said before images are inspected
    return Goal(false_calls, false_calls / 10 if rejects is None else rejects, confidence, recall)
