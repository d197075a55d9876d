"""One HTML page about a run, with all its pictures inside: it can be mailed, filed and printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.images import read_image
from pipeline.rows import Row, summary
from pipeline.sheets import data_uri, render_sheet
from pipeline.verdict import Verdict

SHOWN = 200
"""Images on a page at the most: more would make a file that no browser opens gladly."""


@dataclass(frozen=True)
class Entry:
    """One image on the page.

    Attributes:
        row: What was found.
        picture: The file to show; None where the image cannot be read.
    """

    row: Row
    picture: Path | None


def render_page(title: str, entries: Sequence[Entry]) -> str:
    """Write the page.

    Args:
        title: Its heading.
        entries: One or more, in the order in which they are shown; the first `SHOWN` are.

    Returns:
        HTML that refers to no other file. All text in it is escaped.
    """
    rows = [entry.row for entry in entries]
    return render_sheet(
        "page.html",
        title,
        summary=summary(rows),
        model=rows[0].model,
        filters=["all", *(verdict for verdict in Verdict if any(row.verdict is verdict for row in rows))],
        entries=[(entry.row, entry.picture and _thumbnail(entry.picture)) for entry in entries[:SHOWN]],
        left_out=max(0, len(entries) - SHOWN),
        share=_share_of_bar,
    )


def _share_of_bar(row: Row) -> float:
    """Length of the score's bar in percent: the threshold is in the middle, its double at the end."""
    if row.score is None or row.threshold <= 0:
        return 0.0
    return min(max(50 * row.score / row.threshold, 0.0), 100.0)


def _thumbnail(path: Path) -> str:
    return data_uri(read_image(path, max_megapixels=1000))
