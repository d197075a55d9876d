"""The picture for the person at the line: the original image with the defect marked, and why, in words."""

from collections.abc import Sequence

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from pipeline.drawing import (
    BLACK,
    BLUE,
    BOLD,
    SKY,
    VERDICT_COLOUR,
    VERMILION,
    WHITE,
    Colour,
    pad,
    text_block,
    text_width,
)
from pipeline.images import Image
from pipeline.inspector import Evidence, Inspection
from pipeline.registration import Registration, square
from pipeline.verdict import Verdict

TINT = 0.35

BACKGROUND = 25
"""Percentile of an anomaly map that is there all over: no fault covers three quarters of a part."""


def draw_overlay(image: Image, inspection: Inspection) -> Image:
    """Mark on the original image what an inspection found.

    The defect is outlined in vermilion where the anomaly exceeds the threshold, and pointed at where it is strongest.
    Labels and zones whose print is at fault are boxed in vermilion; print that was kept out of the comparison is tinted
    blue; codes are boxed in sky blue.

    Args:
        image: (H, W, 3) the image as inspected.
        inspection: What it yielded; without evidence there is no outline.

    Returns:
        (H + band, W, 3): the marked image, and below it a band with verdict, score and reason.
    """
    canvas = image.copy()
    tint(canvas, print_in_original(inspection, image.shape[:2]), BLUE)
    unit = stroke(image)
    for code in inspection.codes:
        box = np.rint(code.corners).astype(np.int32)
        cv2.polylines(canvas, [box], isClosed=True, color=SKY, thickness=unit, lineType=cv2.LINE_AA)
    if inspection.verdict is not Verdict.OK:
        anomaly = anomaly_in_original(inspection, image.shape[:2])
        outline(canvas, stands_out(anomaly, inspection.threshold))
        if not outline_findings(canvas, inspection) or anomaly.max() > inspection.threshold:
            _point_at(canvas, inspection.peak)
    return np.vstack([canvas, _band(inspection, image.shape[1])])


def print_in_original(inspection: Inspection, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The print mask in the original frame: uint8 of `shape` (H, W), 255 = print; all 0 if there is none."""
    mask, registration = inspection.print_mask, inspection.registration
    if mask is None or registration is None:
        return np.zeros(shape, np.uint8)
    return np.asarray(_warp(mask.pixels, registration.matrix, shape, cv2.INTER_NEAREST), dtype=np.uint8)


def anomaly_in_original(inspection: Inspection, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The anomaly in the original frame: float32 of `shape` (H, W), in deviations; -inf if there is none."""
    evidence, registration, mask = inspection.evidence, inspection.registration, inspection.print_mask
    if evidence is None or registration is None or mask is None:
        return np.full(shape, -np.inf, np.float32)
    placed = _as_placed(evidence, registration, shape)
    for label in mask.labels:  # in the evidence they lie at their usual place
        corners = np.round(registration.to_original(label.corners)).astype(np.int32)
        where = cv2.fillConvexPoly(np.zeros(shape, np.uint8), corners, 255)
        cv2.copyTo(_as_placed(evidence, label.registration, shape), where, placed)
    return placed


def _as_placed(evidence: Evidence, registration: Registration, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The anomaly of a part where a registration says that the camera placed it."""
    to_working = (evidence.view.matrix @ square(registration.matrix))[:2]
    return np.asarray(_warp(evidence.anomaly, to_working, shape, cv2.INTER_LINEAR), dtype=np.float32)


def stands_out(anomaly: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Where an anomaly map exceeds the threshold, and what a large fault adds to all of the map besides."""
    everywhere = float(np.percentile(anomaly.clip(min=0), BACKGROUND))
    return np.asarray(anomaly > threshold + everywhere)


def tint(canvas: Image, mask: NDArray[np.uint8], colour: Colour) -> None:
    """Lay a colour over the masked pixels of `canvas`, in place."""
    where = mask > 0
    canvas[where] = np.rint((1 - TINT) * canvas[where] + TINT * np.array(colour)).astype(np.uint8)


def outline(canvas: Image, where: NDArray[np.bool_]) -> None:
    """Draw a line around the regions of `where` on `canvas`, in place; white beside it sets it off."""
    contours, _ = cv2.findContours(where.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    _lines(canvas, contours)


def outline_findings(canvas: Image, inspection: Inspection) -> bool:
    """Box the labels and zones whose print is at fault on `canvas`, the original image, in place; whether any is."""
    places = inspection.print_mask.places if inspection.print_mask is not None else ()
    _lines(canvas, [np.rint(corners).astype(np.int32) for corners in places])
    return bool(places)


def _lines(canvas: Image, contours: Sequence[MatLike]) -> None:
    unit = stroke(canvas)
    for colour, thickness in ((WHITE, 3 * unit), (VERMILION, 2 * unit)):
        cv2.drawContours(canvas, contours, -1, colour, thickness, cv2.LINE_AA)


def stroke(image: Image) -> int:
    """The thinnest line, in pixels, that is seen when the whole image is."""
    return max(1, round(float(np.hypot(*image.shape[:2])) / 900))


def describe_score(inspection: Inspection) -> str:
    """Score and threshold in words."""
    if inspection.score is None:
        return "no score"
    return f"score {inspection.score:.2f}, threshold {inspection.threshold:.2f}"


def _warp(
    source: NDArray[np.uint8] | NDArray[np.float32],
    matrix: NDArray[np.float64],
    shape: tuple[int, ...],
    interpolation: int,
) -> MatLike:
    """Sample `source` at `matrix` times each pixel of the original frame; 0 outside."""
    return cv2.warpAffine(source, matrix, (shape[1], shape[0]), flags=interpolation | cv2.WARP_INVERSE_MAP)


def _point_at(canvas: Image, peak: tuple[float, float] | None) -> None:
    """Four ticks towards the peak, which itself stays free."""
    if peak is None:
        return
    unit = stroke(canvas)
    for colour, thickness in ((WHITE, 3 * unit), (VERMILION, 2 * unit)):
        for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            near, far = ((round(peak[0] + x * reach * unit), round(peak[1] + y * reach * unit)) for reach in (14, 30))
            cv2.line(canvas, near, far, colour, thickness, cv2.LINE_AA)


def _band(inspection: Inspection, width: int) -> Image:
    size = max(14, round(width / 42))
    word, colour = inspection.verdict, VERDICT_COLOUR[inspection.verdict]
    badge = text_block(word, text_width(word, size, BOLD) + size, size, ink=WHITE, paper=colour, weight=BOLD)
    words = f"{describe_score(inspection)}: {inspection.reason}"
    text = text_block(words, width - badge.shape[1], size, ink=WHITE, paper=BLACK)
    return np.hstack([pad(badge, text.shape[0], 0, colour), text])
