"""What the print stage alone can show: what it masks, reads and finds, and what that costs.

A DATASET is in MVTec AD's layout and may have the true print pixels in `print/test/<class>/<stem>.png`. The
stage is taught on train/good and measured on test. `python -m benchmarks.print DATASET...`, at the root;
`python -m benchmarks.print --ablation MODEL DATASET` says what the mask of a trained model is worth.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models.good_parts import GoodParts, LitParts, judged_in
from pipeline.config import Config
from pipeline.images import Image, find_images, read_image
from pipeline.print import PrintMask, PrintStage, teach
from pipeline.regions import view_of
from pipeline.registration import Registrar, Registration

_MIN_QUALITY = 0.7  # correlation below which a pose is not trusted
_FAR = 3  # px from print: masking beyond is waste
_MEGAPIXELS = 50.0
_ON_LABEL = ("stain_on_label", "scratch_on_label")
_JUDGED = {  # defects of the print itself, and the share of them that has to be found, where one is set
    "label_missing": "98 %",
    "label_shifted": "98 %",
    "print_smeared": "98 %",
    "label_torn": "",
    "double_label": "",
    "print_void": "",
    "code_damaged": "",
    "marking_missing": "",
}


@dataclass
class Tally:
    """What was measured on one class of images; shares are of one image each."""

    covered: list[float] = field(default_factory=list)  # of its print pixels, masked
    far: list[float] = field(default_factory=list)  # of the image, masked away from print
    masked: list[float] = field(default_factory=list)  # of the image, masked
    defect: list[float] = field(default_factory=list)  # of its defect pixels, masked
    printed: list[float] = field(default_factory=list)  # of its defect pixels, true print or a pixel beside it
    found: list[PrintMask] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Measured:
    """What was measured on one data set."""

    stage: PrintStage
    tallies: dict[str, Tally]

    @property
    def good(self) -> Tally:
        """The good parts."""
        return self.tallies["good"]

    def symbologies(self) -> set[str]:
        """What can be read on good parts."""
        return {symbology for zone in self.stage.zones for symbology in zone.limits.symbologies}


def measure(dataset: Path) -> Measured:
    """Teach the stage on train/good and run it over the classes of test that say something about it."""
    paths = find_images(dataset / "train" / "good")
    reference = read_image(paths[len(paths) // 2], max_megapixels=_MEGAPIXELS)
    registrar = Registrar(reference, motion="euclidean", min_quality=_MIN_QUALITY)
    stage = teach(_lit(paths, registrar, reference), registrar.size)
    names = [name for name in ("good", *_ON_LABEL, *_JUDGED) if (dataset / "test" / name).is_dir()]
    return Measured(stage, {name: _tally(stage, dataset, name, registrar, reference) for name in names})


def _lit(paths: list[Path], registrar: Registrar, reference: Image) -> LitParts:
    """The images as a training shows them to the stage."""
    read = partial(read_image, max_megapixels=_MEGAPIXELS)
    view = view_of((), registrar.size, megapixels=Config().image.working_megapixels)
    return LitParts(GoodParts(tuple(paths), read, registrar, lambda: None), *judged_in(reference, view, Config()))


def _tally(stage: PrintStage, dataset: Path, name: str, registrar: Registrar, reference: Image) -> Tally:
    tally = Tally()
    paths = find_images(dataset / "test" / name)
    for path, (grey, registration) in zip(paths, _lit(paths, registrar, reference), strict=True):
        start = time.perf_counter()
        found = stage.find(grey, registration)
        tally.ms.append((time.perf_counter() - start) * 1e3)
        tally.found.append(found)
        _compare(tally, _to_original(found, registration), dataset, name, path.stem)
    return tally


def _compare(tally: Tally, masked: NDArray[np.bool_], dataset: Path, name: str, stem: str) -> None:
    tally.masked.append(float(masked.mean()))
    defect = _truth(dataset / "ground_truth" / name / f"{stem}_mask.png")
    if defect is not None and defect.any():
        tally.defect.append(float(masked[defect].mean()))
    ink = _truth(dataset / "print" / "test" / name / f"{stem}.png")
    if ink is None or not ink.any():
        return
    if defect is not None and defect.any():
        tally.printed.append(float(cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8))[defect].mean()))
    tally.covered.append(float(masked[ink].mean()))
    distance = cv2.distanceTransform((~ink).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    tally.far.append(float((masked & (distance > _FAR)).mean()))


def _truth(path: Path) -> NDArray[np.bool_] | None:
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.exists() else None
    return None if pixels is None else np.asarray(pixels > 0)


def _to_original(found: PrintMask, registration: Registration) -> NDArray[np.bool_]:
    size = found.pixels.shape[::-1]
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(found.pixels, registration.matrix, size, flags=flags) > 0)


def _mean(values: list[float]) -> str:
    return f"{100 * statistics.fmean(values):.2f} %" if values else "-"


def _decoded(symbology: str) -> Callable[[Measured], str]:
    def share(measured: Measured) -> str:
        if symbology not in measured.symbologies():
            return "-"
        images = measured.good.found
        read = sum(any(c.text and c.symbology == symbology for c in found.codes) for found in images)
        return f"{read} of {len(images)}"

    return share


def _codes_found(measured: Measured) -> str:
    """Codes seen on good parts, read or not, of those that the zones promise."""
    zones = sum(zone.kind.is_code for zone in measured.stage.zones)
    if not zones:
        return "-"
    images = measured.good.found
    seen = sum(min(len(found.codes), zones) for found in images)
    return f"{seen} of {zones * len(images)}"


def _with_findings(name: str) -> Callable[[Measured], str]:
    def share(measured: Measured) -> str:
        if name not in measured.tallies:
            return "-"
        images = measured.tallies[name].found
        return f"{sum(bool(found.findings) for found in images)} of {len(images)}"

    return share


def _defect_masked(name: str) -> Callable[[Measured], str]:
    return lambda measured: _mean(measured.tallies[name].defect) if name in measured.tallies else "-"


def _defect_printed(name: str) -> Callable[[Measured], str]:
    return lambda measured: _mean(measured.tallies[name].printed) if name in measured.tallies else "-"


def _zones(measured: Measured) -> str:
    stage = measured.stage
    names = [zone.name for zone in stage.zones] + [sheet.name for sheet in stage.sheets]
    return ", ".join(names) or "none"


Row = tuple[str, str, Callable[[Measured], str]]


def rows(symbologies: list[str]) -> list[Row]:
    """What is asked, what is expected, and how to say what was measured."""
    return [
        ("zones and labels", "none without print", _zones),
        ("print pixels masked", ">= 98 %", lambda measured: _mean(measured.good.covered)),
        (f"image masked > {_FAR} px off print", "<= 2 %", lambda measured: _mean(measured.good.far)),
        ("image masked", "", lambda measured: _mean(measured.good.masked)),
        *((f"{name} read", ">= 99.5 %", _decoded(name)) for name in symbologies),
        ("codes found, read or not", "all", _codes_found),
        *((f"{name}: defect masked", "<= 25 %", _defect_masked(name)) for name in _ON_LABEL),
        *((f"{name}: defect on print or 1 px beside it", "", _defect_printed(name)) for name in _ON_LABEL),
        ("good parts with findings", "<= 0.5 %", _with_findings("good")),
        *((f"{name} found", goal and f">= {goal}", _with_findings(name)) for name, goal in _JUDGED.items()),
        ("median ms", "<= 25", lambda measured: f"{statistics.median(measured.good.ms):.1f}"),
    ]


def _print_ablation(model: Path, dataset: Path, label_defects: tuple[str, ...]) -> None:
    from benchmarks.ablation import Ablation, markdown, on_label  # torch, which the print stage does without

    outcomes = Ablation(model, dataset).outcomes()
    kinds = next(iter(outcomes.values())).scores
    for line in markdown(outcomes, label_defects or on_label(kinds)):
        print(line)


@click.command()
@click.argument("datasets", nargs=-1, type=click.Path(path_type=Path))
@click.option("--ablation", metavar="MODEL", type=click.Path(path_type=Path), help="Compare masks with this model.")
@click.option("--label-defect", "label_defects", metavar="CLASS", multiple=True, help="A defect on the label; repeat.")
def main(datasets: tuple[Path, ...], ablation: Path | None, label_defects: tuple[str, ...]) -> None:
    """Teach the print stage on train/good of each of DATASETS and measure it on test, on one core.

    With --ablation, MODEL judges the one data set that it was trained on behind no mask, its own, the true one and
    rectangles. Without --label-defect, classes named after the label and `scratch` count as defects of the label.
    """
    cv2.setNumThreads(1)
    if ablation:
        if len(datasets) != 1:
            raise click.UsageError("--ablation takes one data set")
        _print_ablation(ablation, datasets[0], label_defects)
        return
    if not datasets:
        raise click.UsageError("give at least one data set")
    measured = [measure(dataset) for dataset in datasets]
    symbologies = sorted(set[str]().union(*(one.symbologies() for one in measured)))
    table = Table("measure", "goal", *(dataset.name for dataset in datasets), title="Print, on test images")
    for name, goal, say in rows(symbologies):
        table.add_row(name, goal, *(say(one) for one in measured))
    Console().print(table)


if __name__ == "__main__":
    main()
