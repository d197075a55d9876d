"""When and by which camera an image was taken: from its metadata, its path, or the date of its file."""

import datetime
import re
from pathlib import Path

import PIL.Image

DAY = re.compile(r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)")
CAMERA = re.compile(r"(?<![a-z])(?:camera|cam|kamera)[-_ ]?([a-z]?\d+|[a-z])(?![a-z])", re.IGNORECASE)
MODEL, TAKEN = 0x0110, 0x0132


def shot_of(path: Path, name: str) -> tuple[str, str]:
    """Day (ISO) and camera of an image; the camera is empty where nothing tells it.

    Args:
        path: of the file.
        name: what of the path may tell something: relative to the folder of images.
    """
    taken, model = _metadata(path)
    day = DAY.search(taken.replace(":", "-", 2)) or DAY.search(name)
    camera = CAMERA.search(name)
    return "-".join(day.groups()) if day else _file_day(path), f"camera {camera[1]}" if camera else model


def _metadata(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file, PIL.Image.open(file) as header:
            exif = header.getexif()
            return str(exif.get(TAKEN, "")), str(exif.get(MODEL, "")).strip()
    except (OSError, ValueError, SyntaxError, Warning):  # no image, or damaged metadata: the path has to tell
        return "", ""


def _file_day(path: Path) -> str:
    try:
        return datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).date().isoformat()
    except OSError:
        return ""
