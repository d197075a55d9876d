"""Print zones, learned from a stream of registered good parts.

Print is where good parts differ in *strokes*. Each image is reduced to its signed stroke response; the
response's mean, variance and kurtosis over the parts, per pixel, are all that is kept, so memory does not
grow with the number of images. A fixed stroke that is registered a little differently each time varies only
as far as the mean response changes within that tolerance, which is taken off. Dirt and oil vary too, but on
few parts, which shows in the kurtosis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.config import AddedZone, ZoneKind
from pipeline.images import Grey
from pipeline.print.codes import LINEAR, Code
from pipeline.print.findings import Limits
from pipeline.print.kinds import classify, is_print
from pipeline.print.layout import box_of, find_blocks
from pipeline.print.likeness import share_alike
from pipeline.print.strokes import ink_level, ink_response, stroke_response

Ink = Literal["dark", "light", "both"]

_NOISE: Final = 1.0  # grey levels: no image is quieter
_FIXED: Final = 0.5  # of the pairs of good parts agree: what agrees so often is the same on every part
_USUAL: Final = 0.2  # of the mean of fixed ink: letters that change still overlap so much
_SAMPLES: Final = 8  # good parts kept as images, to look at contrast and to read text


@dataclass(frozen=True)
class PrintZone:
    """A place where good parts carry print that changes.

    Attributes:
        name: unique, "text 1", "datamatrix 1", ...
        kind: what it holds.
        x, y, width, height: box in pixels of the reference frame.
        dark: the ink is darker than its ground.
        level: stroke response from which on a pixel is ink, grey levels, 0..255.
        fixed: the print says the same on every part; only its place varies.
        sheet: name of the label that the zone is on and moves with; empty for print on the part itself.
        limits: what good parts show here.
    """

    name: str
    kind: ZoneKind
    x: int
    y: int
    width: int
    height: int
    dark: bool
    level: float
    fixed: bool = False
    sheet: str = ""
    limits: Limits = field(default_factory=Limits)

    @property
    def window(self) -> tuple[slice, slice]:
        """The zone's box as an index into (H, W) arrays of the reference frame."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


