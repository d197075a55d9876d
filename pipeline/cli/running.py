"""Commands that train a model and run it over images."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.common import (
    NOT_ALL_OK,
    OK,
    SOME_ERROR,
    announce,
    check_picture,
    console,
    engine_of,
    engine_options,
    fail,
    jobs_option,
    model_argument,
    path_argument,
    place_argument,
    print_facts,
)
from pipeline.exceptions import UsageError

if TYPE_CHECKING:
    from pipeline.rows import Row


@click.command()
@click.argument("data", type=place_argument)
@click.option("--out", type=path_argument, required=True, help="Folder for the model.")
@click.option("--config", type=path_argument, help="YAML file; what it does not say keeps its default.")
@click.option("--resume", is_flag=True, help="Continue a training that was interrupted.")
@click.option("--cache", type=path_argument, help="Keep the prepared images in this folder, for the next training.")
@click.option("--devices", default="1", show_default=True, help="Processes on the CPU, or GPUs: cuda, cuda:0,1.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that prepare the images."
)
@engine_options
def train(
    data: Path,
    out: Path,
    config: Path | None,
    resume: bool,
    cache: Path | None,
    devices: str,
    jobs: int,
    engine: str,
    address: str,
) -> None:
    """Learn what good parts look like.

    DATA is a folder of images of good parts, or a data set in MVTec AD's layout.

    Part of the images is held back, and the threshold set on it: the model can inspect at once. A configuration can
    also add, rename and forbid zones of print: goodparts zones --help shows how.

    With --engine ray, --jobs workers on the cluster prepare the images, and share each batch; --devices cuda gives each
    of them a GPU. They need to reach DATA, and --out and --cache have to be folders that all machines share.

    \b
    goodparts train good-parts/ --out model
    goodparts train good-parts/ --out model --resume
    goodparts train good-parts/ --out model --jobs 8
    goodparts train good-parts/ --out wider --config wider.yaml --cache prepared/
    goodparts train good-parts/ --out model --devices cuda
    goodparts train /shared/good-parts --out /shared/model --engine ray --address auto --jobs 4
    """
    from pipeline import cluster
    from pipeline.config import Config, load_config
    from pipeline.info import chosen, promise

    try:
        from models.distributed import parse_devices
        from models.ray_team import RayTeam
        from models.training import WORK
        from models.training import train as train_model
    except ModuleNotFoundError as error:
        raise UsageError(f'training needs the package {error.name}: pip install "goodparts[train]"') from error
    loaded = load_config(config) if config else Config()
    if engine == "ray":
        cluster.connect(address)
        data, out, cache = data.absolute(), out.absolute(), cache and cache.absolute()  # workers lie elsewhere
        team = RayTeam.of(jobs, devices, (out / WORK, *([cache] if cache else [])))
        spread: dict[str, Any] = {
            "devices": team.devices,
            "engine": cluster.OnRay(jobs, batch=1, shared=team.shared),
            "elsewhere": team,
        }
    else:
        spread = {"devices": parse_devices(devices), "engine": engine_of(engine, address, jobs)}
    bundle = train_model(data, out, loaded, resume=resume, cache=cache, **spread)
    print_facts((*chosen(bundle), *promise(bundle.calibration)))
    if kinds := bundle.source["variants"]:
        click.echo(f"{len(kinds)} variants of the good part, each judged by its own kind: {', '.join(kinds)}")
    if odd := bundle.source["suspicious"]:
        click.echo(f"{len(odd)} of the good images look odd; bad parts among them? Oddest first: {', '.join(odd[:10])}")
        click.echo(f"See why: goodparts explain {out} {data / odd[0]} --out odd.png")


@click.command()
@model_argument
@click.argument("images", type=place_argument)
@click.option("--out", type=place_argument, required=True, help="Folder for results.csv and the pictures.")
@click.option(
    "--overlays",
    type=click.Choice(["none", "ng", "all"]),
    default="ng",
    show_default=True,
    help="Which images to write with the defect marked; ng: all that are not OK.",
)
@click.option("--masks", is_flag=True, help="Write OUT/masks/<image>.png, 255 where print was kept out.")
@jobs_option
@click.option("--profile", is_flag=True, help="Print where the time of an image goes: p50 and p99 of each step.")
@click.option("--serial-from", metavar="ZONE|SYMBOLOGY", help="The code that is the serial; see goodparts zones.")
@click.option("--fail-on-ng", is_flag=True, help="Exit with 3 unless every image is OK.")
@engine_options
def inspect(
    model: Path,
    images: Path,
    out: Path,
    overlays: str,
    masks: bool,
    jobs: int,
    profile: bool,
    serial_from: str | None,
    fail_on_ng: bool,
    engine: str,
    address: str,
) -> int:
    """Judge every image in the folder IMAGES.

    IMAGES and --out may be URLs (s3://, gs://, az://). With --engine ray, --jobs is the number of workers on the
    cluster; they need to reach MODEL and IMAGES.

    OUT/results.csv grows by a row an image; the same command continues an interrupted run. OUT/index.html
    shows what was found. With --serial-from, OUT/duplicate_serials.csv lists the parts that share a serial.
    Exit code 1: some image could not be inspected, and has the verdict ERROR.

    \b
    goodparts inspect model today/ --out today-results
    goodparts inspect model today/ --out today-results --overlays all --masks --jobs 4
    goodparts inspect model today/ --out today-results --serial-from DataMatrix
    goodparts inspect model today/ --out today-results --profile
    goodparts inspect model s3://line4/today --out s3://line4/results --engine ray --address auto --jobs 32
    """
    from pipeline import tables
    from pipeline.images import write_text
    from pipeline.inspector import Inspector
    from pipeline.page import Entry, render_page
    from pipeline.profiling import Profile
    from pipeline.rows import severity
    from pipeline.run import Job, Overlays, inspect_folder, print_summary
    from pipeline.serials import report_serials, serial_zone
    from pipeline.storage import local_folder

    inspector = Inspector.load(model)
    zone = serial_zone(inspector.bundle.print_stage, serial_from) if serial_from else None
    who, shared = engine_of(engine, address, jobs), None
    if engine == "ray":  # workers have another working directory, and load the model themselves
        images, shared = images.absolute(), model.resolve()
    times = Profile()
    with local_folder(out) as folder:
        job = Job(images, folder, Overlays(overlays), masks)
        rows = inspect_folder(inspector, job, console(stderr=True), times, engine=who, shared=shared)
        entries = [Entry(row, job.picture(row)) for row in sorted(rows, key=severity)]
        write_text(folder / "index.html", render_page(f"Inspection of {images.resolve().name}", entries))
        if tables.available():
            tables.write_parquet(folder / "results.parquet", rows)
        print_summary(rows, console())
        if zone:
            report_serials(rows, zone, folder, console())
    if profile:
        console().print(times.table())
    click.echo(f"Pictures: {out / 'index.html'}")
    return _exit_code(rows, fail_on_ng=fail_on_ng)


@click.command()
@model_argument
@click.argument("dataset", type=path_argument)
@click.option("--out", type=path_argument, required=True, help="Folder for results, metrics and pictures.")
@jobs_option
def evaluate(model: Path, dataset: Path, out: Path, jobs: int) -> int:
    """Inspect DATASET/test and compare with the truth.

    The folders tell the truth, as in MVTec AD: test/good and test/<defect>. Writes results.csv, metrics.json,
    report.csv and index.html: verdicts with their intervals, plots, and the mistakes as pictures.

    \b
    goodparts evaluate model dataset/ --out evaluation
    goodparts evaluate model dataset/ --out evaluation --jobs 4
    """
    from pipeline import report
    from pipeline.engines import Processes
    from pipeline.evaluation import evaluate as compare
    from pipeline.images import write_text
    from pipeline.inspector import Inspector
    from pipeline.run import Job, Overlays, inspect_folder, print_summary
    from pipeline.sheets import write_table
    from pipeline.special import special

    special()  # where it is missing, that is said before images are inspected
    inspector = Inspector.load(model)
    job = Job(dataset / "test", out, Overlays.NONE)
    rows = inspect_folder(inspector, job, console(stderr=True), engine=Processes(jobs))
    metrics, classes = compare(rows, dataset), report.tally(rows)
    write_text(out / "metrics.json", json.dumps(metrics.to_json(), indent=2))
    write_table(out / "report.csv", report.COLUMNS, (found.to_csv() for found in classes))
    page = report.render_report(rows, metrics, inspector, dataset, classes=classes)
    write_text(out / "index.html", page)
    print_summary(rows, console())
    print_facts(metrics.facts())
    announce(out / "index.html")
    return _exit_code(rows)


@click.command()
@model_argument
@click.argument("image", type=path_argument)
@click.option("--out", type=path_argument, required=True, help="The picture to write, .png or .jpg.")
def explain(model: Path, image: Path, out: Path) -> int:
    """Show in one picture how the verdict on IMAGE comes about.

    \b
    goodparts explain model today/0815.jpg --out 0815-explained.png
    """
    from pipeline.explain import explain as draw
    from pipeline.images import write_image
    from pipeline.inspector import Inspector

    check_picture(out)
    inspector = Inspector.load(model)
    inspection = inspector.inspect_file(image, evidence=True)
    if inspection.image is None:
        return fail(inspection.reason, SOME_ERROR)
    write_image(out, draw(inspection.image, inspection))
    click.echo(f"{inspection.verdict}: {inspection.reason}. Picture: {out}")
    return OK


def _exit_code(rows: Sequence["Row"], *, fail_on_ng: bool = False) -> int:
    from pipeline.verdict import Verdict

    verdicts = {row.verdict for row in rows}
    if fail_on_ng and verdicts != {Verdict.OK}:
        return NOT_ALL_OK
    return SOME_ERROR if Verdict.ERROR in verdicts else OK
