"""The command line. Commands import what they need when they run, so that `--help` is there at once."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.exceptions import GoodpartsError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.calibration import Goal
    from pipeline.results import Row

OK, SOME_ERROR, WRONG_USE, NOT_ALL_OK, DRIFTED, INTERRUPTED = 0, 1, 2, 3, 4, 130

path_argument = click.Path(path_type=Path)
model_argument = click.argument("model", type=path_argument)
share = click.FloatRange(0, 1, min_open=True, max_open=True)


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


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="goodparts")
def app() -> None:
    """Learn what a good part looks like from images of good parts alone, and find the parts that are not.

    \b
    goodparts train good-parts/ --out model
    goodparts inspect model today/ --out today-results
    """


@app.command()
@click.argument("data", type=path_argument)
@click.option("--out", type=path_argument, required=True, help="Folder for the model.")
@click.option("--config", type=path_argument, help="YAML file; what it does not say keeps its default.")
@click.option("--resume", is_flag=True, help="Continue a training that was interrupted.")
def train(data: Path, out: Path, config: Path | None, resume: bool) -> None:
    """Learn what good parts look like.

    DATA is a folder of images of good parts, or a data set in MVTec AD's layout.

    Part of the images is held back, and the threshold set on it: the model can inspect at once.

    \b
    goodparts train good-parts/ --out model
    goodparts train good-parts/ --out model --resume
    """
    from pipeline.config import Config, load_config

    try:
        from models.training import train as train_model
    except ModuleNotFoundError as error:
        raise UsageError(f'training needs the package {error.name}: pip install "goodparts[train]"') from error
    train_model(data, out, load_config(config) if config else Config(), resume=resume)


@app.command()
@model_argument
@click.option("--good", type=path_argument, required=True, help="Good parts that the model has not seen.")
@click.option("--bad", type=path_argument, help="Bad parts: they prove what share of such parts is found.")
@click.option("--recall", type=share, help="Share of bad parts to be found; sets the threshold by --bad alone.")
@goal_options
def calibrate(
    model: Path,
    good: Path,
    bad: Path | None,
    recall: float | None,
    false_calls: float,
    rejects: float | None,
    confidence: float,
    group: str | None,
) -> None:
    """Set the thresholds of MODEL anew, on other images.

    Says what these images prove, and how many would prove what was wanted.

    \b
    goodparts calibrate model --good this-week/ --false-calls 0.005
    goodparts calibrate model --good this-week/ --bad bad/ --recall 0.9
    goodparts calibrate model --good this-week/ --group '(?P<group>[^/]+)/'
    """
    from pipeline.info import promise
    from pipeline.recalibration import calibrate as calibrate_model

    if recall is not None and bad is None:
        raise UsageError("--recall needs --bad: a folder of bad parts")
    goal = _goal(false_calls, rejects, confidence, recall)
    _print_facts(promise(calibrate_model(model, good, bad, goal, group=group)))


@app.command()
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
    _print_facts(promise(recalibrate_model(model, reviewed, goal, group=group)))


@app.command()
@model_argument
@click.argument("images", type=path_argument)
@click.option("--out", type=path_argument, required=True, help="Folder for results.csv and the pictures.")
@click.option(
    "--overlays",
    type=click.Choice(["none", "ng", "all"]),
    default="ng",
    show_default=True,
    help="Which images to write with the defect marked; ng: all that are not OK.",
)
@click.option("--masks", is_flag=True, help="Write OUT/masks/<image>.png, 255 where print was kept out.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Images at a time.")
@click.option("--fail-on-ng", is_flag=True, help="Exit with 3 unless every image is OK.")
def inspect(model: Path, images: Path, out: Path, overlays: str, masks: bool, jobs: int, fail_on_ng: bool) -> int:
    """Judge every image in the folder IMAGES.

    OUT/results.csv grows by a row an image; the same command continues an interrupted run. OUT/index.html
    shows what was found. Exit code 1: some image could not be inspected, and has the verdict ERROR.

    \b
    goodparts inspect model today/ --out today-results
    goodparts inspect model today/ --out today-results --overlays all --masks --jobs 4
    """
    from pipeline.images import write_bytes
    from pipeline.inspector import Inspector
    from pipeline.page import Entry, render_page
    from pipeline.results import severity
    from pipeline.run import Job, Overlays, inspect_folder, print_summary

    job = Job(images, out, Overlays(overlays), masks, jobs)
    rows = inspect_folder(Inspector.load(model), job, _console(stderr=True))
    entries = [Entry(row, job.picture(row)) for row in sorted(rows, key=severity)]
    write_bytes(out / "index.html", render_page(f"Inspection of {images.resolve().name}", entries).encode())
    print_summary(rows, _console())
    click.echo(f"Pictures: {out / 'index.html'}")
    return _exit_code(rows, fail_on_ng=fail_on_ng)


@app.command()
@model_argument
@click.argument("dataset", type=path_argument)
@click.option("--out", type=path_argument, required=True, help="Folder for results, metrics and pictures.")
def evaluate(model: Path, dataset: Path, out: Path) -> int:
    """Inspect DATASET/test and compare with the truth.

    The folders tell the truth, as in MVTec AD: test/good and test/<defect>. Writes results.csv, metrics.json,
    report.csv and index.html: verdicts with their intervals, plots, and the mistakes as pictures.

    \b
    goodparts evaluate model dataset/ --out evaluation
    """
    from pipeline import report
    from pipeline.evaluation import evaluate as compare
    from pipeline.images import write_bytes
    from pipeline.inspector import Inspector
    from pipeline.run import Job, Overlays, inspect_folder, print_summary
    from pipeline.sheets import write_table

    inspector = Inspector.load(model)
    rows = inspect_folder(inspector, Job(dataset / "test", out, Overlays.NONE), _console(stderr=True))
    metrics, classes = compare(rows, dataset), report.tally(rows)
    write_bytes(out / "metrics.json", json.dumps(metrics.to_json(), indent=2).encode())
    write_table(out / "report.csv", report.COLUMNS, (found.to_csv() for found in classes))
    page = report.render_report(rows, metrics, inspector, dataset, classes=classes)
    write_bytes(out / "index.html", page.encode())
    print_summary(rows, _console())
    _print_facts(metrics.facts())
    _announce(out / "index.html")
    return _exit_code(rows)


@app.command()
@model_argument
@click.argument("image", type=path_argument)
@click.option("--out", type=path_argument, required=True, help="The picture to write, .png or .jpg.")
def explain(model: Path, image: Path, out: Path) -> int:
    """Show in one picture how the verdict on IMAGE comes about.

    \b
    goodparts explain model today/0815.jpg --out 0815-explained.png
    """
    from pipeline.explain import explain as draw
    from pipeline.images import IMAGE_SUFFIXES, read_image, write_image
    from pipeline.inspector import Inspector
    from pipeline.verdict import Verdict

    if out.suffix.lower() not in IMAGE_SUFFIXES:
        raise UsageError(f"{out}: not the name of a picture; end it in .png")
    inspector = Inspector.load(model)
    inspection = inspector.inspect_file(image, evidence=True)
    if inspection.verdict is Verdict.ERROR:
        return _fail(inspection.reason, SOME_ERROR)
    pixels = read_image(image, max_megapixels=inspector.bundle.config.image.max_megapixels)
    write_image(out, draw(pixels, inspection))
    click.echo(f"{inspection.verdict}: {inspection.reason}. Picture: {out}")
    return OK


@app.command()
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
    from pipeline import msa as analysis
    from pipeline.images import write_bytes
    from pipeline.results import read_rows
    from pipeline.sheets import write_table

    rows = read_rows([results])
    parts = analysis.read_parts(rows, reference, part)
    measures, threshold = analysis.analyse(parts), rows[0].threshold
    spread = analysis.repeatability(parts, threshold)
    write_table(out / "msa.csv", analysis.COLUMNS, analysis.measure_rows(measures))
    write_table(out / "parts.csv", analysis.PART_COLUMNS, analysis.part_rows(parts))
    page = analysis.render_msa(parts, measures, spread, model=rows[0].model, threshold=threshold)
    write_bytes(out / "index.html", page.encode())
    _print_facts((m.name, f"{m.value:.3f} ({m.low:.3f} to {m.high:.3f}), {m.judged}") for m in measures)
    _announce(out / "index.html")


@app.command()
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
    from pipeline.images import write_bytes
    from pipeline.results import read_rows
    from pipeline.sheets import write_table

    bundle, rows = load_bundle(model), read_rows(results)
    tracks = watch(rows, bundle, false_alarms=false_alarms)
    write_table(out / "drift.csv", COLUMNS, (line for track in tracks for line in track.to_csv()))
    page = render_drift(tracks, bundle, images=len(rows), false_alarms=false_alarms)
    write_bytes(out / "index.html", page.encode())
    _print_facts((f"{track.stage}: {track.measure}", track.words) for track in tracks)
    _announce(out / "index.html")
    return DRIFTED if any(track.alarm for track in tracks) else OK


@app.command()
@model_argument
def info(model: Path) -> None:
    """Say what MODEL is, and what its threshold promises.

    \b
    goodparts info model
    """
    from pipeline.bundle import load_bundle
    from pipeline.info import describe

    _print_facts(describe(load_bundle(model), model))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; what a person can mend is one line, not a traceback."""
    try:
        return app.main(arguments, prog_name="goodparts", standalone_mode=False) or OK
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "goodparts"
        return _fail(f"{error.format_message()} See: {command} --help", WRONG_USE)
    except (click.ClickException, GoodpartsError) as error:
        return _fail(str(error), WRONG_USE)
    except OSError as error:
        return _fail(f"{error.filename or 'output'}: {error.strerror}", WRONG_USE)
    except click.Abort:
        return _fail("interrupted; the same command continues (train: with --resume)", INTERRUPTED)


def _goal(false_calls: float, rejects: float | None, confidence: float, recall: float | None = None) -> "Goal":
    from pipeline.calibration import Goal

    return Goal(false_calls, false_calls / 10 if rejects is None else rejects, confidence, recall)


def _announce(page: Path) -> None:
    """Say where the report is, and what it lacks."""
    from pipeline import plots

    if not plots.available():
        click.echo(f"goodparts: {plots.MISSING}", err=True)
    click.echo(f"Report: {page}")


def _exit_code(rows: Sequence["Row"], *, fail_on_ng: bool = False) -> int:
    from pipeline.verdict import Verdict

    verdicts = {row.verdict for row in rows}
    if fail_on_ng and verdicts != {Verdict.OK}:
        return NOT_ALL_OK
    return SOME_ERROR if Verdict.ERROR in verdicts else OK


def _print_facts(facts: Iterable[tuple[str, str]]) -> None:
    for name, value in facts:
        click.echo(f"{name:24} {value}")


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr)


def _fail(message: str, code: int) -> int:
    click.echo(f"goodparts: {message}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
