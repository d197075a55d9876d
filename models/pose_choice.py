"""How far parts move: the simplest kind of registration that brings good parts onto each other."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.config import Config
from pipeline.exceptions import ImageError
from pipeline.images import Image, read_image, shrink, size_within
from pipeline.reference import spread
from pipeline.registration import Registrar, even
from pipeline.view import View

MOTIONS = ("euclidean", "far", "any", "affine")
"""From the simplest on."""

SAMPLE, REFERENCES = 24, 3
"""Images that are looked at, and how many of them are tried as the one that the others are brought to."""

GAIN = 0.045
"""Agreement that a less simple kind must add: with more freedom, chance alone fits a little better."""

LEAST = 0.25
"""Agreement below which parts have no common pose."""

SIDE = 128
"""Longest side of the images that are compared."""


def resolve_motion(paths: Sequence[Path], config: Config) -> Config:
    """Replace `registration.motion: auto` by what fits the good parts.

    Args:
        paths: image files of good parts.
        config: the configuration.

    Returns:
        The same configuration with a definite motion: the first of MOTIONS that agrees nearly as well as the best,
        or `none` where no kind brings the parts onto each other.
    """
    if config.registration.motion != "auto":
        return config
    images = _sample(paths, config)
    agreement = {motion: _best_agreement(images, motion) for motion in MOTIONS}
    best = max(agreement.values(), default=0.0)
    simplest = next(motion for motion in MOTIONS if agreement[motion] >= best - GAIN)
    motion = simplest if best >= LEAST else "none"
    return config.model_copy(update={"registration": config.registration.model_copy(update={"motion": motion})})


def _sample(paths: Sequence[Path], config: Config) -> list[Image]:
    """Readable images of the most frequent size."""
    images = []
    for path in spread(list(paths), SAMPLE):
        try:
            images.append(read_image(path, max_megapixels=config.image.max_megapixels))
        except ImageError:  # training will say so
            continue
    shapes = [image.shape for image in images]
    return [image for image in images if image.shape == max(shapes, key=shapes.count)]


def _best_agreement(images: list[Image], motion: str) -> float:
    references = images[:: max(1, len(images) // REFERENCES)][:REFERENCES]
    return max((_agreement(reference, images, motion) for reference in references), default=0.0)


def _agreement(reference: Image, images: list[Image], motion: str) -> float:
    """Mean correlation of the other images with the reference where both are seen; a pose that is lost counts 0."""
    registrar = Registrar(reference, motion=motion, min_quality=-1.0)
    size = size_within(registrar.size, SIDE)
    view = View.of_all(registrar.size, size)
    wanted, found = _even(shrink(reference, size)), []
    for image in images:
        if image is not reference:
            registration = registrar.register(image)
            matrix = view.of_image(registration, registrar.size)
            found.append(_correlation(wanted, shrink(image, size), matrix) if registration.quality > 0 else 0.0)
    return float(np.mean(found)) if found else 0.0


def _even(image: Image) -> NDArray[np.float32]:
    return even(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32))


def _correlation(wanted: NDArray[np.float32], image: Image, matrix: NDArray[np.float64]) -> float:
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(_even(image), matrix, size)
    seen = cv2.warpAffine(np.full(wanted.shape, 255, np.uint8), matrix, size) == 255
    one, other = wanted[seen], moved[seen]
    if len(one) < 2 or not one.std() or not other.std():
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
