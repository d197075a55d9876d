"""From a score to a verdict, and the reason in words."""

from enum import StrEnum

import numpy as np

SOME_UNSEEN = 0.05
"""Share of the view outside the image from which on the reason tells of it: every part lies a little off its place."""


class Verdict(StrEnum):
    """What is done with a part. Only OK lets it pass."""

    OK = "OK"
    NG = "NG"
    REVIEW = "REVIEW"
    ERROR = "ERROR"


def decide(
    *,
    score: float,
    threshold: float,
    reject: float,
    where: str,
    doubts: tuple[str, ...],
    findings: tuple[str, ...],
    unseen: float = 0.0,
) -> tuple[Verdict, str]:
    """Judge one part that was inspected to the end.

    Args:
        score: anomaly score; NaN counts as not judged.
        threshold: scores above it are not OK.
        reject: scores above it are NG; from `threshold` to it lies the grey zone, which is REVIEW.
        where: place of the strongest anomaly, in words.
        doubts: why the image cannot be judged safely, in words.
        findings: what is wrong with the print, in words.
        unseen: share of what is usually seen that lies outside the image, 0..1, where good parts lie as far outside.

    Returns:
        The verdict and its reason. A doubt weighs more than a fault, which it may have made up; a fault more than a
        score in the grey zone.
    """
    if not np.isfinite((score, threshold, reject)).all():
        return Verdict.REVIEW, "the score or a threshold is not a number; the image was not judged"
    faults = [f"differs from good parts {where}"] if score > reject else []
    suspicions = [f"differs slightly from good parts {where}"] if threshold < score <= reject else []
    if doubts:
        return Verdict.REVIEW, "; ".join((*doubts, *findings, *faults, *suspicions))
    if faults or findings:
        return Verdict.NG, "; ".join((*faults, *suspicions, *findings))
    if suspicions:
        return Verdict.REVIEW, f"{suspicions[0]}; a person should look"
    cut_off = f"; {unseen:.0%} of the view lies outside the image and was not judged" if unseen >= SOME_UNSEEN else ""
    return Verdict.OK, f"like the good parts{cut_off}"


def overall_score(anomaly: float, findings: tuple[str, ...], *, reject: float) -> float:
    """One number for part and print: a finding alone makes a part NG, so it lifts the score above `reject`.

    >>> overall_score(0.5, ("code in zone 'datamatrix 1' not readable",), reject=4.0)
    5.5
    """
    return reject + len(findings) + max(anomaly, 0.0) if findings else anomaly


def place_in_words(peak: tuple[float, float], size: tuple[int, int]) -> str:
    """Say where a point (x, y) lies in an image of size (w, h).

    >>> place_in_words((700, 40), (768, 576))
    'at the upper right (x 700, y 40)'
    """
    row = ("upper", "middle", "lower")[min(2, int(3 * peak[1] / size[1]))]
    column = ("left", "centre", "right")[min(2, int(3 * peak[0] / size[0]))]
    name = "in the centre" if (row, column) == ("middle", "centre") else f"at the {row} {column}"
    return f"{name} (x {peak[0]:.0f}, y {peak[1]:.0f})"
