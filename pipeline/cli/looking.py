"""Commands that show what a model knows, and what it sees on an image before it judges it."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.common import OK, SOME_ERROR, check_picture, fail, model_argument, path_argument, print_facts
from pipeline.exceptions import ImageError, UsageError

if TYPE_CHECKING:
    from pipeline.bundle import Bundle
    from pipeline.print import MaskSteps, PrintMask


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


@click.command()
@model_argument
@click.option("--out", type=path_argument, required=True, help="The picture to write, .png or .jpg.")
def zones(model: Path, out: Path) -> None:
    """Show where MODEL expects print that changes from part to part.

    Outlines the print zones on the reference part: text blue, codes purple, the labels they are on orange.

    What is wrong there is put right by training on the same images again, with a configuration that adds, renames or
    forbids zones: masks, limits and thresholds then belong together. A box is left, top, width, height in pixels of the
    picture; the kinds are text, etched, linear code, matrix code and print. Where a zone is forbidden nothing is ever
    masked.

    \b
    goodparts zones model --out zones.png
    goodparts train good-parts/ --out better --config zones.yaml
    \b
    zones.yaml:
      print:
        zones:
          add:
            - {name: date, box: [412, 96, 120, 24], kind: text}
          rename: {datamatrix 1: serial}
          forbid: [text 3]
    """
    from pipeline import info as words
    from pipeline.bundle import load_bundle
    from pipeline.images import write_image
    from pipeline.print import zones_picture

    check_picture(out)
    bundle = load_bundle(model)
    write_image(out, zones_picture(bundle.reference, bundle.print_stage))
    print_facts(words.zones(bundle.print_stage))
    click.echo(f"Picture: {out}")


@click.command()
@model_argument
@click.argument("images", metavar="IMAGE...", type=path_argument, nargs=-1, required=True)
@click.option("--out", type=path_argument, required=True, help="Folder for the pictures.")
def mask(model: Path, images: tuple[Path, ...], out: Path) -> int:
    """Show step by step which pixels of each IMAGE are kept out of the comparison as print.

    Writes OUT/<image>-01-registered.png, -02-strokes.png, -03-mask.png and -04-findings.png, and says what each
    step took, which codes were read, and what is wrong with the print. Exit code 1: some image could not be used.

    \b
    goodparts mask model today/0815.jpg --out masks
    goodparts mask model today/*.jpg --out masks
    """
    from pipeline.bundle import load_bundle

    name, count = Counter(image.stem for image in images).most_common(1)[0]
    if count > 1:
        raise UsageError(f"{count} images are named {name}, and so would be their pictures; give them one at a time")
    bundle, code = load_bundle(model), OK
    for image in images:
        try:
            _mask(bundle, image, out)
        except ImageError as error:
            code = fail(str(error), SOME_ERROR)
    return code


def _mask(bundle: "Bundle", path: Path, out: Path) -> None:
    """Write the pictures of one image, and say what was seen."""
    from pipeline.framing import lit_grey, lit_part
    from pipeline.images import grey_of, read_image, size_in_words, write_image
    from pipeline.print import mask_pictures

    image = read_image(path, max_megapixels=bundle.config.image.max_megapixels)
    if image.shape != bundle.reference.shape:
        known = size_in_words(bundle.reference)
        raise ImageError(f"{path.name}: is {size_in_words(image)}, the model knows {known}")
    start = time.perf_counter()
    registration = bundle.registrar.register(image)
    ms = (time.perf_counter() - start) * 1e3
    frame = lit_part(image, registration, bundle.unjudged, bundle.light)
    grey = grey_of(image)
    lit = lit_grey(grey, registration, frame, bundle.light)
    steps = mask_pictures(lit, registration, bundle.print_stage, grey)
    for number, (stage, picture) in enumerate(steps.pictures.items(), start=1):
        write_image(out / f"{path.stem}-{number:02}-{stage}.png", picture)
    pose = f"correlation {registration.quality:.2f}" if registration.found else "not found: the verdict would be REVIEW"
    click.echo(path)
    print_facts([("  pose", f"{ms:.1f} ms, {pose}"), *_times(steps), *_seen(steps.found)])


def _times(steps: "MaskSteps") -> Iterator[tuple[str, str]]:
    for stage, ms in steps.ms.items():
        yield f"  {stage}", f"{ms:.1f} ms"


def _seen(found: "PrintMask") -> Iterator[tuple[str, str]]:
    for code in found.codes:
        yield "  code", f"{code.symbology}: {code.text or 'not readable'}"
    for finding in found.findings or ("nothing wrong with the print",):
        yield "  print", finding
