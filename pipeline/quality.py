"""The image before the part: light, contrast, focus, size and print, compared with what images of good parts show."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import cv2
import numpy as np

from pipeline.framing import Frame
from pipeline.images import Mask
from pipeline.registration import Registration

Usual = dict[str, tuple[float, ...]]
"""101 percentiles of each condition over good parts."""

HEADROOM = 0.5
"""What may lie beyond the extremes of the good parts, in their distance from the median."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How one image was taken, measured on its working frame where print and border leave the part to be seen.

    Attributes:
        brightness: mean grey level of the shot, 0..255.
        contrast: standard deviation of the grey levels in the reference's light.
        focus: standard deviation of the Laplacian, grey levels (Pech-Pacheco 2000, ICPR 3:314, takes its square).
        pose: correlation with the reference after registration, -1..1.
        size: how many times as large as in the reference the part is seen; 1 where registration does not look for it.
        masked: share of the part under the print mask, 0..1.
    """

    brightness: float
    contrast: float
    focus: float
    pose: float
    size: float
    masked: float


class Limit(NamedTuple):
    """What is said about a condition beyond its limits; empty where that limit does not count."""

    below: str
    above: str
    slack: float
    """Least distance of a limit from the extremes, in the unit of the condition."""
    share: float
    """The same as a share of the usual value: light and focus drift on a line, and the network copes with that much."""


LIMITS = {
    "brightness": Limit("the image is too dark", "the image is too bright", 2.0, 0.3),
    "contrast": Limit("the image has too little contrast", "the image has too much contrast", 1.0, 0.2),
    "focus": Limit("the image is blurred", "", 0.5, 0.4),
    "size": Limit(
        "the part is seen smaller than any good part", "the part is seen larger than any good part", 0.02, 0.0
    ),
    "masked": Limit("", "more of the part is hidden by print than on any good part", 0.01, 0.0),
}


def measure(frame: Frame, registration: Registration, print_pixels: Mask) -> Conditions:
    """Measure the conditions of one image; `print_pixels` is (H, W) uint8 in the reference frame, 255 on print."""
    grey = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)
    size = round(registration.size, 4)  # alignment knows no more of it
    masked = np.count_nonzero(print_pixels) / print_pixels.size
    seen = np.asarray(cv2.inRange(frame.ignored, (0,), (0,)), np.uint8)
    if not seen.any():
        return Conditions(0.0, 0.0, 0.0, registration.quality, size, masked)
    light, contrast = cv2.meanStdDev(grey, mask=seen)
    focus = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S), mask=seen)[1]
    return Conditions(light.item() * frame.light, contrast.item(), focus.item(), registration.quality, size, masked)


def usual_conditions(good: Sequence[Conditions]) -> Usual:
    """Learn from good parts, one or more, what is usual."""
    columns = {name: [getattr(one, name) for one in good] for name in Conditions.__dataclass_fields__}
    return {
        name: tuple(float(f"{q:.6g}") for q in np.percentile(values, np.arange(101)))
        for name, values in columns.items()
    }


def unusual(conditions: Conditions, usual: Usual) -> tuple[str, ...]:
    """Say in words what is out of the ordinary; empty for an image like those of good parts."""
    doubts = []
    for name, limit in LIMITS.items():
        value, (low, high) = (
            asdict(conditions)[name],
            tolerance(usual[name], max(limit.slack, limit.share * _middle(usual[name]))),
        )
        said = limit.below if value < low else limit.above if value > high else ""
        if said:
            doubts.append(f"{said} ({name} {value:.3g}, good parts {usual[name][0]:.3g} to {usual[name][-1]:.3g})")
    return tuple(doubts)


def tolerance(percentiles: Sequence[float], slack: float) -> tuple[float, float]:
    """The extremes of the good parts, and half as far again from their median.

    >>> tolerance([1.0, 3.0, 5.0], 0.1)
    (0.0, 6.0)
    """
    low, middle, high = percentiles[0], _middle(percentiles), percentiles[-1]
    return low - max(slack, HEADROOM * (middle - low)), high + max(slack, HEADROOM * (high - middle))


def _middle(percentiles: Sequence[float]) -> float:
    return percentiles[len(percentiles) // 2]
