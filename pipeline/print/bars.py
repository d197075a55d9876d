"""Code 128 whose bars are about as thin as a pixel, where blur runs them together and scanning for edges fails.

Deformable templates (Gallo and Manduchi 2011, TPAMI 33:9): how each of the symbology's characters looks after
the blur is known, so each is matched as a whole against the brightness across the bars, averaged along them.
The characters found are drawn as clean bars, which zxing-cpp decodes and whose check digit it verifies.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Final

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]  # matching is all multiplication: half the time
Direction = tuple[float, float]

_MODULES: Final = 11  # of a character, three bars and three spaces
_STOP_BAR: Final = 2  # modules of the bar that follows the last character
_FEWEST: Final = 4  # characters: start, one of text, check digit, stop
_SAMPLES: Final = 8  # a module
_THINNEST, _WIDEST = 0.75, 2.5  # px a module; wider ones a decoder reads without mistakes
_BARS: Final = 3  # of a character
_DARK: Final = 0.25  # of the contrast: blur leaves a thin bar no more
_QUIET: Final = (6, 11)  # px of bare ground that end the code: beside thin bars little; wide ones have wide spaces
_BINS: Final = 8  # a pixel of the profile
_BLURS: Final = (0.4, 0.55, 0.7, 0.85, 1.05, 1.3)  # standard deviations, modules
_LIKELY: Final = 3  # rough fits that are worth a second look
_REFINEMENTS: Final = 4
_MARGIN: Final = 12  # modules of bare ground on both sides
_UNEXPLAINED: Final = 0.1  # share of the profile's variance that may be left by a reading to be believed
_START_WIDTHS: Final = ((2, 1, 1, 4, 1, 2), (2, 1, 1, 2, 1, 4), (2, 1, 1, 2, 3, 2))
_unexplained: Final = attrgetter("unexplained")
_STOP_WIDTHS: Final = ((2, 3, 3, 1, 1, 1), (2, 1, 1, 1, 3, 3))  # forwards and backwards


@dataclass(frozen=True)
class Profile:
    """Brightness across the bars, averaged along them without interpolation.

    Attributes:
        at: (N,) position across the bars, pixels from the centre of the crop.
        brightness: (N,) mean grey level there.
        weight: (N,) number of pixels it is the mean of.
    """

    at: Floats
    brightness: Floats
    weight: Floats

    def reversed(self) -> Profile:
        """As seen from the other side."""
        return Profile(-self.at[::-1], self.brightness[::-1], self.weight[::-1])


@dataclass(frozen=True)
class Fit:
    """Characters matched to a profile.

    Attributes:
        profile: what they were matched to.
        start, end: where the bars begin and end, in the profile's pixels.
        blur: standard deviation, modules.
        characters: (K,) indices into `patterns()`.
        unexplained: share of the profile's variance that they leave, 0..1.
    """

    profile: Profile
    start: float
    end: float
    blur: float
    characters: NDArray[np.intp]
    unexplained: float


def read_bars(grey: NDArray[np.uint8]) -> tuple[str, Floats] | None:
    """Read the Code 128 in a crop that holds little else.

    Args:
        grey: (H, W) dark bars on light ground, at any angle.

    Returns:
        The text, and the (4, 2) corners x, y of the bars in the crop; None where no code fits.
    """
    angle, _ = orientation(grey)
    across = math.cos(angle), math.sin(angle)
    profile, rows = _profile(grey, across)
    spans = dict.fromkeys(_span(profile, quiet) for quiet in _QUIET)  # each once, in their order
    for fit in (fit for span in spans if span for fit in _fits(profile, *span)):
        if text := _decode(fit):
            sign = 1 if fit.profile is profile else -1
            return text, _corners(grey, across, (sign * fit.start, sign * fit.end), rows)
    return None


def orientation(grey: NDArray[np.uint8]) -> tuple[float, float]:
    """Direction across parallel edges and how parallel they are, from the structure tensor.

    Bigun and Granlund 1987, ICCV.

    Returns:
        The angle in radians, -pi/2..pi/2, x towards y; and the coherence, 0..1: 1 for parallel bars.
    """
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    xx, yy, xy = float((gx * gx).mean()), float((gy * gy).mean()), float((gx * gy).mean())
    coherence = math.hypot(xx - yy, 2 * xy) / max(xx + yy, np.finfo(float).tiny)
    return 0.5 * math.atan2(2 * xy, xx - yy), coherence


def straighten(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn a crop of parallel bars by less than 45 degrees or by about 90, so that they stand upright."""
    angle, _ = orientation(grey)
    height, width = grey.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), math.degrees(angle), 1.0)
    size = (width, height) if abs(angle) < math.pi / 4 else (height, width)
    turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return np.asarray(cv2.warpAffine(grey, turn, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


@cache
def patterns() -> NDArray[np.uint8]:
    """(108, 11) modules, 1 = bar: what ISO/IEC 15417 makes characters of, and the stop read backwards.

    Three bars and three spaces of 1 to 4 modules, the bars an even number of modules together.
    """
    widths = itertools.product(range(1, 5), repeat=6)
    return np.array([_modules(w) for w in widths if sum(w) == _MODULES and sum(w[::2]) % 2 == 0])


def _modules(widths: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.repeat(np.array((1, 0) * 3, np.uint8), widths)


@cache
def _forbidden(count: int) -> Singles:
    """(count, 108) infinite where a pattern may not be that character of a code of so many."""
    starts = [_index(widths) for widths in _START_WIDTHS]
    stops = [_index(widths) for widths in _STOP_WIDTHS]
    forbidden = np.zeros((count, len(patterns())), np.float32)
    forbidden[:, starts + stops] = np.inf
    forbidden[[0, -1]] = np.inf
    forbidden[0, starts] = forbidden[-1, stops[0]] = 0
    return forbidden


def _index(widths: tuple[int, ...]) -> int:
    return int(np.flatnonzero((patterns() == _modules(widths)).all(axis=1))[0])


@cache
def _templates(blur: float) -> Singles:
    """(2, 11 * samples, 4 * 108) darkness of each pattern between narrow and wide neighbours, blurred; and squared."""
    count = len(patterns())
    neighbours = itertools.product(((1, 0), (0, 0)), ((1, 0), (1, 1)))
    modules = [
        np.hstack([np.tile(before, (count, 1)), patterns(), np.tile(after, (count, 1))]) for before, after in neighbours
    ]
    blurred = _blurred(np.vstack(modules), blur)
    template = np.ascontiguousarray(blurred[:, 2 * _SAMPLES : -2 * _SAMPLES].T, np.float32)
    return np.stack([template, template**2])


def _blurred(modules: NDArray[np.uint8], blur: float) -> Floats:
    fine = np.repeat(modules, _SAMPLES, axis=1).astype(np.float64)
    kernel = cv2.getGaussianKernel(4 * _SAMPLES + 1, blur * _SAMPLES, cv2.CV_64F)
    return np.asarray(cv2.sepFilter2D(fine, cv2.CV_64F, kernel, np.ones(1)), dtype=np.float64)


def _profile(grey: NDArray[np.uint8], across: Direction) -> tuple[Profile, tuple[float, float]]:
    """The profile, and from where to where along the bars it was taken."""
    along, at = _along_and_across(grey.shape, across)
    low, high = _barred(grey, along, across)
    band = (along >= low) & (along <= high)
    index = np.floor(at[band] * _BINS).astype(int)
    first = int(index.min())
    count = np.bincount(index - first)
    total = np.bincount(index - first, grey[band])
    seen = count > 0
    position = (np.flatnonzero(seen) + first + 0.5) / _BINS
    return Profile(position, total[seen] / count[seen], count[seen].astype(np.float64)), (low, high)


def _along_and_across(shape: tuple[int, ...], across: Direction) -> tuple[Floats, Floats]:
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float64)
    x, y = x - width / 2, y - height / 2
    return y * across[0] - x * across[1], x * across[0] + y * across[1]


def _barred(grey: NDArray[np.uint8], along: Floats, across: Direction) -> tuple[float, float]:
    """From where to where along the bars there are bars: the most rows on end that change across them."""
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    row = np.rint(along).astype(int)
    first = int(row.min())
    change = np.bincount((row - first).ravel(), np.abs(gx * across[0] + gy * across[1]).ravel())
    rows = np.flatnonzero(change >= 0.7 * np.percentile(change, 95)) + first
    run = longest_run(rows)
    inset = len(run) // 8  # the ends of the bars are blurred, and cut slantwise where the crop is
    return float(run[inset]), float(run[-1 - inset])


def longest_run(numbers: NDArray[np.intp]) -> NDArray[np.intp]:
    """The longest piece without a gap of ascending whole numbers, at least one."""
    return max(np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1), key=len)


def _span(profile: Profile, quiet: float) -> tuple[float, float] | None:
    """Where the bars in the middle begin and end; None where there are none, or none that are thin."""
    white, black = np.percentile(profile.brightness, (95, 5))
    dark = np.flatnonzero(profile.brightness < white - _DARK * (white - black))
    gaps = np.diff(profile.at[dark])
    runs = np.split(dark, np.flatnonzero(gaps > quiet) + 1)
    run = min(runs, key=lambda run: float(np.abs(profile.at[run]).min(initial=np.inf)))
    if not run.size:
        return None
    start, end = profile.at[run[[0, -1]]]
    bars = 1 + np.count_nonzero(np.diff(run) > 1)
    thick = end - start > bars / _BARS * _MODULES * _WIDEST * 2  # blur hides up to half of thin bars
    return None if thick or end - start < _FEWEST * _MODULES * _THINNEST else (float(start), float(end))


def _fits(profile: Profile, start: float, end: float) -> Iterator[Fit]:
    """The likeliest directions and numbers of characters at rough places, each then brought to its exact place."""
    length = (end - start) / _MODULES
    counts = range(max(_FEWEST, int(length / _WIDEST)), int(length / _THINNEST) + 1)
    sides = (profile, start, end), (profile.reversed(), -end, -start)
    rough = [_match(*side, count, _BLURS[1], rough=True) for side in sides for count in counts]
    for fit in map(_refine, sorted(rough, key=_unexplained)[:_LIKELY]):
        place = fit.profile, fit.start, fit.end, len(fit.characters)
        yield min((_match(*place, blur) for blur in _BLURS), key=_unexplained)


def _refine(fit: Fit) -> Fit:
    """Place and characters in turns, each given the other."""
    for _ in range(_REFINEMENTS):
        fit = _match(fit.profile, *_place(fit), len(fit.characters), fit.blur)
    return fit


def _match(profile: Profile, start: float, end: float, count: int, blur: float, *, rough: bool = False) -> Fit:
    """The likeliest character at each of `count` places, by least squares over brightness and contrast.

    A `rough` match takes all characters to have narrow neighbours, for a quarter of the time.
    """
    weight, total = _sampled(profile, start, end, count)
    template, squared = _templates(blur)[..., : len(patterns()) if rough else None]
    n, y, x = weight.sum(axis=1)[:, None], total.sum(axis=1)[:, None], weight @ template
    xx, xy = weight @ squared - x * x / n, total @ template - x * y / n
    yy = (total**2 / np.maximum(weight, 1)).sum(axis=1)[:, None] - y * y / n
    left = (yy - np.minimum(xy, 0) ** 2 / xx).reshape(count, -1, len(patterns())).min(axis=1) + _forbidden(count)
    characters = left.argmin(axis=1)
    return Fit(profile, start, end, blur, characters, float(left.min(axis=1).sum() / yy.sum()))


def _sampled(profile: Profile, start: float, end: float, count: int) -> tuple[Singles, Singles]:
    """Pixels, and their brightness added up, in each sample of each character: (count, 11 * samples) both."""
    samples = count * _MODULES * _SAMPLES
    bars = count * _MODULES + _STOP_BAR
    index = np.floor((profile.at - start) / (end - start) * bars * _SAMPLES).astype(int)
    inside = (index >= 0) & (index < samples)
    weight = np.bincount(index[inside], profile.weight[inside], samples).astype(np.float32)
    total = np.bincount(index[inside], (profile.weight * profile.brightness)[inside], samples).astype(np.float32)
    return weight.reshape(count, -1), total.reshape(count, -1)


def _place(fit: Fit) -> tuple[float, float]:
    """Where the bars of a fit begin and end: one Gauss-Newton step over both, brightness and contrast."""
    profile, modules = fit.profile, _bars(fit)
    darkness = _blurred(modules[None], fit.blur)[0]
    count = len(modules) - 2 * _MARGIN
    where = (profile.at - fit.start) / (fit.end - fit.start) * count
    near = (where > -_MARGIN) & (where < count + _MARGIN)
    grid = (np.arange(len(darkness)) + 0.5) / _SAMPLES - _MARGIN
    share = where[near] / count
    model = np.interp(where[near], grid, darkness)
    slope = np.interp(where[near], grid, np.gradient(darkness, 1 / _SAMPLES))
    terms = np.stack([np.ones_like(model), model, slope * (1 - share), slope * share], axis=1)
    weight = np.sqrt(profile.weight[near])
    solution = np.linalg.lstsq(terms * weight[:, None], profile.brightness[near] * weight, rcond=None)[0]
    module = (fit.end - fit.start) / count
    step = np.clip(solution[2:] / min(solution[1], -1.0), -1, 1) * module
    return fit.start - float(step[0]), fit.end - float(step[1])


def _bars(fit: Fit) -> NDArray[np.uint8]:
    """The modules of a fit, 1 = bar, between bare ground."""
    return np.pad(np.append(patterns()[fit.characters].ravel(), (1,) * _STOP_BAR), _MARGIN).astype(np.uint8)


def _decode(fit: Fit) -> str:
    """What the characters say; empty where they leave too much unexplained, or their check digit is wrong."""
    if fit.unexplained > _UNEXPLAINED:
        return ""
    found = zxingcpp.read_barcodes(_draw(fit), formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.Code128]))
    return found[0].text if found else ""


def _draw(fit: Fit) -> NDArray[np.uint8]:
    """The code as it should have been printed."""
    return np.tile(np.where(np.repeat(_bars(fit), 3) > 0, 0, 255).astype(np.uint8), (30, 1))


def _corners(
    grey: NDArray[np.uint8], across: Direction, span: tuple[float, float], rows: tuple[float, float]
) -> Floats:
    start, end = span
    low, high = rows
    ends = np.array([(start, low), (end, low), (end, high), (start, high)])
    axes = np.array([across, (-across[1], across[0])])
    return np.asarray(ends @ axes + np.array([grey.shape[1], grey.shape[0]]) / 2)
