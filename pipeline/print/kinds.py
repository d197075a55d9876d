"""What a zone of print holds: a code, text, an etched mark. Time is free here: this runs at teach-in only."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.print.bars import orientation
from pipeline.print.codes import LINEAR

logger = logging.getLogger(__name__)

_STRIPES: Final = 0.8  # coherence of the gradient: 1 for parallel bars, about 0 for text
_ETCHED: Final = 64.0  # grey levels, a quarter of the range: ink has more contrast than a mark in the surface
_LEGIBLE: Final = 3  # letters or digits that a zone must show to be text
_ENLARGE: Final = 3  # Tesseract wants letters of about 30 px height


class ZoneKind(StrEnum):
    """What a zone holds."""

    TEXT = "text"
    ETCHED = "etched"
    LINEAR_CODE = "linear code"
    MATRIX_CODE = "matrix code"
    OTHER = "print"

    @property
    def is_code(self) -> bool:
        """Whether a decoder should look here."""
        return self in (ZoneKind.LINEAR_CODE, ZoneKind.MATRIX_CODE)


def classify(samples: Sequence[NDArray[np.uint8]], symbologies: Counter[str], contrast: float) -> ZoneKind:
    """Say what a zone holds.

    Args:
        samples: grey crops of the zone from good parts.
        symbologies: codes that were decoded inside the zone.
        contrast: of the strokes to their ground, grey levels.
    """
    if symbologies:
        [(symbology, _)] = symbologies.most_common(1)
        return ZoneKind.LINEAR_CODE if symbology in LINEAR else ZoneKind.MATRIX_CODE
    if np.median([orientation(sample)[1] for sample in samples]) > _STRIPES:
        return ZoneKind.LINEAR_CODE
    if contrast < _ETCHED:
        return ZoneKind.ETCHED
    return ZoneKind.TEXT if _shows_text(samples) else ZoneKind.OTHER


def _shows_text(samples: Iterable[NDArray[np.uint8]]) -> bool:
    """Whether Tesseract reads something in most samples; True where there is no Tesseract to ask."""
    if not _has_tesseract():
        return True
    return bool(np.median([_legible(sample) for sample in samples]) >= _LEGIBLE)


def _legible(grey: NDArray[np.uint8]) -> int:
    import pytesseract

    large = cv2.resize(grey, None, fx=_ENLARGE, fy=_ENLARGE, interpolation=cv2.INTER_CUBIC)
    text = pytesseract.image_to_string(large, config="--psm 6")
    return sum(character.isalnum() for character in text)


@cache
def _has_tesseract() -> bool:
    import pytesseract  # brings pandas along where that is installed: nothing for inspection

    try:
        pytesseract.get_tesseract_version()
    except pytesseract.TesseractNotFoundError:
        logger.warning("Tesseract is not installed: every zone of print that is no code counts as text")
        return False
    return True
