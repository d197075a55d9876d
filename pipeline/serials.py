"""Serial numbers: each part carries its own, so one that is seen on two parts was printed or taken twice."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.exceptions import UsageError
from pipeline.print import PrintStage
from pipeline.rows import Row, join_texts
from pipeline.run import LISTED
from pipeline.sheets import write_table

DUPLICATES = "duplicate_serials.csv"


def serial_zone(stage: PrintStage, wanted: str) -> str:
    """Find the one zone whose code is the serial.

    Args:
        stage: what was learned about the print.
        wanted: the name of a zone with a code, or a symbology that only one zone shows; case does not matter.

    Raises:
        UsageError: no zone fits, or several do.
    """
    known = {zone.name: zone.limits.symbologies for zone in stage.zones if zone.kind.is_code}
    fitting = [
        name
        for name, symbologies in known.items()
        if wanted.lower() in (name.lower(), *(symbology.lower() for symbology in symbologies))
    ]
    if len(fitting) != 1:
        fits = " and ".join(fitting) or "no zone"
        names = ", ".join(known) or "none: no code was found on the good parts"
        raise UsageError(f"--serial-from {wanted}: fits {fits}; the zones with codes are {names}")
    return fitting[0]


def read_serial(row: Row, zone: str) -> str:
    """What the codes in a zone say; empty where none could be read."""
    found = {text for text, place in zip(row.codes, row.code_zones, strict=False) if place == zone}
    return join_texts(sorted(found))


def find_duplicates(rows: Iterable[Row], zone: str) -> dict[str, list[str]]:
    """Serials that more than one image shows, each with those images, in the order of the rows."""
    images = defaultdict(list)
    for row in rows:
        if serial := read_serial(row, zone):
            images[serial].append(row.image)
    return {serial: names for serial, names in images.items() if len(names) > 1}


def report_serials(rows: Sequence[Row], zone: str, out: Path, console: Console) -> None:
    """Write `out/duplicate_serials.csv`, a line an image, and print what is in it."""
    duplicates = find_duplicates(rows, zone)
    lines = ((serial, image) for serial, images in duplicates.items() for image in images)
    write_table(out / DUPLICATES, ("serial", "image"), lines)
    if duplicates:
        console.print(_table(duplicates))
    if len(duplicates) > LISTED:
        console.print(f"... and {len(duplicates) - LISTED} more in {DUPLICATES}")
    unread = sum(not read_serial(row, zone) for row in rows)
    console.print(f"serials from {zone}: {len(duplicates)} seen more than once, {unread} not read", highlight=False)


def _table(duplicates: Mapping[str, Sequence[str]]) -> Table:
    table = Table("serial", "images", box=None, header_style="bold")
    for serial, images in list(duplicates.items())[:LISTED]:
        table.add_row(Text(serial), Text(", ".join(images)))
    return table
