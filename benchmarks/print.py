"""How well the print stage covers print, what it leaves visible, and what it costs.

DATASET is in MVTec AD's layout and may have the true print pixels in `print/test/<class>/<stem>.png`. The
stage is taught on train/good and measured on test. `python -m benchmarks.print DATASET`, at the root.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from pipeline.images import Image, find_images, read_image
from pipeline.print import Code, PrintMask, PrintStage, teach
from pipeline.registration import Registrar, Registration

_MIN_QUALITY = 0.7  # correlation below which a pose is not trusted
_FAR = 3  # px from print: masking beyond is waste
_MEGAPIXELS = 50.0


@dataclass
class Tally:
    """What was measured on one class of images."""

    covered: list[float] = field(default_factory=list)  # share of an image's print pixels masked
    far: list[float] = field(default_factory=list)  # share of the image masked away from print
    masked: list[float] = field(default_factory=list)  # share of the image masked
    defect: list[float] = field(default_factory=list)  # share of an image's defect pixels masked
    codes: list[tuple[Code, ...]] = field(default_factory=list)
    findings: list[tuple[str, ...]] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Registered:
    """The images of a folder with their registration, read anew each time round."""

    paths: list[Path]
    registrar: Registrar

    def __iter__(self) -> Iterator[tuple[Image, Registration]]:
        for path in self.paths:
            image = read_image(path, max_megapixels=_MEGAPIXELS)
            yield image, self.registrar.register(image)


def measure(stage: PrintStage, dataset: Path, name: str, registrar: Registrar) -> Tally:
    """Run the stage over test/`name`."""
    tally = Tally()
    paths = find_images(dataset / "test" / name)
    for path, (image, registration) in zip(paths, Registered(paths, registrar), strict=True):
        start = time.perf_counter()
        found = stage.find(image, registration)
        tally.ms.append((time.perf_counter() - start) * 1e3)
        tally.codes.append(found.codes)
        tally.findings.append(found.findings)
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


def _percent(values: list[float]) -> str:
    return f"{100 * statistics.fmean(values):.2f} %" if values else "-"


def _row(name: str, tally: Tally, symbologies: list[str]) -> list[str]:
    decoded = [
        _percent([float(any(c.text and c.symbology == wanted for c in codes)) for codes in tally.codes])
        for wanted in symbologies
    ]
    found = _percent([float(bool(findings)) for findings in tally.findings])
    shares = [_percent(values) for values in (tally.covered, tally.far, tally.masked, tally.defect)]
    return [name, str(len(tally.ms)), *shares, *decoded, found, f"{statistics.median(tally.ms):.1f}"]


def zone_table(stage: PrintStage) -> Table:
    """The zones that were learned."""
    table = Table("zone", "kind", "x, y, width, height", "ink", "readable", title="Zones learned")
    for zone in stage.zones:
        box = f"{zone.x}, {zone.y}, {zone.width}, {zone.height}"
        low, high = zone.limits.ink
        readable = f"{zone.limits.readable:.1%}" if zone.kind.is_code else "-"
        table.add_row(zone.name, zone.kind, box, f"{low:.2f} to {high:.2f}", readable)
    return table


def main(
    dataset: Annotated[Path, typer.Argument(help="data set in MVTec AD's layout")],
    classes: Annotated[list[str] | None, typer.Option("--class", help="test classes; all by default")] = None,
) -> None:
    """Teach the print stage on DATASET/train/good and measure it on DATASET/test."""
    cv2.setNumThreads(1)
    paths = find_images(dataset / "train" / "good")
    reference = read_image(paths[len(paths) // 2], max_megapixels=_MEGAPIXELS)
    registrar = Registrar(reference, motion="euclidean", min_quality=_MIN_QUALITY)
    start = time.perf_counter()
    stage = teach(Registered(paths, registrar), registrar.size)
    console = Console()
    console.print(f"taught on {len(paths)} images in {time.perf_counter() - start:.0f} s")
    console.print(zone_table(stage))
    symbologies = sorted({name for zone in stage.zones for name in zone.limits.symbologies})
    columns = ["class", "images", "print masked", "masked > 3 px off", "masked", "defect masked"]
    table = Table(*columns, *symbologies, "with findings", "ms", title="Means over the images of each class")
    for name in classes or sorted(path.name for path in (dataset / "test").iterdir()):
        table.add_row(*_row(name, measure(stage, dataset, name, registrar), symbologies))
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
