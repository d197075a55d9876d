"""Self-contained HTML pages: reports that can be mailed, filed and printed."""

import base64
import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import jinja2

from pipeline.drawing import VERDICT_COLOUR, fit
from pipeline.images import Image, size_within, write_bytes

THUMBNAIL = 560
"""Longest side of a picture on a page, in pixels."""


def render_sheet(template: str, title: str, **values: object) -> str:
    """Fill a template of this package; all text is escaped, and nothing refers to another file."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline", ""), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(title=title, colours=VERDICT_COLOUR, **values)


def data_uri(image: Image) -> str:
    """An RGB picture, shrunk to `THUMBNAIL`, as a data URI."""
    width, height = size_within((image.shape[1], image.shape[0]), THUMBNAIL)
    small = fit(image, height, width)
    _, data = cv2.imencode(".jpg", small[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 85))
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV, and its folder where there is none yet."""
    data = io.BytesIO()
    text = io.TextIOWrapper(data, encoding="utf-8", errors="surrogateescape", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data.getbuffer())