class ZoneLearner:
    """Learns where print is, from registered good parts of one size, one at a time."""

    def __init__(
        self,
        size: tuple[int, int],
        *,
        strokes: int,
        slack: float,
        quiet: float = 0.5,
        ink: Ink = "both",
        where: NDArray[np.bool_] | None = None,
    ) -> None:
        """Start with nothing seen.

        Args:
            size: W, H of the frame.
            strokes: widest stroke that counts as print, pixels.
            slack: px that registration into this frame may be off.
            quiet: share of the frame, at least, that shows no print.
            ink: what print can be, relative to its ground.
            where: (H, W) where print is looked for; everywhere by default.
        """
        width, height = size
        self.size = size
        self.stroke_width, self._slack, self._quiet = strokes, slack, quiet
        self._on_label = ink != "both"
        self._range = -255 if ink != "light" else 0, 255 if ink != "dark" else 0
        self._where = np.ones((height, width), bool) if where is None else where
        self._count = 0
        self._moments = np.zeros((3, height, width))  # sums of the response, its square and its fourth power
        self.samples: list[NDArray[np.uint8]] = []
        self._codes: list[tuple[str, NDArray[np.float64]]] = []

    def add(self, registered: Grey, codes: Iterable[Code] = ()) -> None:
        """Take in one good part.

        Args:
            registered: (H, W) in the reference frame.
            codes: what was decoded on it, with corners in the reference frame.
        """
        response = stroke_response(registered, self.stroke_width).clip(*self._range).astype(np.float64)
        square = response * response
        for total, power in zip(self._moments, (response, square, square * square), strict=True):
            total += power
        self._count += 1
        if len(self.samples) < _SAMPLES:
            self.samples.append(registered)
        self._codes.extend((code.symbology, code.corners) for code in codes)

    def zones(self) -> tuple[tuple[PrintZone, ...], NDArray[np.uint8]]:
        """The zones so far, and a (H, W) map: 0 outside, i + 1 where the parts vary inside zone i.

        Print that is always the same is a zone only beside print that is not, on a label that moves.
        """
        if not self._count:
            return (), np.zeros(self.size[::-1], np.uint8)
        strength, kurtosis = self._variation()
        codes = self._code_areas(linear=False)
        plain = self._where & ~np.any(codes, axis=0) if codes else self._where
        noise = max(_NOISE, float(np.quantile(strength[plain if plain.any() else self._where], self._quiet)))
        strength[~self._where] = 0
        labels = find_blocks(strength, kurtosis, self.stroke_width, codes, noise=noise, ink=self.usual_ink())
        names: Counter[str] = Counter()
        zones: list[PrintZone] = []
        kept = np.zeros_like(labels)
        for label in range(1, int(labels.max()) + 1):
            zone = self._zone(labels == label, strength, names)
            if zone is not None:
                zones.append(zone)
                kept[labels == label] = len(zones)
        if all(zone.fixed for zone in zones):  # then it is the pose that varies, not the print
            return (), np.zeros_like(labels)
        return tuple(zones), kept

    def _variation(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Strength and kurtosis of the strokes' variation, both smoothed over half a stroke's width."""
        mean, square, fourth = (total / self._count for total in self._moments)
        reach = max(1, round(self._slack))
        tolerance = np.ones((2 * reach + 1,) * 2, np.uint8)
        moved = self._slack / reach * (cv2.dilate(mean, tolerance) - cv2.erode(mean, tolerance)) / 2
        strength = np.maximum(np.sqrt(np.maximum(square - mean * mean, 0)) - moved, 0)
        window = (self.stroke_width // 2 | 1,) * 2
        smooth = cv2.blur(strength.astype(np.float32), window)
        kurtosis = cv2.blur(fourth, window) / np.maximum(cv2.blur(square, window), 1) ** 2
        if self._on_label:  # bare ground is 0 then, and tells nothing: half as many parts show each mark
            kurtosis /= 2
        # a code varies as one, its finder pattern too
        for area in self._code_areas(linear=True) + self._code_areas(linear=False):
            smooth[area], kurtosis[area] = smooth[area].max(), kurtosis[area].min()
        return np.asarray(smooth, dtype=np.float32), kurtosis.astype(np.float32)

    def usual_ink(self) -> NDArray[np.bool_] | None:
        """Where most parts have ink; None where that could be dark or light."""
        if not self._on_label:
            return None
        mean = np.abs(self._moments[0] / self._count)
        return np.asarray((mean > _USUAL * np.quantile(mean, 0.99)) & self._where)

    def _code_areas(self, *, linear: bool) -> list[NDArray[np.bool_]]:
        """Where 1-D or matrix codes were decoded, each place once."""
        areas = np.zeros(self.size[::-1], np.uint8)
        for symbology, corners in self._codes:
            if (symbology in LINEAR) is linear:
                cv2.fillConvexPoly(areas, np.rint(corners).astype(np.int32), 1)
        count, labels = cv2.connectedComponents(areas)
        return [labels == label for label in range(1, count)]

    def _zone(self, pixels: NDArray[np.bool_], strength: NDArray[np.float32], names: Counter[str]) -> PrintZone | None:
        box = box_of(pixels)
        x, y, width, height = box
        symbologies = Counter(symbology for symbology, corners in self._codes if _inside(corners, pixels))
        core = _core(pixels, strength, self.stroke_width)
        dark = _is_dark(self.samples, core)
        contrast, ground = _responses(self.samples, core, self.stroke_width, dark=dark)
        crops = [grey[y : y + height, x : x + width] for grey in self.samples]
        kind = classify(crops, symbologies, contrast)
        alike = share_alike(self.samples, box, pixels, self.stroke_width)
        if not (
            symbologies or self._on_label or is_print(crops, kind, alike=alike, width=self.stroke_width, dark=dark)
        ):
            return None
        stem = symbologies.most_common(1)[0][0].lower() if symbologies else kind.value
        names[stem] += 1
        level = ink_level(contrast, ground)
        fixed = alike > _FIXED
        return PrintZone(f"{stem} {names[stem]}", kind, x, y, width, height, dark, level, fixed)


def zone_from(added: AddedZone, samples: Sequence[NDArray[np.uint8]], strokes: int) -> PrintZone:
    """The zone that a person has drawn; how its ink looks, the samples tell.

    Args:
        added: its name, box and kind.
        samples: (H, W) grey images of good parts in the reference frame, at least one.
        strokes: widest stroke, pixels.
    """
    x, y, width, height = added.box
    box = np.zeros(samples[0].shape, bool)
    box[y : y + height, x : x + width] = True
    dark = _is_dark(samples, box)
    contrast, ground = _responses(samples, box, strokes, dark=dark)
    level = ink_level(contrast, ground)
    return PrintZone(added.name, added.kind, x, y, width, height, dark, level)


def _is_dark(samples: Sequence[NDArray[np.uint8]], core: NDArray[np.bool_]) -> bool:
    """Print is on the other side of the ground that surrounds it."""
    ring = _ring(core, 2)
    return bool(np.mean([float(grey[core].mean() - np.median(grey[ring])) for grey in samples]) < 0)


def _responses(
    samples: Sequence[NDArray[np.uint8]], core: NDArray[np.bool_], width: int, *, dark: bool
) -> tuple[float, float]:
    """Typical stroke response of the print's ink and of the ground around it."""
    ring = _ring(core, width)
    responses = [ink_response(grey, width, dark=dark) for grey in samples]
    ink = np.mean([np.percentile(response[core], 95) for response in responses])
    return float(ink), float(np.mean([np.median(response[ring]) for response in responses]))


def _core(pixels: NDArray[np.bool_], strength: NDArray[np.float32], width: int) -> NDArray[np.bool_]:
    """The part of a zone that varies most: print, without the gap between it and an edge beside it."""
    core = pixels & (strength > np.percentile(strength[pixels], 90) / 2)
    closed = cv2.morphologyEx(core.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))
    return (closed > 0) & pixels


def _ring(core: NDArray[np.bool_], margin: int) -> NDArray[np.bool_]:
    """The pixels around the core, `margin` wide."""
    grown = cv2.dilate(core.astype(np.uint8), np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    return (grown > 0) & ~core


def _inside(corners: NDArray[np.float64], pixels: NDArray[np.bool_]) -> bool:
    """Whether most of a code lies on the pixels."""
    code = cv2.fillConvexPoly(np.zeros(pixels.shape, np.uint8), np.rint(corners).astype(np.int32), 1) > 0
    return bool(np.count_nonzero(code & pixels) > np.count_nonzero(code) / 2)
