"""What a model is and what it promises, in words."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.bundle import Bundle
from pipeline.calibration import Calibration


def describe(bundle: Bundle, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield names and values of all that a person may want to know about the model in `folder`."""
    yield "model", bundle.model_id
    for name, value in bundle.source.items():
        yield name.replace("_", " "), str(value)
    yield "images", "{} x {} px".format(*bundle.size)
    yield "compared at", "{} x {} px".format(*bundle.working_size)
    yield from promise(bundle.calibration)
    for zone in bundle.print_stage.zones:
        yield (
            f"print zone {zone.name}",
            f"{zone.kind}, {zone.width} x {zone.height} px at x {zone.x}, y {zone.y}",
        )
    for line in bundle.history:
        yield "earlier", line
    for path in sorted(folder.iterdir()):
        yield path.name, f"{path.stat().st_size / 1e3:,.0f} kB"


def promise(calibration: Calibration) -> Iterator[tuple[str, str]]:
    """Yield what a threshold promises, and what it would take to promise more."""
    sure = f"{calibration.confidence:.0%} confidence"
    yield "threshold", f"{calibration.threshold:.3f}"
    yield (
        "false calls",
        f"set for {calibration.false_calls:.2%}; at most {calibration.promised:.2%} with {sure}, "
        f"from {calibration.good_parts} good parts",
    )
    if calibration.promised > calibration.false_calls:
        yield (
            "to be sure",
            f"calibrate with {calibration.needed} or more good parts: fewer cannot prove "
            f"{calibration.false_calls:.2%} with {sure}",
        )
    if calibration.bad_parts:
        yield (
            "bad parts",
            f"{calibration.found} of {calibration.bad_parts} found: at least "
            f"{calibration.recall_bound:.1%} with {sure}",
        )
