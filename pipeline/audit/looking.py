"""The audit's look at the images: a stream, in two passes, with some images in memory at a time.

The first pass, over a sample, learns what most images look like; the second compares all with that.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.audit.findings import OUTLIER, judge, robust
from pipeline.audit.ledger import Ledger, Seen
from pipeline.engines import Engine, here
from pipeline.exceptions import ImageError, UsageError
from pipeline.framing import Frame, in_pose, working_size
from pipeline.images import Image, read_image
from pipeline.quality import Conditions, measure
from pipeline.reference import WITNESSES, central_image, spread
from pipeline.registration import Registrar, Registration, untaught
from pipeline.shots import shot_of
from pipeline.storage import reaching
from pipeline.view import View

SAMPLE = 256
"""Images, spread over all, that tell what most look like."""

MEGAPIXELS = 0.05
"""Size at which light and focus are measured."""

LOOK = (32, 24)
"""Width and height of the small picture that tells parts apart."""

DIMENSIONS = 16
"""Principal components of the small pictures, kept of each image to find near duplicates."""

TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
"""A part that registers when its image is turned by this many degrees lies turned."""

Advance = Callable[[str], None]
Look = tuple[Seen, NDArray[np.float32]]
"""What a look at one image told, and where its small picture lies among the others."""


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
        trial = untaught(reference, motion=motion)
        poses = [trial.register(image) for image in images]
        middle, usual = robust(np.array([pose.quality for pose in poses]))
        least = max(0.2, middle - max(OUTLIER * usual, 0.02))
        kept = [(image, pose) for image, pose in zip(images, poses, strict=True) if pose.quality >= least]
        registrar = untaught(reference, motion=motion, min_quality=least)
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
        """(k,) coordinates of a picture among the others; two of them are as far apart as the pictures."""
        return np.asarray(self.components @ (look - self.middle), np.float32)

    def unlike(self, look: NDArray[np.float32]) -> float:
        """Grey levels by which a picture is none of them."""
        rest = look - self.middle - self.place(look) @ self.components
        return float(np.sqrt(np.square(rest).mean()))


def audit(
    folder: Path, names: Sequence[str], advance: Advance, *, motion: str, max_megapixels: float, engine: Engine = here
) -> Ledger:
    """Look at every image.

    Args:
        folder: of the images.
        names: of the image files, one or more, relative to the folder, with `/`.
        advance: told of every image done.
        motion: how far parts move, see `Registrar`.
        max_megapixels: larger files are a problem of their own.
        engine: looks at the images.

    Returns:
        An entry an image, in the order of `names`.

    Raises:
        UsageError: fewer than two images can be read.
    """
    standard = _standard(folder, names, motion, max_megapixels, advance)
    places = np.zeros((len(names), DIMENSIONS), np.float32)
    ledger = Ledger(names)
    looking = partial(_looking, folder, standard, max_megapixels)
    for index, (seen, place) in enumerate(engine(looking, names)):
        ledger.enter(index, seen)
        places[index, : len(place)] = place
        advance("looking")
    judge(ledger, places / np.float32(np.sqrt(LOOK[0] * LOOK[1])), standard.registrar.min_quality)
    return ledger


def _standard(folder: Path, names: Sequence[str], motion: str, max_megapixels: float, advance: Advance) -> Standard:
    images = []
    for name in spread(names, SAMPLE):
        with suppress(ImageError):
            images.append(_shrink(read_image(folder / name, max_megapixels=max_megapixels)))
        advance("sampling")
    shapes = Counter(image.shape for image in images)
    usual = max(shapes, key=lambda shape: (shapes[shape], shape), default=None)
    alike = [image for image in images if image.shape == usual]
    if len(alike) < 2:
        raise UsageError(f"{folder}: no two images of the same size can be read; there is nothing to compare")
    return Standard.of(alike, motion)


def _looking(folder: Path, standard: Standard, max_megapixels: float) -> Callable[[str], Look]:
    """What looks at the image of a name."""

    def look_at(name: str) -> Look:
        with reaching(folder / name):
            return _look_at(folder, name, standard, max_megapixels)

    return look_at


def _look_at(folder: Path, name: str, standard: Standard, max_megapixels: float) -> Look:
    path = folder / name
    day, camera = shot_of(path, name)
    nowhere = np.zeros(DIMENSIONS, np.float32)
    try:
        image = read_image(path, max_megapixels=max_megapixels)
        digest = int.from_bytes(hashlib.sha256(path.read_bytes()).digest()[:8])
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
    return _look(in_pose(small, registration, View.of_all((small.shape[1], small.shape[0]))))


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
