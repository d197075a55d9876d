"""What an audit found: a table of all images, and a contact sheet of the suspicious ones."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from pipeline.audit import Group, Seen, groups
from pipeline.exceptions import ImageError
from pipeline.images import read_image, write_text
from pipeline.results import join_texts
from pipeline.sheets import data_uri, render_sheet, write_table

COLUMNS = tuple(field.name for field in fields(Seen))
SHOWN = 200
"""Images on the sheet at the most: more would make a file that no browser opens gladly."""


def write_audit(folder: Path, out: Path, found: Sequence[Seen], *, max_megapixels: float) -> str:
    """Write `audit.csv`, worst first, `groups.csv` and `index.html`; returns the sum of it in one line."""
    ranked = sorted(found, key=lambda seen: (-seen.suspicion, seen.image))
    by_group = groups(found)
    write_table(out / "audit.csv", COLUMNS, map(_fields, ranked))
    write_table(out / "groups.csv", [field.name for field in fields(Group)], map(astuple, by_group))
    suspicious = [seen for seen in ranked if seen.suspicion >= 1]
    unreadable = sum(bool(seen.problem) for seen in found)
    facts = f"{len(found)} images: {unreadable} unreadable, {len(suspicious) - unreadable} more suspicious"
    page = render_sheet(
        "audit.html", f"Audit of {folder.name}",
        facts=facts, groups=by_group, entries=list(_entries(folder, suspicious[:SHOWN], max_megapixels)),
        left_out=max(0, len(suspicious) - SHOWN),
    )  # fmt: skip
    write_text(out / "index.html", page)
    return facts


def _fields(seen: Seen) -> list[object]:
    values = {name: getattr(seen, name) for name in COLUMNS}
    values["findings"] = join_texts(seen.findings)
    return [f"{value:.6g}" if isinstance(value, float) else value for value in values.values()]


def _entries(folder: Path, shown: Sequence[Seen], max_megapixels: float) -> Iterator[tuple[Seen, str]]:
    for seen in shown:
        try:
            yield seen, data_uri(read_image(folder / seen.image, max_megapixels=max_megapixels))
        except ImageError:
            yield seen, ""
