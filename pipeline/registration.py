"""Registration: bring the part onto the reference pose, and know when that failed."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.coarse_pose import CoarseSearch
from pipeline.images import Image, Mask, shrink, size_within

Matrix = NDArray[np.float64]

SEARCH_SIDE = 160
"""Longest side of the image the pose is searched on: sub-pixel alignment finds a tenth of its pixels."""

SURE = 0.95
"""Correlation from which on alignment from rest is not doubted, and no farther pose is tried."""

LEAST_SEEN = 0.25
"""Share of the reference that the image must show: a sliver correlates with anything."""

DARK = 16.0
"""Grey levels added before the logarithm, so that noise in the dark is not blown up."""

LIGHT = 8.0
"""Pixels of the searched image over which light is even: what changes slower is taken out."""

ALL_TURNS = tuple(float(degrees) for degrees in range(0, 360, 12))
TURNS: dict[str, tuple[float, ...]] = {"far": (0.0,), "any": ALL_TURNS, "affine": ALL_TURNS}
"""Degrees that the coarse search tries, by motion: alignment finds the way from half a step beside."""

SIZES: dict[str, tuple[float, ...]] = {"affine": (0.8, 0.9, 1.0, 1.12, 1.25)}
"""How many times as large as the reference parts may be seen, by motion; those of others are as large."""

STRETCHED = 1.25
"""How much longer one side of a part may be seen than the other, against the reference: more is another part."""

START_ITERATIONS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-3)
ITERATIONS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-4)
"""When alignment ends: of the start, and of the pose itself."""


@dataclass(frozen=True)
class Registration:
    """Where the part lies in one image.

    Attributes:
        matrix: (2, 3) float64, maps pixels (x, y) of the original to the reference frame.
        quality: correlation with the reference after alignment, -1..1.
        found: False where the pose is not to be trusted; the verdict is then REVIEW.
    """

    matrix: Matrix
    quality: float
    found: bool

    @property
    def size(self) -> float:
        """How many times as large as in the reference the part is seen: the root of the areas' ratio."""
        return float(abs(np.linalg.det(self.matrix[:, :2])) ** -0.5)

    def to_original(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map (N, 2) points (x, y) of the reference frame to the original image."""
        inverse = cv2.invertAffineTransform(self.matrix)
        return np.asarray(points @ inverse[:, :2].T + inverse[:, 2])


class Registrar:
    """Finds the pose of a part against a reference image by ECC (Evangelidis and Psarakis 2008, TPAMI 30:10).

    Args:
        reference: (H, W, 3) uint8 RGB, a good part in the pose that all others are brought to.
        motion: `euclidean` for small moves, `far` for shifts of up to a quarter of the image, `any` for any turn as
            well, `affine` for parts that are nearer to the camera or farther from it, too, and seen a little from
            aside, or `none` where parts have no common pose.
        min_quality: correlation below which a pose is not trusted; learned from good parts.
        part: (H, W) uint8, not 0 where the reference shows what is looked for; None for all of it. Where parts are
            searched for over the image, it is found all the finer, the smaller it is.
    """

    def __init__(self, reference: Image, *, motion: str, min_quality: float, part: Mask | None = None) -> None:
        self.size = (reference.shape[1], reference.shape[0])
        self.motion = motion
        self.min_quality = min_quality
        sought = middle_of(self.size) if part is None else part
        part = np.full(reference.shape[:2], 255, np.uint8) if part is None else part
        shown = max(cv2.boundingRect(part)[2:]) / max(self.size)
        self._search_size = size_within(self.size, round(SEARCH_SIDE / shown))
        self._scaling = pixel_scaling(self.size, self._search_size)
        lit = self._shrink(reference)
        small = even(lit)
        part, sought = (_resized(mask, self._search_size) for mask in (part, sought))
        left, top, width, height = cv2.boundingRect(part)
        self._window = (slice(top, top + height), slice(left, left + width))
        self._corner = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], np.float64)
        self._part = np.where(part[self._window] > 0, 255, 0).astype(np.uint8)
        self._lit_reference, self._reference = lit[self._window], small[self._window]
        self._sizes = SIZES.get(motion, (1.0,))
        self._model = cv2.MOTION_AFFINE if motion in SIZES else cv2.MOTION_EUCLIDEAN
        self._coarse = CoarseSearch(small, sought, TURNS[motion], self._sizes) if motion in TURNS else None

    def register(self, image: Image) -> Registration:
        """Find the pose of the part in an image of the reference's size, (H, W, 3) uint8 RGB."""
        if self.motion == "none":
            return Registration(np.eye(2, 3), 1.0, True)
        quality, warp = self._search(self._shrink(image))
        if quality < 0:
            return Registration(np.eye(2, 3), -1.0, False)
        to_reference = self._corner @ np.linalg.inv(square(warp.astype(np.float64)))
        whole = np.linalg.inv(self._scaling) @ to_reference @ self._scaling
        return Registration(whole[:2], quality, quality >= self.min_quality)

    def _search(self, lit: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        """Correlation, and the way from the reference to the image; a turned part may seem to fit at rest too."""
        small = even(lit)
        rest = self._align(small, self._start(lit))
        if self._coarse is None or (self.motion == "far" and rest[0] >= SURE):
            return rest
        tried = [rest, *(self._align(small, self._from_corner(start)) for start in self._coarse.candidates(small))]
        return max(tried, key=lambda pair: pair[0])

    def _from_corner(self, warp: NDArray[np.float32]) -> NDArray[np.float32]:
        """The way from the reference, begun at the corner of what is looked for in it."""
        return np.asarray((square(warp.astype(np.float64)) @ self._corner)[:2], np.float32)

    def _start(self, lit: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where the image fits light and all: off by pixels where light falls from aside, but found from farther."""
        there = lit[self._window]
        found = _ecc(self._lit_reference, there, self._part, START_ITERATIONS)
        warp = np.eye(2, 3) if found is None else found[1].astype(np.float64)
        return (self._corner @ square(warp))[:2].astype(np.float32)

    def _align(self, small: NDArray[np.float32], start: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        """The image is brought near first: ECC takes the turn from its sine, which tells no more than 90 degrees."""
        way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = self._reference.shape[::-1]
        near = cv2.warpAffine(small, start, size, flags=way, borderMode=cv2.BORDER_REPLICATE)
        inside = cv2.warpAffine(np.full(small.shape, 255, np.uint8), start, size, flags=way)
        seen = np.where(inside == 255, self._part, 0).astype(np.uint8)
        if np.count_nonzero(seen) < LEAST_SEEN * np.count_nonzero(self._part):
            return -1.0, start
        found = _ecc(self._reference, np.asarray(near, np.float32), seen, ITERATIONS, self._model)
        if found is None:
            return -1.0, start
        quality, warp = found
        whole = square(start.astype(np.float64)) @ square(warp.astype(np.float64))
        return quality if self._likely(whole) else -1.0, whole[:2].astype(np.float32)

    def _likely(self, way: Matrix) -> bool:
        """Whether a part can be seen so large and so much from aside; turned and moved it can be anyhow."""
        longer, shorter = np.linalg.svd(way[:2, :2], compute_uv=False)
        as_large = longer <= max(self._sizes) * STRETCHED and shorter * STRETCHED >= min(self._sizes)
        return bool(as_large and longer <= STRETCHED * shorter)

    def _shrink(self, image: Image) -> NDArray[np.float32]:
        small = shrink(image, self._search_size)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)
        return np.asarray(cv2.GaussianBlur(grey, (3, 3), 0), np.float32)


def untaught(reference: Image, *, motion: str, min_quality: float = -1.0) -> Registrar:
    """Finds poses before anything is known of the part: where parts are searched for, the middle tells of them alone.

    Args:
        reference: (H, W, 3) uint8 RGB, a good part.
        motion, min_quality: see `Registrar`; what is found is trusted unless said otherwise.
    """
    part = middle_of((reference.shape[1], reference.shape[0])) if motion in TURNS else None
    return Registrar(reference, motion=motion, min_quality=min_quality, part=part)


def middle_of(size: tuple[int, int]) -> Mask:
    """(H, W) uint8, 255 in the middle of an image of this width and height: of a part that has moved, it shows some."""
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    mask[height // 4 : height - height // 4, width // 4 : width - width // 4] = 255
    return mask


def _resized(mask: Mask, size: tuple[int, int]) -> Mask:
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)


def _ecc(
    reference: NDArray[np.float32],
    image: NDArray[np.float32],
    seen: Mask,
    iterations: tuple[int, int, float],
    model: int = cv2.MOTION_EUCLIDEAN,
) -> tuple[float, NDArray[np.float32]] | None:
    """Correlation, and the way from the reference to an image near it; None where there is none."""
    rest = np.eye(2, 3, dtype=np.float32)
    try:
        quality, warp = cv2.findTransformECC(reference, image, rest, model, iterations, seen, 5)
    except cv2.error:  # no convergence, or an image without any structure
        return None
    return float(quality), np.asarray(warp, np.float32)


def even(lit: NDArray[np.float32]) -> NDArray[np.float32]:
    """Contrast of grey levels (h, w), freed of the light's level and slope, which would pull a pose by pixels."""
    brightness = np.log(lit + DARK)
    return np.asarray(brightness - cv2.GaussianBlur(brightness, (0, 0), LIGHT), np.float32)


def learned_min_quality(qualities: NDArray[np.float64]) -> float:
    """The correlation below which a pose is not trusted: well under what good parts show.

    Args:
        qualities: (N,) correlations of good parts, -1..1.
    """
    low, middle = np.percentile(qualities, (1, 50))
    return float(max(0.2, low - 3 * (middle - low) - 0.02))


def between(one: Registration, other: Registration) -> Matrix:
    """The (2, 3) matrix from the frame of one registration to that of another."""
    whole = square(other.matrix) @ np.linalg.inv(square(one.matrix))
    return np.asarray(whole[:2])


def pixel_scaling(size: tuple[int, ...], to: tuple[int, ...]) -> Matrix:
    """The 3x3 matrix from pixels of one size to pixels of another; pixel centres lie at whole numbers."""
    x, y = to[0] / size[0], to[1] / size[1]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def square(matrix: Matrix) -> Matrix:
    """A (2, 3) matrix as one of (3, 3), which can be multiplied with others."""
    return np.vstack([matrix, [0, 0, 1]])
