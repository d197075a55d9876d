"""One HTML page about a run, with all its pictures inside: it can be mailed, filed and printed."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import cv2
import jinja2

from pipeline.drawing import VERDICT_COLOUR, fit
from pipeline.images import Image, read_image
from pipeline.results import Row, summary
from pipeline.verdict import Verdict

SHOWN = 200
"""Images on a page at the most: more would make a file that no browser opens gladly."""
THUMBNAIL = 560
"""Longest side of a picture on the page, in pixels."""


@dataclass(frozen=True)
class Entry:
    """One image on the page.

    Attributes:
        row: What was found.
        picture: The file to show; None where the image cannot be read.
        tag: A word to set off, such as "escape"; may be empty.
    """

    row: Row
    picture: Path | None
    tag: str = ""


def render_page(
    title: str, entries: Sequence[Entry], *, facts: Sequence[tuple[str, str]] = (), chart: Image | None = None
) -> str:
    """Write the page.

    Args:
        title: Its heading.
        entries: One or more, in the order in which they are shown; the first `SHOWN` are.
        facts: Names and values to put on top.
        chart: (H, W, 3) picture below the facts.

    Returns:
        HTML that refers to no other file. All text in it is escaped.
    """
    template = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        resources.files("pipeline").joinpath("page.html").read_text(encoding="utf-8")
    )
    rows = [entry.row for entry in entries]
    return template.render(
        title=title,
        summary=summary(rows),
        model=rows[0].model,
        facts=facts,
        chart=None if chart is None else _data_uri(chart),
        colours=VERDICT_COLOUR,
        filters=["all", *(verdict for verdict in Verdict if any(row.verdict is verdict for row in rows))],
        entries=[(entry.row, entry.picture and _thumbnail(entry.picture), entry.tag) for entry in entries[:SHOWN]],
        left_out=max(0, len(entries) - SHOWN),
        share=_share_of_bar,
    )


def _share_of_bar(row: Row) -> float:
    """Length of the score's bar in percent: the threshold is in the middle, its double at the end."""
    if row.score is None or row.threshold <= 0:
        return 0.0
    return min(max(50 * row.score / row.threshold, 0.0), 100.0)


def _thumbnail(path: Path) -> str:
    image = read_image(path, max_megapixels=1000)
    scale = min(1.0, THUMBNAIL / max(image.shape[:2]))
    return _data_uri(fit(image, round(image.shape[0] * scale), round(image.shape[1] * scale)))


def _data_uri(image: Image) -> str:
    _, data = cv2.imencode(".jpg", image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 85))
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
