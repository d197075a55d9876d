"""Audit of good images before a training: what is unreadable, seen twice, taken differently, or another part.

A stream: two passes, some images in memory at a time. What is kept of one is a row of numbers.
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.engines import Engine, here
from pipeline.exceptions import ImageError, UsageError
from pipeline.framing import Frame, in_pose, working_size
from pipeline.images import Image, read_image
from pipeline.quality import Conditions, measure
from pipeline.reference import WITNESSES, central_image, spread
from pipeline.registration import Registrar, Registration
from pipeline.shots import shot_of
from pipeline.storage import reaching

SAMPLE = 256
"""Images, spread over all, that tell what most look like."""

MEGAPIXELS = 0.05
"""Size at which light and focus are measured."""

LOOK = (32, 24)
"""Width and height of the small picture that tells parts apart."""

DIMENSIONS = 16
"""Principal components of the small pictures that are kept of each image to find near duplicates."""

OUTLIER = 6.0
"""Robust deviations beyond which an image is out of the ordinary."""

TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
"""A part that registers when its image is turned by this many degrees lies turned."""

Advance = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one image; of a hundred thousand all are in memory, so it is kept small.

    Attributes:
        image: path relative to the folder, with `/`.
        day, camera: when and by what it was taken, as far as its metadata, its path or the file's date tell.
        problem: why it cannot be used at all; empty where it can.
        digest: SHA-256 of the file; empty where there is a problem.
        width, height: pixels.
        brightness, contrast, focus: see `pipeline.quality.Conditions`.
        pose: correlation with the reference after registration, -1..1.
        unlike: grey levels by which its small picture departs from what the sample shows.
        turned: degrees by which its image has to be turned to register; 0 where that does not help.
        findings: what is wrong with it, in words.
        suspicion: 0 for an ordinary image; from 1 on, look at it.
    """

    image: str
    day: str
    camera: str
    problem: str = ""
    digest: bytes = b""
    width: int = 0
    height: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    focus: float = 0.0
    pose: float = 0.0
    unlike: float = 0.0
    turned: int = 0
    findings: tuple[str, ...] = ()
    suspicion: float = 0.0


@dataclass(frozen=True)
class Standard:
    """What most images look like, from a sample.

    Attributes:
        registrar: finds the pose of the part.
        part: small pictures of the registered part.
        view: small pictures of the image as it is: what tells two shots of a part from one.
    """

    registrar: Registrar
    part: "Looks"
    view: "Looks"

    @classmethod
    def of(cls, images: Sequence[Image], motion: str) -> "Standard":
        """Learn from the small images of a sample, all of one size; those that do not register are left out."""
        reference = central_image(spread(images, WITNESSES), motion=motion)
        trial = Registrar(reference, motion=motion, min_quality=-1.0)
        poses = [trial.register(image) for image in images]
        middle, usual = _robust([pose.quality for pose in poses])
        least = max(0.2, middle - max(OUTLIER * usual, 0.02))
        kept = [(image, pose) for image, pose in zip(images, poses, strict=True) if pose.quality >= least]
        registrar = Registrar(reference, motion=motion, min_quality=least)
        views = [_look(image) for image, _ in kept]
        return cls(registrar, Looks.of([_registered(image, pose) for image, pose in kept]), Looks.of(views))


