"""What is learned from a sample of the good images before any frame is made: which to use, pose and print."""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from pipeline.images import Image, write_bytes
from pipeline.lighting import Blocks
from pipeline.print import PrintStage
from pipeline.view import View

FILE = "lesson.npz"


@dataclass(frozen=True)
class Lesson:
    """Kept beside the frames, so that a resumed run makes the others alike.

    Attributes:
        usable: indices of the files that have the size of most.
        refused: the others, with the reason.
        reference: (H, W, 3) uint8 RGB.
        view: what the working frame shows of it.
        min_quality: correlation below which a pose is not trusted.
        print_stage: where print varies.
        steady: where light is measured.
    """

    usable: Sequence[int]
    refused: Sequence[str]
    reference: Image
    view: View
    min_quality: float
    print_stage: PrintStage
    steady: Blocks


def write_lesson(folder: Path, lesson: Lesson) -> Lesson:
    """Write one file, whole or not at all, and return what a later run will read."""
    words = {
        "usable": list(lesson.usable),
        "refused": list(lesson.refused),
        "view": asdict(lesson.view),
        "min_quality": lesson.min_quality,
        "print": lesson.print_stage.to_dict(),
        "steady": lesson.steady,
    }
    text = np.frombuffer(json.dumps(words).encode(), np.uint8)
    data = io.BytesIO()
    np.savez_compressed(data, words=text, reference=lesson.reference, labels=lesson.print_stage.labels)
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / FILE, data.getvalue())
    return _parse(data)


def read_lesson(folder: Path) -> Lesson | None:
    """None where there is none, or where its checksums do not hold."""
    try:
        return _parse(io.BytesIO((folder / FILE).read_bytes()))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _parse(data: io.BytesIO) -> Lesson:
    data.seek(0)
    with np.load(data) as arrays:
        words = json.loads(arrays["words"].tobytes())
        stage = PrintStage.from_dict(words["print"], arrays["labels"])
        view = TypeAdapter(View).validate_python(words["view"])
        learned = (view, words["min_quality"], stage, tuple(words["steady"]))
        return Lesson(words["usable"], words["refused"], arrays["reference"], *learned)
