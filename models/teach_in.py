"""Teach-in: what the good images tell before any training - reference pose, print zones, frames.

An image is decoded once, for its frame; those that teach pose, light and print, a sample of bounded size, up to five
times more. What is held in memory of one image is a note of some hundred bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.cache import Note, read_shard, write_shard
from models.frames import SHARD, Frames
from models.good_parts import judged_in, reader_of
from models.lesson import Lesson, read_lesson, write_lesson
from models.lesson_learning import Advance, check_enough, learn_lesson, lesson_workload
from pipeline.config import Config
from pipeline.engines import Engine, here
from pipeline.exceptions import ImageError, TrainingError
from pipeline.framing import Frame, lit_grey, lit_part
from pipeline.images import Image, Mask, grey_of
from pipeline.labels import labels_in_place
from pipeline.lighting import DETAIL, Blocks, Light
from pipeline.print import PrintStage
from pipeline.quality import Usual, measure, usual_conditions
from pipeline.registration import Registrar
from pipeline.view import View

LIKENESS = (16, 12)
"""Width and height of the small picture that the coverage sample compares."""


@dataclass(frozen=True)
class Taught:
    """What the images alone have taught, before any training.

    Attributes:
        reference: (H, W, 3) uint8 RGB.
        view: what the working frame shows of it.
        min_quality: correlation below which a pose is not trusted.
        max_outside: share of the frame that may lie outside the view.
        print_stage: where print varies.
        steady: where light is measured.
        frames: of all usable images.
        paths: their files.
        usual: how they are taken.
        findings: (N,) whether anything was found wrong with its print.
        likeness: (N, d) uint8, a small grey picture of each.
        refused: files that could not be used, with the reason.
    """

    reference: Image
    view: View
    min_quality: float
    max_outside: float
    print_stage: PrintStage
    steady: Blocks
    frames: Frames
    paths: tuple[Path, ...]
    usual: Usual
    findings: NDArray[np.bool_]
    likeness: NDArray[np.uint8]
    refused: tuple[str, ...]


def workload(count: int, config: Config) -> int:
    """How often `teach_in` will call `advance` for `count` images."""
    return lesson_workload(count, config) + count


def teach_in(paths: list[Path], config: Config, work: Path, advance: Advance, *, engine: Engine = here) -> Taught:
    """Learn pose, print and frames from good images, some images in memory at a time.

    Args:
        paths: image files of good parts.
        config: the configuration.
        work: folder for the frames; what an interrupted call with the same arguments left there is used.
        advance: told of every image done.
        engine: makes the frames, a file of them at a time.

    Raises:
        TrainingError: fewer than eight images can be used, or the frames cannot be written.
    """
    try:
        lesson = read_lesson(work) or write_lesson(work, learn_lesson(paths, config, advance))
        usable = [paths[index] for index in lesson.usable]
        frames = Frames.create(work, len(usable), lesson.view.size)
        notes = _all_notes(usable, lesson, frames, config, advance, engine)
    except OSError as error:  # of an image it would be an ImageError
        raise TrainingError(
            f"{error.filename or work}: cannot be written ({error.strerror or error}); what was prepared is kept: "
            "make room, then the same command with --resume continues"
        ) from error
    return _taught(usable, lesson, frames, notes)


def _all_notes(
    usable: list[Path], lesson: Lesson, frames: Frames, config: Config, advance: Advance, engine: Engine
) -> list[Note]:
    """Write the frames that are not there yet, and return the notes of all."""
    notes: list[Note] = []
    for some in engine(partial(_framing, usable, lesson, frames, config), range(0, len(usable), SHARD)):
        notes.extend(some)
        for _ in some:
            advance("framing")
    return notes


def _framing(usable: list[Path], lesson: Lesson, frames: Frames, config: Config) -> Callable[[int], tuple[Note, ...]]:
    """The work on the file of frames that begins with a number: make it where it is not whole, and return its notes."""
    motion = config.registration.motion
    registrar = lesson.view.registrar(lesson.reference, motion=motion, min_quality=lesson.min_quality)
    read = reader_of(lesson.reference, config)
    light, unwanted = judged_in(lesson.reference, lesson.view, config, lesson.steady)

    def notes_from(start: int) -> tuple[Note, ...]:
        known = read_shard(frames, start // SHARD)
        if known is None:
            some = usable[start : start + SHARD]
            made = [_frame(path, read, registrar, lesson.print_stage, light, unwanted) for path in some]
            known = tuple(note for _, note in made)
            write_shard(frames, start // SHARD, start, [frame for frame, _ in made], known)
        return known

    return notes_from


def _frame(
    path: Path,
    read: Callable[[Path], Image],
    registrar: Registrar,
    stage: PrintStage,
    light: Light,
    unwanted: Mask,
) -> tuple[Frame, Note]:
    try:
        image = read(path)
    except ImageError as error:
        return _empty(light.view.size), Note(refused=str(error))
    registration = registrar.register(image)
    if not registration.found:
        return _empty(light.view.size), Note(
            refused=f"{path.name}: pose not found (correlation {registration.quality:.2f}): "
            "another part, another side, or out of place"
        )
    frame = lit_part(image, registration, unwanted, light)
    grey = grey_of(image)
    print_mask = stage.find(lit_grey(grey, registration, frame, light), registration, grey)
    frame = labels_in_place(frame, print_mask, registration, light.view)
    small = cv2.resize(grey_of(frame.image), LIKENESS, interpolation=cv2.INTER_AREA)
    return frame.without_burnt(), Note(
        unseen=frame.unseen,
        print_faulty=bool(print_mask.findings),
        conditions=measure(frame, registration, print_mask.pixels),
        likeness=small.tobytes(),
    )


def _empty(size: tuple[int, int]) -> Frame:
    width, height = size
    nothing = np.zeros((height, width), np.uint8)
    return Frame(np.zeros((height, width, 3), np.uint8), nothing, np.zeros((DETAIL * height, DETAIL * width), np.uint8))


def _taught(usable: list[Path], lesson: Lesson, frames: Frames, notes: list[Note]) -> Taught:
    kept = [index for index, note in enumerate(notes) if not note.refused]
    refused = [*lesson.refused, *(note.refused for note in notes if note.refused)]
    check_enough(usable, kept, refused)
    used = [notes[index] for index in kept]
    return Taught(
        reference=lesson.reference,
        view=lesson.view,
        min_quality=lesson.min_quality,
        max_outside=max(note.unseen for note in used) * 1.5 + 0.02,
        print_stage=lesson.print_stage,
        steady=lesson.steady,
        frames=frames.subset(np.array(kept)),
        paths=tuple(usable[index] for index in kept),
        usual=usual_conditions([note.conditions for note in used if note.conditions]),
        findings=np.array([note.print_faulty for note in used]),
        likeness=np.array([np.frombuffer(note.likeness, np.uint8) for note in used]),
        refused=tuple(refused),
    )
