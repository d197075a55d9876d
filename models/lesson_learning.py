"""What a sample of good images teaches before any frame is made: the usual size, the view, poses, light and print."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.good_parts import GoodParts, LitParts, judged_in, reader_of
from models.lesson import Lesson
from models.steady import steady_blocks
from models.view_choice import SAMPLE, choose_view, searches
from pipeline.config import Config
from pipeline.exceptions import ImageError, TrainingError
from pipeline.images import Image, read_image, read_size
from pipeline.print import PrintStage, teach
from pipeline.reference import WITNESSES, central_image, spread
from pipeline.regions import outside_image
from pipeline.registration import learned_min_quality, untaught
from pipeline.view import View

Advance = Callable[[str], None]
"""Called once an image, with the name of the step; drives a progress bar."""

LEAST = 8
"""Usable images without which there is no training."""

POSES, TEACHERS = 256, 2000
"""Images, spread over all, that teach how well good parts register, and what print looks like."""


def lesson_workload(count: int, config: Config) -> int:
    """How often `learn_lesson` will call `advance` for `count` images."""
    passes = 3 if config.print.mask else 0  # the third is for labels, in their own frame
    return count + min(count, POSES) + (1 + 2 * searches(config)) * min(count, SAMPLE) + passes * min(count, TEACHERS)


def learn_lesson(paths: list[Path], config: Config, advance: Advance) -> Lesson:
    """Find the images of one size, and learn from a sample of them how parts lie, where light is measured, and print.

    Args:
        paths: image files of good parts.
        config: the configuration.
        advance: told of every image done, as often as `lesson_workload` says.

    Raises:
        TrainingError: fewer than eight images can be used, or they have no common pose.
    """
    usable, refused = _same_size(paths, advance)
    some = [paths[index] for index in usable]
    reference = _reference(some, config)
    _check_regions(config, (reference.shape[1], reference.shape[0]))
    read = reader_of(reference, config)
    view = _view(some, reference, config, read, advance)
    motion = config.registration.motion
    trial = view.registrar(reference, motion=motion, min_quality=-1.0)
    poses = GoodParts(tuple(spread(some, POSES)), read, trial, lambda: advance("registering"))
    min_quality = _min_quality(poses)
    registrar = view.registrar(reference, motion=motion, min_quality=min_quality)
    parts = GoodParts(tuple(spread(some, TEACHERS)), read, registrar, lambda: advance("learning print zones"))
    few = replace(poses, paths=tuple(spread(poses.paths, SAMPLE)), advance=lambda: advance("learning light"))
    steady = steady_blocks(few, reference, view, config)
    lit = LitParts(parts, *judged_in(reference, view, config, steady))
    stage = teach(lit, registrar.size, config.print.zones) if config.print.mask else _no_print(registrar.size)
    return Lesson(tuple(usable), tuple(refused), reference, view, min_quality, stage, steady)


def _same_size(paths: list[Path], advance: Advance) -> tuple[list[int], list[str]]:
    """Indices of the images of the most frequent size, by their headers, and what is refused."""
    sizes: dict[int, tuple[int, int]] = {}
    refused = []
    for index, path in enumerate(paths):
        try:
            sizes[index] = read_size(path)
        except ImageError as error:
            refused.append(str(error))
        advance("reading")
    found = list(sizes.values())
    usual = max(set(found), key=lambda size: (found.count(size), size), default=())
    usable = [index for index, size in sizes.items() if size == usual]
    refused += [f"{paths[index].name}: of another size than most" for index, size in sizes.items() if size != usual]
    check_enough(paths, usable, refused)
    return usable, refused


def check_enough(paths: list[Path], usable: list[int], refused: list[str]) -> None:
    """Raise TrainingError, with the first reason, where too few images are left."""
    if len(usable) < LEAST:
        raise TrainingError(
            f"{paths[0].parent}: only {len(usable)} usable images of good parts, at least {LEAST} are needed; "
            + (f"first refused: {refused[0]}" if refused else "add more")
        )


def _reference(paths: list[Path], config: Config) -> Image:
    images = []
    for path in spread(paths, WITNESSES):
        try:
            images.append(read_image(path, max_megapixels=config.image.max_megapixels))
        except ImageError:  # its header was whole; its frame will be refused with the reason
            continue
    shapes = [image.shape for image in images]
    if not shapes:
        raise TrainingError(f"{paths[0].parent}: its images cannot be decoded; run goodparts audit on it")
    usual = max(set(shapes), key=lambda shape: (shapes.count(shape), shape))
    return central_image([image for image in images if image.shape == usual], motion=config.registration.motion)


def _view(paths: list[Path], reference: Image, config: Config, read: Callable[[Path], Image], advance: Advance) -> View:
    registrar = untaught(reference, motion=config.registration.motion)
    few = GoodParts(tuple(spread(paths, SAMPLE)), read, registrar, lambda: advance("learning view"))
    return choose_view(few, reference, config)


def _min_quality(poses: GoodParts) -> float:
    qualities = np.array([registration.quality for _, registration in poses])
    least = learned_min_quality(qualities)
    if np.count_nonzero(qualities >= least) < LEAST:
        raise TrainingError(
            f"{poses.paths[0].parent}: no common pose was found; set registration.motion to far (shifts), any (turns), "
            "affine (sizes, too) or none, or fix the camera"
        )
    return least


def _check_regions(config: Config, size: tuple[int, int]) -> None:
    if (box := outside_image(config.regions, size)) is not None:
        raise TrainingError(f"regions: the box {list(box)} lies beside the images of {size[0]} x {size[1]} px; move it")


def _no_print(size: tuple[int, int]) -> PrintStage:
    return PrintStage(size, 1, (), np.zeros(size[::-1], np.uint8))
