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

    from pipeline.page import Entry
    from pipeline.results import Row
    from pipeline.run import Job

OK, SOME_ERROR, WRONG_USE, NOT_ALL_OK, INTERRUPTED = 0, 1, 2, 3, 130

path_argument = click.Path(path_type=Path)
model_argument = click.argument("model", type=path_argument)
share = click.FloatRange(0, 1, min_open=True, max_open=True)


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
@click.option("--bad", type=path_argument, help="Bad parts: says how many of them the threshold finds.")
@click.option("--false-calls", type=share, default=0.01, show_default=True, help="Share of good parts called NG.")
@click.option("--confidence", type=share, default=0.95, show_default=True, help="How sure that promise is.")
def calibrate(model: Path, good: Path, bad: Path | None, false_calls: float, confidence: float) -> None:
    """Set the threshold of MODEL anew, on other images.

    \b
    goodparts calibrate model --good this-week/ --false-calls 0.005
    """
    from pipeline.info import promise
    from pipeline.recalibration import calibrate as calibrate_model

    calibration = calibrate_model(model, good, bad, false_calls=false_calls, confidence=confidence)
    _print_facts(promise(calibration))


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
    from pipeline.page import render_page
    from pipeline.results import severity
    from pipeline.run import Job, Overlays, print_summary

    job = Job(images, out, Overlays(overlays), masks, jobs)
    rows = _run(model, job)
    entries = _entries(sorted(rows, key=severity), job)
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

    The folders tell the truth, as in MVTec AD: test/good and test/<defect>. Writes results.csv,
    metrics.json, roc.png and index.html, which shows the mistakes first.

    \b
    goodparts evaluate model dataset/ --out evaluation
    """
    from pipeline.evaluation import evaluate as compare
    from pipeline.evaluation import mistake_in, split_scores
    from pipeline.images import write_bytes, write_image
    from pipeline.page import render_page
    from pipeline.results import severity
    from pipeline.roc import draw_roc
    from pipeline.run import Job, print_summary

    job = Job(dataset / "test", out)
    rows = _run(model, job)
    metrics = compare(rows, dataset)
    title = f"Evaluation on {dataset.resolve().name}"
    roc = draw_roc(*split_scores(rows), rows[0].threshold, f"{title}: AUROC {metrics.auroc:.3f}")
    ordered = sorted(rows, key=lambda row: (not mistake_in(row), mistake_in(row), severity(row)))
    page = render_page(title, _entries(ordered, job, mistake_in), facts=metrics.facts(), chart=roc)
    write_image(out / "roc.png", roc)
    write_bytes(out / "metrics.json", json.dumps(metrics.to_json(), indent=2).encode())
    write_bytes(out / "index.html", page.encode())
    print_summary(rows, _console())
    _print_facts(metrics.facts())
    click.echo(f"Pictures: {out / 'index.html'}")
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


def _run(model: Path, job: "Job") -> list["Row"]:
    from pipeline.inspector import Inspector
    from pipeline.run import inspect_folder

    return inspect_folder(Inspector.load(model), job, _console(stderr=True))


def _entries(rows: Sequence["Row"], job: "Job", tag: Callable[["Row"], str] = lambda _: "") -> list["Entry"]:
    from pipeline.page import Entry

    return [Entry(row, job.picture(row), tag(row)) for row in rows]


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
