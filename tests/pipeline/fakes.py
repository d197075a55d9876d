"""A model that needs no training: it calls every part NG that has a white pixel."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from pipeline.calibration import Goal, calibrate_scores
from pipeline.config import Config
from pipeline.exceptions import ImageError
from pipeline.images import Image, read_image, write_image
from pipeline.inspector import Evidence, Inspection, Inspector
from pipeline.print import Code, Limits, PrintMask, PrintStage, PrintZone, ZoneKind
from pipeline.registration import Registration
from pipeline.verdict import Verdict
from pipeline.view import View

SIZE = (120, 80)
THRESHOLD = 5.0
SHIFT = (6, -4)
CALIBRATION = replace(
    calibrate_scores(np.linspace(0, THRESHOLD, 299), np.zeros(0), Goal()), threshold=THRESHOLD, reject=THRESHOLD
)

ZONE = PrintZone(
    "datamatrix 1", ZoneKind.MATRIX_CODE, 80, 50, 10, 10, True, 20.0, limits=Limits(symbologies=("DataMatrix",))
)
STAGE = PrintStage(SIZE, 3, (ZONE,), np.zeros((SIZE[1], SIZE[0]), np.uint8))


def part(defect: tuple[int, int] | None = None) -> Image:
    """A dark part, 120x80 px, with a white spot of 5x5 px around `defect` (x, y)."""
    image = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
    if defect:
        cv2.rectangle(image, (defect[0] - 2, defect[1] - 2), (defect[0] + 2, defect[1] + 2), (255, 255, 255), -1)
    return image


def folder_of_parts(folder: Path, defects: dict[str, tuple[int, int] | None]) -> Path:
    """Write one image a name."""
    for name, defect in defects.items():
        write_image(folder / name, part(defect))
    return folder


class FakeInspector(Inspector):
    """Finds white pixels. Parts lie `SHIFT` before the reference; its print covers x 20..40, y 10..20."""

    def __init__(self, model_id: str = "fake") -> None:
        self.model_id = model_id
        self.size = SIZE
        settings: Any = SimpleNamespace(config=Config(), calibration=CALIBRATION, print_stage=STAGE)
        self.bundle = settings
        self.seen: list[str] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.model_id,)

    def inspect_file(self, path: Path, *, evidence: bool = False) -> Inspection:
        self.seen.append(path.name)
        try:
            return self.inspect(read_image(path, max_megapixels=1), evidence=evidence)
        except ImageError as error:
            return Inspection(Verdict.ERROR, None, THRESHOLD, None, str(error))

    def inspect(self, image: Image, *, evidence: bool = False) -> Inspection:
        shift = np.array([[1, 0, SHIFT[0]], [0, 1, SHIFT[1]]], np.float64)
        registered = cv2.warpAffine(image, shift, SIZE)
        white = (image.min(axis=2) == 255).astype(np.uint8)
        score = 10.0 if white.any() else 1.0
        print_pixels = np.zeros((SIZE[1], SIZE[0]), np.uint8)
        print_pixels[10:20, 20:40] = 255
        code = Code("A1|B2", "DataMatrix", np.array([[80.0, 50], [90, 50], [90, 60], [80, 60]]), ZONE.name)
        return Inspection(
            verdict=Verdict.NG if white.any() else Verdict.OK,
            score=score,
            threshold=THRESHOLD,
            peak=_centre(white) if white.any() else (0.0, 0.0),
            reason="weißer Fleck" if white.any() else "like the good parts",
            masked=0.02,
            codes=(code,),
            findings=("code <b>unreadable</b>",) if white.any() else (),
            ms=3.0,
            steps={"decode": 1.0, "network": 2.0},
            registration=Registration(shift, 1.0, True),
            print_mask=PrintMask(print_pixels, (code,), ()),
            image=image if evidence else None,
            evidence=_evidence(np.asarray(registered, np.uint8), print_pixels) if evidence else None,
        )


def _centre(white: np.ndarray[Any, np.dtype[np.uint8]]) -> tuple[float, float]:
    rows, columns = np.nonzero(white)
    return float(columns.mean()), float(rows.mean())


def _evidence(registered: Image, print_pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Evidence:
    half = (SIZE[0] // 2, SIZE[1] // 2)
    small = np.asarray(cv2.resize(registered, half, interpolation=cv2.INTER_AREA), np.uint8)
    deviations = np.where(small.min(axis=2) > 100, 10, 1).astype(np.float32)
    masked = np.asarray(cv2.resize(print_pixels, half, interpolation=cv2.INTER_NEAREST), np.uint8)
    return Evidence(
        small, masked, small, deviations, deviations, deviations, deviations, 0.0, 0.0, View.of_all(SIZE, half)
    )
