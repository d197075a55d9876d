"""What an audit found: a table of all images, and a contact sheet of the suspicious ones."""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np

from pipeline.audit.ledger import Group, Ledger, Seen, groups
from pipeline.exceptions import ImageError
from pipeline.images import read_image, write_text
from pipeline.rows import join_texts
from pipeline.sheets import data_uri, render_sheet, write_table

COLUMNS = tuple(field.name for field in fields(Seen))
SHOWN = 200
"""Images on the sheet at the most: more would make a file that no browser opens gladly."""


def write_audit(folder: Path, out: Path, ledger: Ledger, *, max_megapixels: float) -> str:
    """Write `audit.csv`, worst first, `groups.csv` and `index.html`; returns the sum of it in one line."""
    suspicion = ledger.numbers["suspicion"]
    ranked = np.argsort(-suspicion, kind="stable")
    by_group = groups(ledger)
    write_table(out / "audit.csv", COLUMNS, (_fields(ledger[index]) for index in ranked))
    write_table(out / "groups.csv", [field.name for field in fields(Group)], map(astuple, by_group))
    suspicious, unreadable = int((suspicion >= 1).sum()), len(ledger.problems)
    facts = f"{len(ledger)} images: {unreadable} unreadable, {suspicious - unreadable} more suspicious"
    shown = (ledger[index] for index in ranked[: min(suspicious, SHOWN)])
    page = render_sheet(
        "audit/audit.html", f"Audit of {folder.name}",
        facts=facts, groups=by_group, entries=list(_entries(folder, shown, max_megapixels)),
        left_out=max(0, suspicious - SHOWN),
    )  # fmt: skip
    write_text(out / "index.html", page)
    return facts


def _fields(seen: Seen) -> list[object]:
    values = {name: getattr(seen, name) for name in COLUMNS}
    values["findings"] = join_texts(seen.findings)
    values["digest"] = "" if seen.problem else f"{seen.digest:016x}"
    return [f"{value:.6g}" if isinstance(value, float) else value for value in values.values()]


def _entries(folder: Path, shown: Iterable[Seen], max_megapixels: float) -> Iterator[tuple[Seen, str]]:
    for seen in shown:
        try:
            yield seen, data_uri(read_image(folder / seen.image, max_megapixels=max_megapixels))
        except ImageError:
            yield seen, ""
