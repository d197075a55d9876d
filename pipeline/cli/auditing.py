"""The command that looks at good images before a training."""

from pathlib import Path

import click

from pipeline.cli.common import (
    OK,
    SOME_ERROR,
    console,
    engine_of,
    engine_options,
    jobs_option,
    path_argument,
    place_argument,
)


@click.command()
@click.argument("data", type=place_argument)
@click.option("--out", type=path_argument, required=True, help="Folder for the report.")
@jobs_option
@click.option("--max-megapixels", type=click.FloatRange(0, 1000, min_open=True), default=100.0, show_default=True)
@engine_options
def audit(data: Path, out: Path, jobs: int, max_megapixels: float, engine: str, address: str) -> int:
    """Look at the good images in DATA before training on them.

    DATA is a folder of images, or a data set in MVTec AD's layout. Writes OUT/index.html, a contact sheet of the
    suspicious images, OUT/audit.csv, a row an image with the worst first, and OUT/groups.csv, by day and camera:
    unreadable files, duplicates, other sizes, light and focus, poses that do not register, other parts.
    Exit code 1: some image cannot be read.

    With --engine ray, --jobs is the number of workers on the cluster; they need to reach DATA.

    \b
    goodparts audit good-parts/ --out audit
    goodparts audit good-parts/ --out audit --jobs 4
    goodparts audit /shared/good-parts --out audit --engine ray --address auto --jobs 32
    """
    from models.pose_choice import resolve_motion
    from pipeline.audit.looking import SAMPLE
    from pipeline.audit.looking import audit as look
    from pipeline.audit.sheet import write_audit
    from pipeline.config import Config, ImageConfig
    from pipeline.images import find_images, good_folder
    from pipeline.run import progress_bar

    who = engine_of(engine, address, jobs)
    if engine == "ray":
        data = data.absolute()  # workers have another working directory
    folder = good_folder(data)
    names = [path.relative_to(folder).as_posix() for path in find_images(folder)]  # paths are many times as large
    config = Config(image=ImageConfig(max_megapixels=max_megapixels))
    config = resolve_motion([folder / name for name in names], config)  # as `train` does
    with progress_bar(console(stderr=True)) as progress:
        bar = progress.add_task("sampling", total=len(names) + min(len(names), SAMPLE))
        found = look(
            folder, names, lambda name: progress.update(bar, advance=1, description=name),
            motion=config.registration.motion, max_megapixels=max_megapixels,
            engine=who,
        )  # fmt: skip
    click.echo(write_audit(folder, out, found, max_megapixels=max_megapixels))
    click.echo(f"Report: {out / 'index.html'}")
    return SOME_ERROR if found.problems else OK
