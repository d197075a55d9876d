"""What a zone of print holds: a code, text, an etched mark. Time is free here: this runs at teach-in only."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.config import ZoneKind
from pipeline.print.bars import orientation, straighten
from pipeline.print.codes import LINEAR
from pipeline.print.strokes import ink_response

logger = logging.getLogger(__name__)

_STRIPES: Final = 0.8  # coherence of the gradient: 1 for parallel bars, about 0 for text
_ETCHED: Final = 64.0  # grey levels, a quarter of the range: ink has more contrast than a mark in the surface
_LEGIBLE: Final = 3  # letters or digits that a zone must show to be text
_ENLARGE: Final = 3  # Tesseract wants letters of about 30 px height
_VARIANTS: Final = 0.2  # of the pairs of good parts agree: three kinds of part do in a third, numbers almost never
_MARKS: Final = 3  # letters, bars or modules that print has at least
_DOT: Final = 0.2  # of the widest stroke, squared: smaller marks are grain
_BARS: Final = 12  # edges of the shortest 1-D code
_PERIODIC: Final = 0.45  # autocorrelation of threads, fins and teeth; a code's bars do not repeat


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


def is_print(samples: Sequence[NDArray[np.uint8]], kind: ZoneKind, *, alike: float, width: int, dark: bool) -> bool:
    """Whether a zone without a code that can be read is print at all, and no moving or interchangeable piece.

    Args:
        samples: grey crops of the zone from good parts.
        kind: what it seems to hold.
        alike: share of the pairs of good parts that agree in it, 0..1.
        width: widest stroke, pixels.
        dark: its ink is darker than the ground.
    """
    if kind is ZoneKind.LINEAR_CODE:
        return float(np.median([_bars(sample) for sample in samples])) >= _BARS
    if float(np.median([_marks(sample, width, dark=dark) for sample in samples])) < _MARKS:
        return False
    return alike < _VARIANTS or _shows_text(samples)


def _bars(grey: NDArray[np.uint8]) -> int:
    """Edges along the middle of parallel bars; 0 where they repeat as no code's do."""
    upright = straighten(grey)
    thick, length = upright.shape
    strip = upright[thick // 4 : thick // 4 + max(1, thick // 2)]
    profile = strip.mean(axis=0) - strip.mean()
    likeness = np.correlate(profile, profile, "full")[length - 1 :] / max(float(profile @ profile), 1.0)
    below = np.flatnonzero(likeness < 0)
    if below.size and likeness[below[0] : length // 2].max(initial=0.0) > _PERIODIC:
        return 0
    return int(np.count_nonzero(np.diff(profile > 0)))


def _marks(grey: NDArray[np.uint8], width: int, *, dark: bool) -> int:
    """Strokes that do not touch each other."""
    response = ink_response(grey, width, dark=dark)
    ink = (response > max(1.0, np.percentile(response, 95) / 2)).astype(np.uint8)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(ink)
    return int(np.count_nonzero(boxes[1:, cv2.CC_STAT_AREA] >= (_DOT * width) ** 2))


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
