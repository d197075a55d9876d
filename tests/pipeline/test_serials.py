import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pipeline.exceptions import UsageError
from pipeline.print import Limits, PrintStage, PrintZone, ZoneKind
from pipeline.rows import Row
from pipeline.serials import find_duplicates, read_serial, report_serials, serial_zone
from tests.pipeline.rows import row


def zone(name: str, kind: ZoneKind, *symbologies: str) -> PrintZone:
    return PrintZone(name, kind, 0, 0, 9, 9, True, 20.0, limits=Limits(symbologies=symbologies))


STAGE = PrintStage(
    (9, 9),
    3,
    (
        zone("text 1", ZoneKind.TEXT),
        zone("datamatrix 1", ZoneKind.MATRIX_CODE, "DataMatrix"),
        zone("code128 1", ZoneKind.LINEAR_CODE, "Code128"),
        zone("code128 2", ZoneKind.LINEAR_CODE, "Code128", "Code39"),
    ),
    np.zeros((9, 9), np.uint8),
)


def seen(image: str, **codes: str) -> Row:
    """A row; `_` in the name of a zone stands for a space."""
    zones = tuple(name.replace("_", " ") for name in codes)
    return replace(row(image), codes=tuple(codes.values()), code_zones=zones)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("datamatrix 1", "datamatrix 1"),
        ("DataMatrix", "datamatrix 1"),
        ("CODE128 2", "code128 2"),
        ("code39", "code128 2"),
    ],
)
def test_a_zone_is_named_or_known_by_its_symbology(wanted: str, found: str) -> None:
    assert serial_zone(STAGE, wanted) == found


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("Code128", "fits code128 1 and code128 2"),
        ("text 1", "fits no zone"),
        ("QRCode", "the zones with codes are datamatrix 1, code128 1, code128 2"),
    ],
)
def test_what_does_not_name_one_zone_is_refused(wanted: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        serial_zone(STAGE, wanted)


def test_only_codes_of_the_zone_count() -> None:
    rows = [
        seen("a.png", datamatrix_1="S1", code128_1="type 7"),
        seen("b.png", datamatrix_1="S2", code128_1="type 7"),
        seen("c.png", code128_1="S1", datamatrix_1="S3"),
        seen("sub/d.png", datamatrix_1="S1"),
    ]
    assert find_duplicates(rows, "datamatrix 1") == {"S1": ["a.png", "sub/d.png"]}
    assert find_duplicates(rows, "code128 1") == {"type 7": ["a.png", "b.png"]}


def test_a_serial_that_was_not_read_is_nobodys() -> None:
    rows = [seen("a.png"), seen("b.png"), seen("c.png", code128_1="S1")]
    assert find_duplicates(rows, "datamatrix 1") == {}


def test_a_serial_of_two_codes_does_not_depend_on_their_order() -> None:
    two = replace(row("a.png"), codes=("B", "A", "A"), code_zones=("code128 1",) * 3)
    assert read_serial(two, "code128 1") == "A|B"


def test_the_table_replaces_that_of_an_earlier_run_and_keeps_odd_names(tmp_path: Path) -> None:
    screen = Console(file=io.StringIO(), width=120)
    odd = "teil-\udcfc.png"  # a name that is no UTF-8
    path = tmp_path / "duplicate_serials.csv"
    report_serials([seen("[red]x.png", qr_1="S1"), seen("b.png", qr_1="S1")], "qr 1", tmp_path, screen)
    assert path.read_text() == "serial,image\nS1,[red]x.png\nS1,b.png\n"
    report_serials([seen("b.png", qr_1="S1")], "qr 1", tmp_path, screen)
    assert path.read_text() == "serial,image\n"
    report_serials([seen(odd, qr_1="S1"), seen("b.png", qr_1="S1")], "qr 1", tmp_path, screen)
    assert path.read_bytes().splitlines()[1] == b"S1,teil-\xfc.png"
    assert isinstance(screen.file, io.StringIO)
    assert "[red]x.png, b.png" in screen.file.getvalue()
    assert "0 seen more than once, 0 not read" in screen.file.getvalue()
