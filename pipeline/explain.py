"""One picture that shows how a verdict came about, step by step."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.drawing import BLUE, BOLD, GREY, VERDICT_COLOUR, WHITE, fit, pad, text_block, write
from pipeline.images import Image
from pipeline.inspector import Evidence, Inspection
from pipeline.overlays import describe_score, outline, outline_findings, stands_out, stroke, tint
from pipeline.verdict import SOME_UNSEEN

WIDTH, HEIGHT = 480, 380
"""Size of a tile's picture; images are fitted into it."""
COLUMNS = 3
TITLE, SMALL = 22, 16
GAP = 12
FOOTER = 5 * SMALL

SOME_BURNT = 0.005
"""Share of the frame that is burnt out, from which on it is said."""


def explain(image: Image, inspection: Inspection) -> Image:
    """Lay out what each step of an inspection saw, in three rows of three tiles.

    The tiles: the input, the registered image, the print mask, the reconstruction, the residuals of SSIM, features
    and detail, the anomaly map with its outline, and the verdict in words. Without evidence, when the inspection
    ended early, only the first and the last.

    Args:
        image: (H, W, 3) the image as inspected.
        inspection: What it yielded, with evidence.

    Returns:
        The picture, about 1500 pixels wide.
    """
    first = _input(image, inspection)
    verdict = _verdict(inspection)
    if inspection.evidence is None:
        return _rows([[first, verdict]])
    steps = _steps(inspection.evidence, inspection)
    residuals = _residuals(inspection.evidence, inspection.threshold)
    tiles = [first, *steps, *residuals, verdict]
    return _rows([tiles[start : start + COLUMNS] for start in range(0, len(tiles), COLUMNS)])


def _input(image: Image, inspection: Inspection) -> Image:
    evidence, registration = inspection.evidence, inspection.registration
    canvas, said = image.copy(), "the image as it came"
    if evidence is not None and registration is not None and not evidence.view.shows_all(image.shape[1::-1]):
        box = np.rint(registration.to_original(evidence.view.corners)).astype(np.int32)
        for colour, thickness in ((WHITE, 6), (BLUE, 4)):
            cv2.polylines(canvas, [box], True, colour, thickness * stroke(image), cv2.LINE_AA)
        said += "; what lies outside the blue frame is not judged"
    if outline_findings(canvas, inspection):
        said += "; boxed: where print is at fault"
    return _tile("1 Input", canvas, said)


def _steps(evidence: Evidence, inspection: Inspection) -> list[Image]:
    masked = evidence.registered.copy()
    tint(masked, evidence.masked, BLUE)
    aligned = ""
    if inspection.registration:
        aligned = f"correlation with the reference {inspection.registration.quality:.2f}"
    if inspection.print_mask and inspection.print_mask.labels:
        aligned += "; labels moved to where they usually lie"
    kept_out = f"blue: kept out; print is {inspection.masked:.1%} of the part"
    if evidence.burnt_out >= SOME_BURNT:
        kept_out += f", {evidence.burnt_out:.0%} is burnt out"
    if evidence.unseen >= SOME_UNSEEN:
        kept_out += f", {evidence.unseen:.0%} is filled from the reference, where the image ends"
    return [
        _tile("2 Registered", evidence.registered, aligned),
        _tile("3 Print", masked, kept_out),
        _tile("4 Reconstruction", evidence.reconstruction, "how this part should look"),
    ]


def _residuals(evidence: Evidence, threshold: float) -> list[Image]:
    top = max(2 * threshold, 1.0)
    anomaly = _heat(evidence.anomaly, top)
    anomaly = fit(anomaly, HEIGHT, WIDTH)
    size = (anomaly.shape[1], anomaly.shape[0])
    outline(anomaly, stands_out(np.asarray(cv2.resize(evidence.anomaly, size), np.float32), threshold))
    bar = _colour_bar(threshold, top)
    return [
        _tile("5 Structure differs (SSIM)", _heat(evidence.ssim_residual, top), bar),
        _tile("6 Features differ", _heat(evidence.feature_residual, top), bar),
        _tile("7 Detail differs, by itself or averaged", _heat(evidence.detail_residual, top), bar),
        _tile("8 Anomaly, outlined over threshold", anomaly, bar),
    ]


def _verdict(inspection: Inspection) -> Image:
    colour = VERDICT_COLOUR[inspection.verdict]
    words = [f"{describe_score(inspection)}.", f"{inspection.reason}."]
    words += [f"Print: {finding}." for finding in inspection.findings if finding not in inspection.reason]
    words += [f"Code: {code.text or 'not readable'} ({code.symbology})." for code in inspection.codes]
    text = text_block("\n".join(words), WIDTH, TITLE)[:HEIGHT]
    head = text_block(inspection.verdict, WIDTH, 3 * TITLE, ink=WHITE, paper=colour, weight=BOLD)
    body = np.vstack([head, text])[:HEIGHT]
    below = np.full((HEIGHT - body.shape[0], WIDTH, 3), 255, np.uint8)
    return _tile("9 Verdict", np.vstack([body, below]), f"{inspection.ms:.0f} ms")


def _tile(title: str, picture: Image, footer: str | Image) -> Image:
    """A picture under its title, over a footer: words, or a colour bar."""
    if isinstance(footer, str):
        footer = text_block(footer, WIDTH, SMALL, ink=GREY)
    footer = np.vstack([footer, np.full((FOOTER - footer.shape[0], WIDTH, 3), 255, np.uint8)])
    head = text_block(title, WIDTH, TITLE, weight=BOLD)
    return np.vstack([head, pad(fit(picture, HEIGHT, WIDTH), HEIGHT, WIDTH), footer])


def _rows(rows: list[list[Image]]) -> Image:
    return np.vstack([np.hstack([pad(tile, 0, tile.shape[1] + 2 * GAP) for tile in row]) for row in rows])


def _heat(deviations: NDArray[np.float32], top: float) -> Image:
    """Colour a map of deviations from 0 (dark) to `top` and above (light); safe for colour-blind people."""
    level = np.rint(255 * np.clip(np.nan_to_num(deviations) / top, 0, 1)).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO)[..., ::-1], np.uint8)


def _colour_bar(threshold: float, top: float) -> Image:
    """The scale of `_heat`, with the threshold marked."""
    bar = _heat(np.tile(np.linspace(0, top, WIDTH, dtype=np.float32), (SMALL, 1)), top)
    mark = round(threshold / top * (WIDTH - 1))
    bar[:, max(0, mark - 1) : mark + 1] = WHITE
    line = SMALL + 2
    labels = np.full((FOOTER - SMALL, WIDTH, 3), 255, np.uint8)
    write(labels, "0", (0, line), SMALL, ink=GREY)
    write(labels, f"threshold {threshold:.1f}", (mark, line), SMALL, ink=GREY)
    write(labels, f"{top:.1f} and more", (WIDTH, line), SMALL, ink=GREY)
    write(labels, "deviations from good parts", (mark, 2 * line + 4), SMALL, ink=GREY)
    return np.vstack([bar, labels])
