"""What a model is and what it promises, in words."""

import math
from collections.abc import Iterator
from pathlib import Path

from pipeline.bundle import Bundle
from pipeline.calibration import Calibration
from pipeline.print import PrintStage, PrintZone
from pipeline.print.sheet import Sheet

POSES = {
    "euclidean": "parts lie nearly alike: small shifts and turns are taken out",
    "far": "parts are shifted: they are searched for over a quarter of the image",
    "any": "parts are turned any way: they are searched for over the full turn",
    "affine": "parts are turned any way, nearer or farther, and seen a little from aside",
    "none": "parts have no common pose: images are compared as they come",
}
"""What `registration.motion` means for the parts."""


COARSE = 2.5
"""Camera pixels in one of the comparison from which on faults of a pixel or two are better looked for in fine."""


def suggestion(bundle: Bundle) -> tuple[str, str]:
    """The configuration, of those in `configs/`, that the good parts ask for, and why."""
    pixels = bundle.view.box[2] / bundle.view.size[0]
    if bundle.config.registration.motion in ("any", "affine", "none"):
        return "free", POSES[bundle.config.registration.motion]
    if pixels > COARSE:
        return "fine", (
            f"one pixel of the comparison stands for {pixels:.1f} of the camera's, and thinner faults get lost; "
            "default is quicker"
        )
    return "default", f"parts have a common pose, one pixel of the comparison stands for {pixels:.1f} of the camera's"


def chosen(bundle: Bundle) -> Iterator[tuple[str, str]]:
    """What the training chose for itself and what it suggests, as names and values, like all that `describe` tells."""
    if not bundle.view.shows_all(bundle.size):
        what = "the outline that all parts share, in " if bundle.view.outline else ""
        place = "{2} x {3} px at x {0}, y {1} of the reference".format(*bundle.view.box)
        yield "seen", f"{what}{place}; the rest is not judged"
    yield "suggested", "configs/{}.yaml: {}".format(*suggestion(bundle))


def describe(bundle: Bundle, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield names and values of all that a person may want to know about the model in `folder`."""
    yield "model", bundle.model_id
    for name, value in bundle.source.items():
        yield name.replace("_", " "), ", ".join(value) or "none" if isinstance(value, list) else str(value)
    yield "images", "{} x {} px".format(*bundle.size)
    yield "pose", POSES.get(bundle.config.registration.motion, "")
    if bundle.steady:
        yield "light", "measured on what all parts share; what lies around them changes more than the light does"
    yield "compared at", "{} x {} px".format(*bundle.view.size)
    yield from chosen(bundle)
    yield from promise(bundle.calibration)
    yield from zones(bundle.print_stage)
    for line in bundle.history:
        yield "earlier", line
    for path in sorted(folder.iterdir()):
        yield path.name, f"{path.stat().st_size / 1e3:,.0f} kB"


def zones(stage: PrintStage) -> Iterator[tuple[str, str]]:
    """Yield where print is, and what kind of print."""
    for zone in stage.zones:
        read = ", ".join((*zone.limits.symbologies, *(["always the same"] if zone.fixed else [])))
        yield f"print zone {zone.name}", f"{zone.kind}{_at(zone)}{read and f': {read}'}"
    for sheet in stage.sheets:
        yield sheet.name, f"the sheet that print is on{_at(sheet)}"
    if not stage.zones:
        yield "print zones", "none: no print that changes from part to part was found on the good parts"


def _at(box: PrintZone | Sheet) -> str:
    return f", {box.width} x {box.height} px at x {box.x}, y {box.y}"


def promise(calibration: Calibration) -> Iterator[tuple[str, str]]:
    """Yield what the thresholds promise, what they cannot, and what it would take to promise more."""
    goal = calibration.goal
    sure = f"{goal.confidence:.0%} confidence"
    yield "thresholds", f"OK up to {calibration.threshold:.3f}, NG above {calibration.reject:.3f}, between them REVIEW"
    yield (
        "false calls",
        f"set for {goal.false_calls:.2%}, {goal.rejects:.2%} NG; at most {calibration.promised:.2%} with {sure}, "
        f"from {_parts(calibration)}",
    )
    if calibration.otherwise:
        yield "without the score", f"{calibration.otherwise} of them are called for print, pose or image"
    if calibration.promised > goal.false_calls:
        yield (
            "to be sure",
            f"calibrate with {calibration.needed} or more independent good parts: fewer cannot prove "
            f"{goal.false_calls:.2%} with {sure}",
        )
    yield "escapes", _escapes(calibration, sure)


def _parts(calibration: Calibration) -> str:
    worth = math.floor(calibration.worth)
    said = f"{calibration.good_parts} good parts"
    return said if worth == calibration.good_parts else f"{said} in groups, worth {worth} independent ones"


def _escapes(calibration: Calibration, sure: str) -> str:
    if not calibration.bad_parts:
        return "nothing can be promised without bad parts; calibrate with --bad"
    proved = (
        f"{calibration.found} of {calibration.bad_parts} bad parts found: recall at least "
        f"{calibration.recall_bound:.1%} with {sure}, for defects like these"
    )
    wanted = calibration.goal.recall
    if wanted and calibration.recall_bound < wanted:
        proved += f"; {wanted:.1%} would take {calibration.bad_needed} or more, all found"
    return proved
