"""Teach-in: what the good images tell before any training - reference pose, print zones, frames."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.frames import Frames
from pipeline.config import Config
from pipeline.exceptions import ImageError, TrainingError
from pipeline.framing import frame_part, working_size
from pipeline.images import Image, read_image
from pipeline.print import PrintStage, teach
from pipeline.quality import Conditions, measure
from pipeline.registration import Registrar, Registration, learned_min_quality

Advance = Callable[[str], None]
"""Called once an image, with the name of the step; drives a progress bar."""

CANDIDATES, WITNESSES = 12, 24
"""Images tried as the reference, and images that they are tried on."""


@dataclass(frozen=True)
class GoodParts:
    """Good images that can be gone through again and again without holding them in memory.

    Attributes:
        paths: their files; all of one size.
        registrations: where the part is in each.
        max_megapixels: limit of the reader.
    """

    paths: tuple[Path, ...]
    registrations: tuple[Registration, ...]
    max_megapixels: float
    advance: Callable[[], None]

    def __iter__(self) -> Iterator[tuple[Image, Registration]]:
        for path, registration in zip(self.paths, self.registrations, strict=True):
            yield read_image(path, max_megapixels=self.max_megapixels), registration
            self.advance()


@dataclass(frozen=True)
class Taught:
    """What the images alone have taught, before any training.

    Attributes:
        reference: (H, W, 3) uint8 RGB.
        working_size: width and height of the working frame.
        min_quality: correlation below which a pose is not trusted.
        max_outside: share of the frame that may lie outside the view.
        print_stage: where print varies.
        frames: of all usable images.
        paths: their files.
        conditions: how each of them was taken.
        findings: (N,) whether anything was found wrong with its print.
        refused: files that could not be used, with the reason.
    """

    reference: Image
    working_size: tuple[int, int]
    min_quality: float
    max_outside: float
    print_stage: PrintStage
    frames: Frames
    paths: tuple[Path, ...]
    conditions: tuple[Conditions, ...]
    findings: NDArray[np.bool_]
    refused: tuple[str, ...]


def teach_in(paths: list[Path], config: Config, work: Path, advance: Advance) -> Taught:
    """Learn pose, print and frames from good images, one image in memory at a time.

    Args:
        paths: image files of good parts.
        config: the configuration.
        work: folder for the frames.
        advance: told of every image done.

    Raises:
        TrainingError: fewer than eight images can be used.
    """
    usable, refused = _same_size(paths, config, advance)
    reference = _central_image(usable, config)
    registrar = Registrar(reference, motion=config.registration.motion, min_quality=-1.0)
    parts, min_quality, lost = _register_all(usable, registrar, config, advance)
    stage = teach(parts, registrar.size) if config.print.mask else _no_print(registrar.size)
    size = working_size(registrar.size, megapixels=config.image.working_megapixels)
    light = np.asarray(cv2.resize(reference, size, interpolation=cv2.INTER_AREA), np.uint8)
    framed = _frames(parts, stage, light, work, advance)
    return Taught(
        reference, size, min_quality, framed.max_outside, stage,
        framed.frames, parts.paths, framed.conditions, framed.findings, (*refused, *lost),
    )  # fmt: skip


def _same_size(paths: list[Path], config: Config, advance: Advance) -> tuple[list[Path], list[str]]:
    """Keep the readable images of the most frequent size."""
    sizes: dict[Path, tuple[int, ...]] = {}
    refused = []
    for path in paths:
        try:
            sizes[path] = read_image(path, max_megapixels=config.image.max_megapixels).shape
        except ImageError as error:
            refused.append(str(error))
        advance("reading")
    shapes = list(sizes.values())
    usual = max(set(shapes), key=lambda shape: (shapes.count(shape), shape), default=())
    usable = [path for path in paths if sizes.get(path) == usual]
    refused += [f"{path.name}: of another size than most" for path, shape in sizes.items() if shape != usual]
    if len(usable) < 8:
        raise TrainingError(
            f"{paths[0].parent}: only {len(usable)} usable images of good parts, at least 8 are needed; "
            + (f"first refused: {refused[0]}" if refused else "add more")
        )
    return usable, refused


def _central_image(paths: list[Path], config: Config) -> Image:
    """The image that others register to best: no outlier in pose, light or print."""
    limit = config.image.max_megapixels
    some = [paths[i] for i in np.linspace(0, len(paths) - 1, min(len(paths), WITNESSES)).astype(int)]
    images = [read_image(path, max_megapixels=limit) for path in some]
    candidates = images[:: max(1, len(images) // CANDIDATES)]
    quality = []
    for image in candidates:
        registrar = Registrar(image, motion=config.registration.motion, min_quality=-1.0)
        quality.append(np.median([registrar.register(other).quality for other in images]))
    return candidates[int(np.argmax(quality))]


def _register_all(
    paths: list[Path], registrar: Registrar, config: Config, advance: Advance
) -> tuple[GoodParts, float, list[str]]:
    limit = config.image.max_megapixels
    registrations = []
    for path in paths:
        registrations.append(registrar.register(read_image(path, max_megapixels=limit)))
        advance("registering")
    least = learned_min_quality(np.array([found.quality for found in registrations]))
    kept = [index for index, found in enumerate(registrations) if found.quality >= least]
    lost = [
        f"{path.name}: pose not found (correlation {found.quality:.2f})"
        for path, found in zip(paths, registrations, strict=True)
        if found.quality < least
    ]
    if len(kept) < 8:
        raise TrainingError(
            f"{paths[0].parent}: no common pose was found; set registration.motion to far (shifts), any (turns) "
            "or none, or fix the camera"
        )
    parts = GoodParts(
        tuple(paths[i] for i in kept),
        tuple(registrations[i] for i in kept),
        limit,
        lambda: advance("learning print zones"),
    )
    return parts, least, lost


def _no_print(size: tuple[int, int]) -> PrintStage:
    return PrintStage(size, 1, (), np.zeros(size[::-1], np.uint8))


class _Framed(NamedTuple):
    """Frames, the share of one that good parts may leave unseen, and what was noted of each image."""

    frames: Frames
    max_outside: float
    conditions: tuple[Conditions, ...]
    findings: NDArray[np.bool_]


def _frames(parts: GoodParts, stage: PrintStage, light: Image, work: Path, advance: Advance) -> _Framed:
    """Write all frames in the light of the reference, and note what a look at each image tells."""
    size = (light.shape[1], light.shape[0])
    frames = Frames.create(work, len(parts.paths), size)
    outside, findings = np.zeros(len(parts.paths)), np.zeros(len(parts.paths), bool)
    conditions = []
    for index, (path, registration) in enumerate(zip(parts.paths, parts.registrations, strict=True)):
        image = read_image(path, max_megapixels=parts.max_megapixels)
        print_mask = stage.find(image, registration)
        frame = frame_part(image, registration, print_mask.pixels, size).relit(light)
        frames[index] = frame
        outside[index] = frame.unseen
        findings[index] = bool(print_mask.findings)
        conditions.append(measure(frame, registration, print_mask.pixels))
        advance("framing")
    return _Framed(frames, float(outside.max() * 1.5 + 0.02), tuple(conditions), findings)