@dataclass(frozen=True)
class Looks:
    """How small pictures of a sample differ: (d,) their median, and (k, d) principal components around it."""

    middle: NDArray[np.float32]
    components: NDArray[np.float32]

    @classmethod
    def of(cls, looks: Sequence[NDArray[np.float32]]) -> "Looks":
        """Learn from (d,) pictures."""
        together = np.stack(looks)
        middle = np.median(together, axis=0)
        _, _, components = np.linalg.svd(together - middle, full_matrices=False)
        return cls(middle, components[: min(DIMENSIONS, len(looks) // 4 + 1)])

    def place(self, look: NDArray[np.float32]) -> NDArray[np.float32]:
        """(k,) coordinates of a picture among the others."""
        return np.asarray(self.components @ (look - self.middle), np.float32)

    def unlike(self, look: NDArray[np.float32]) -> float:
        """Grey levels by which a picture is none of them."""
        rest = look - self.middle - self.place(look) @ self.components
        return float(np.sqrt(np.square(rest).mean()))


def audit(
    folder: Path, paths: Sequence[Path], advance: Advance, *, motion: str, max_megapixels: float, engine: Engine = here
) -> list[Seen]:
    """Look at every image.

    Args:
        folder: that the paths lie in.
        paths: image files, one or more.
        advance: told of every image done.
        motion: how far parts move, see `Registrar`.
        max_megapixels: larger files are a problem of their own.
        engine: looks at the images.

    Returns:
        One entry an image, in the order of `paths`.

    Raises:
        UsageError: fewer than two images can be read.
    """
    standard = _standard(paths, motion, max_megapixels, advance)
    places = np.zeros((len(paths), DIMENSIONS), np.float32)

    def look_at(path: Path) -> tuple[Seen, NDArray[np.float32]]:
        with reaching(path):
            return _look_at(folder, path, standard, max_megapixels)

    found = []
    for index, (seen, place) in enumerate(engine(lambda: look_at, paths)):
        places[index, : len(place)] = place
        found.append(replace(seen, day=sys.intern(seen.day), camera=sys.intern(seen.camera)))
        advance("looking")
    return judge(found, places, standard.registrar.min_quality)


def _standard(paths: Sequence[Path], motion: str, max_megapixels: float, advance: Advance) -> Standard:
    images = []
    for path in spread(paths, SAMPLE):
        with suppress(ImageError):
            images.append(_shrink(read_image(path, max_megapixels=max_megapixels)))
        advance("sampling")
    shapes = Counter(image.shape for image in images)
    usual = max(shapes, key=lambda shape: (shapes[shape], shape), default=None)
    alike = [image for image in images if image.shape == usual]
    if len(alike) < 2:
        raise UsageError(f"{paths[0].parent}: no two images of the same size can be read; there is nothing to compare")
    return Standard.of(alike, motion)


def _look_at(folder: Path, path: Path, standard: Standard, max_megapixels: float) -> tuple[Seen, NDArray[np.float32]]:
    name = path.relative_to(folder).as_posix()
    day, camera = shot_of(path, name)
    nowhere = np.zeros(DIMENSIONS, np.float32)
    try:
        image = read_image(path, max_megapixels=max_megapixels)
        digest = hashlib.sha256(path.read_bytes()).digest()
    except (ImageError, OSError) as error:
        return Seen(name, day, camera, problem=str(error)), nowhere
    seen = Seen(name, day, camera, digest=digest, width=image.shape[1], height=image.shape[0])
    small = _shrink(image)
    if small.shape[1::-1] != standard.registrar.size:
        return seen, nowhere
    registration = standard.registrar.register(small)
    conditions = _conditions(small, registration)
    unlike = standard.part.unlike(_registered(small, registration))
    seen = replace(
        seen, brightness=conditions.brightness, contrast=conditions.contrast, focus=conditions.focus,
        pose=conditions.pose, unlike=unlike,
    )  # fmt: skip
    if conditions.pose < standard.registrar.min_quality:
        seen = replace(seen, turned=_turned(small, standard.registrar))
    return seen, standard.view.place(_look(small))


def _shrink(image: Image) -> Image:
    width, height = working_size((image.shape[1], image.shape[0]), megapixels=MEGAPIXELS)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _conditions(small: Image, registration: Registration) -> Conditions:
    """Of the image as it is: registering it would blur it, and the reference alone would stay sharp."""
    nothing = np.zeros(small.shape[:2], np.uint8)
    return measure(Frame(small, nothing), registration, nothing)


def _registered(small: Image, registration: Registration) -> NDArray[np.float32]:
    return _look(in_pose(small, registration, (small.shape[1], small.shape[0])))


def _look(image: Image) -> NDArray[np.float32]:
    """(d,) a small grey picture, of mean 0: light alone makes no other part."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    look = np.asarray(cv2.resize(grey, LOOK, interpolation=cv2.INTER_AREA), np.float32).ravel()
    return np.asarray(look - look.mean(), np.float32)


def _turned(small: Image, registrar: Registrar) -> int:
    """The turn after which the part registers, in degrees; 0 where none helps."""
    for degrees, turn in TURNS.items():
        turned = np.asarray(cv2.rotate(small, turn), np.uint8)
        if turned.shape[1::-1] == registrar.size and registrar.register(turned).found:
            return degrees
    return 0


def judge(found: Sequence[Seen], places: NDArray[np.float32], min_quality: float) -> list[Seen]:
    """Say of each image what is out of the ordinary among all of them.

    Args:
        found: of all images.
        places: (N, k) where their small pictures lie among each other.
        min_quality: correlation below which a pose is not trusted.
    """
    sizes = Counter((seen.width, seen.height) for seen in found if not seen.problem)
    usual = max(sizes, key=lambda size: (sizes[size], size), default=(0, 0))
    alike = np.array([not seen.problem and (seen.width, seen.height) == usual for seen in found])
    found_here = [seen for seen, same in zip(found, alike, strict=True) if same and seen.pose >= min_quality]
    usually = {name: _robust([getattr(seen, name) for seen in found_here]) for name in MEASURES}
    copies = _copies(found)
    twins = _twins(found, places, alike)
    judged = []
    for index, seen in enumerate(found):
        findings = list(_findings(seen, usual, usually, min_quality))
        if copies[index] != index:
            findings.append((20.0, f"the same file as {found[copies[index]].image}"))
        elif twins[index] != index:
            findings.append((2.0, f"nearly the same image as {found[twins[index]].image}"))
        findings.sort(reverse=True)
        words = tuple(words for _, words in findings)
        judged.append(replace(seen, findings=words, suspicion=findings[0][0] if findings else 0.0))
    return judged


MEASURES = {
    "brightness": ("too dark", "too bright", 3.0),
    "contrast": ("too little contrast", "too much contrast", 2.0),
    "focus": ("blurred", "sharper or noisier than the others", 1.0),
    "unlike": ("", "looks unlike the others: another part, another side, or a fault", 0.5),
}
"""What is said below and above the usual, and the least deviation that counts, in the unit of the measure."""


def _findings(
    seen: Seen, usual: tuple[int, int], usually: dict[str, tuple[float, float]], min_quality: float
) -> Iterator[tuple[float, str]]:
    if seen.problem:
        yield 100.0, seen.problem
        return
    if (seen.width, seen.height) != usual:
        yield 50.0, f"of another size than most ({seen.width}x{seen.height}, most {usual[0]}x{usual[1]} px)"
        return
    if seen.turned:
        yield 40.0, f"the part lies turned by {360 - seen.turned} degrees"
    elif seen.pose < min_quality:
        yield 30.0, f"the pose was not found (correlation {seen.pose:.2f}): another part, another side, out of place"
    for name, (below, above, least) in MEASURES.items():
        middle, spread_of = usually[name]
        value = getattr(seen, name)
        beyond = (value - middle) / max(spread_of, least / OUTLIER)
        words = above if beyond > 0 else below
        if abs(beyond) > OUTLIER and words:
            yield abs(beyond) / OUTLIER, f"{words} ({name} {value:.3g}, most {middle:.3g})"


def _robust(values: Sequence[float]) -> tuple[float, float]:
    """Median, and the deviation that the median absolute one stands for on a normal distribution."""
    if not values:
        return 0.0, 0.0
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(np.array(values) - middle)))


def _copies(found: Sequence[Seen]) -> list[int]:
    """For each image the first one with the same content."""
    first: dict[bytes, int] = {}
    return [first.setdefault(seen.digest, index) if seen.digest else index for index, seen in enumerate(found)]


NEAR = 0.2
"""Near duplicates: nearer to each other than this share of the usual distance between neighbours, ..."""

NEAR_LEVELS = 0.25
"""... and than so many grey levels of the small picture."""


def _twins(found: Sequence[Seen], places: NDArray[np.float32], alike: NDArray[np.bool_]) -> list[int]:
    """For each image an earlier one that is nearly the same: a part that was shot twice, a file saved anew.

    Among good parts all images look alike; those are suspicious that are much nearer than neighbours usually are.
    """
    twins = list(range(len(found)))
    numbers = np.flatnonzero(alike)
    if len(numbers) < 3:
        return twins
    distances, neighbours = cKDTree(places[numbers]).query(places[numbers], k=2)
    gaps = distances.max(axis=1) / np.sqrt(LOOK[0] * LOOK[1])
    near = min(NEAR_LEVELS, NEAR * float(np.median(gaps)))
    for own, (gap, pair) in enumerate(zip(gaps, neighbours, strict=True)):
        other = int(pair[1] if pair[0] == own else pair[0])
        one, two = found[numbers[own]], found[numbers[other]]
        if gap < near and other < own and abs(one.brightness - two.brightness) < 1:
            twins[numbers[own]] = int(numbers[other])
    return twins


@dataclass(frozen=True)
class Group:
    """Images of one day and camera: how many, how many are suspicious, and the median of each measure."""

    day: str
    camera: str
    images: int
    suspicious: int
    brightness: float
    contrast: float
    focus: float
    pose: float


def groups(found: Sequence[Seen]) -> list[Group]:
    """The groups by day and camera, in the order of days."""
    members: dict[tuple[str, str], list[Seen]] = {}
    for seen in found:
        members.setdefault((seen.day, seen.camera), []).append(seen)
    return [
        Group(
            *key, len(some), sum(seen.suspicion >= 1 for seen in some),
            *(_robust([getattr(seen, name) for seen in some if seen.pose])[0] for name in MEDIANS),
        )
        for key, some in sorted(members.items())
    ]  # fmt: skip


MEDIANS = ("brightness", "contrast", "focus", "pose")
