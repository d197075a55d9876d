"""Training, from a folder of good images to a model that can inspect at once."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.batches import as_inputs
from models.cache import cache_key, describe_files
from models.detail_learning import learn_detail
from models.detector import Detector
from models.distributed import Start
from models.export import export
from models.fitting import fit, standardise_features
from models.frames import Frames
from models.pose_choice import resolve_motion
from models.progress import Steps
from models.rounding import round_trained
from models.selection import Parts, groups_of, sort_by_variant, split
from models.statistics import learn_statistics
from models.suspicious import suspicious
from models.teach_in import Taught, teach_in, workload
from models.variants import describe_variants
from pipeline.bundle import Bundle, pack
from pipeline.calibration import Calibration, Goal, calibrate_scores
from pipeline.config import Config
from pipeline.engines import Engine, here
from pipeline.exceptions import ConfigError, TrainingError
from pipeline.groups import Groups
from pipeline.images import find_images, good_folder, write_text

WORK = ".training"
STANDARDISING_IMAGES = 48

STATISTICS_IMAGES = 250
"""Held-back images whose residual maps are in memory at the same time; the others are scored one at a time."""


def train(
    data: Path,
    out: Path,
    config: Config,
    *,
    resume: bool = False,
    cache: Path | None = None,
    devices: tuple[str, ...] = ("cpu",),
    engine: Engine = here,
    elsewhere: Start | None = None,
) -> Bundle:
    """Train a model on images of good parts and write it to a folder.

    Args:
        data: folder of good images, or a data set with `train/good`.
        out: model folder to write.
        config: the configuration.
        resume: continue a run of the same data and configuration that was interrupted.
        cache: folder that keeps the frames for later trainings; None to drop them when the model is there.
        devices: that share each batch of the training; see `models.distributed.parse_devices`.
        engine: prepares the images.
        elsewhere: starts the processes of the training on other machines, as many as `devices` has.

    Returns:
        The model, as it was written.

    Raises:
        UsageError: no images.
        ConfigError: the batch cannot be shared by so many devices.
        TrainingError: the images do not allow a training, or `resume` finds another run.
    """
    _check_batch(config, len(devices))
    folder = good_folder(data)
    paths = find_images(folder)
    work = _work_folder(out, _fingerprint(folder, paths, config), resume=resume)
    config = resolve_motion(paths, config)
    torch.manual_seed(config.training.seed)
    with Steps() as steps:
        frames_in = (cache or work) / f"frames-{cache_key(folder, paths, config)}"
        taught = teach_in(paths, config, frames_in, steps.stage(workload(len(paths), config)), engine=engine)
        groups = groups_of(taught.paths, data, config)
        learn, held = split(taught.likeness, groups, config)
        parts = sort_by_variant(taught.frames, learn, steps.variants(len(learn)))
        detector = _fit(parts, taught.view.size, config, work, steps, devices, elsewhere)
        familiar, scores = _score_all(detector, parts.frames, taught.frames.subset(held), groups[held], steps)
    names = [taught.paths[index].relative_to(data).as_posix() for index in (*parts.indices, *held)]
    source = {
        "images": len(paths), "folder": data.name,
        "variants": describe_variants(names[: len(parts.indices)], parts.pictures, parts.variants),
        "suspicious": list(suspicious(names, [familiar, scores])),
    }  # fmt: skip
    calibration = _calibrate(scores, taught.findings[held], groups[held], config, data)
    bundle = _bundle(config, taught, detector, calibration, source)
    bundle.save(out)
    shutil.rmtree(work)
    return bundle


def _bundle(
    config: Config, taught: Taught, detector: Detector, calibration: Calibration, source: dict[str, object]
) -> Bundle:
    return Bundle(
        config=config,
        view=taught.view,
        min_quality=taught.min_quality,
        max_outside=taught.max_outside,
        calibration=calibration,
        usual=taught.usual,
        steady=taught.steady,
        source={**source, "held_back": calibration.good_parts, "refused": list(taught.refused)},
        files=pack(reference=taught.reference, print_stage=taught.print_stage, network=export(detector)),
    )


def _check_batch(config: Config, devices: int) -> None:
    size = config.training.batch_size
    if size % devices:
        raise ConfigError(
            f"training.batch_size: {size} images cannot be shared by {devices} devices; make it a multiple"
        )


def _fingerprint(folder: Path, paths: list[Path], config: Config) -> str:
    """Same files and same configuration: the same run."""
    described = [describe_files(folder, paths), config.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()


def _work_folder(out: Path, fingerprint: str, *, resume: bool) -> Path:
    """The folder of the interrupted run where it is to be resumed, else a fresh one."""
    work, note = out / WORK, out / WORK / "run.txt"
    if resume and note.is_file() and note.read_text() != fingerprint:
        raise TrainingError(
            f"{out}: the interrupted run had other images or another configuration; train without --resume"
        )
    if work.exists() and not (resume and note.is_file()):  # without its note, nobody knows what it is of
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    write_text(note, fingerprint)
    return work


def _fit(
    parts: Parts, size: tuple[int, int], config: Config, work: Path, steps: Steps,
    devices: tuple[str, ...], elsewhere: Start | None,
) -> Detector:  # fmt: skip
    """All that is learned by descent, and rounded to what the file stores."""
    detector = Detector(size, **config.network.model_dump(), variants=parts.variants)
    some = np.arange(min(len(parts.frames), STANDARDISING_IMAGES))
    standardise_features(detector, parts.frames.subset(some))
    fit(
        detector, parts.frames, config.training,
        checkpoint=work / "checkpoint.pt", report=steps.fitting(config.training), devices=devices, elsewhere=elsewhere,
    )  # fmt: skip
    advance = steps.detail(len(parts.frames), config.training)
    learn_detail(detector.detail, parts.frames, parts.numbers, config.training, advance)
    round_trained(detector)
    return detector


def _score_all(
    detector: Detector, learned: Frames, held: Frames, groups: Groups, steps: Steps
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Set the statistics of a trained detector; scores of the parts that were learned from and of those held back."""
    known, rest = (held.subset(some) for some in np.split(np.arange(len(held)), [STATISTICS_IMAGES]))
    advance = steps.statistics(len(learned), len(known), len(rest))
    scores = learn_statistics(detector, learned, known, advance, groups=groups[: len(known)])
    scores = np.concatenate([scores, _scores(detector, rest, advance)])
    return _scores(detector, learned, advance), scores


@torch.no_grad()
def _scores(detector: Detector, frames: Frames, advance: Callable[[], None]) -> NDArray[np.float64]:
    """(N,) scores of parts that neither training nor statistics have seen, one image in memory at a time."""
    scores = np.zeros(len(frames))
    for index in range(len(frames)):
        scores[index] = detector(*as_inputs(frames[index]))[0].item()
        advance()
    return scores


def _calibrate(
    scores: NDArray[np.float64], findings: NDArray[np.bool_], groups: Groups, config: Config, data: Path
) -> Calibration:
    try:
        goal = Goal(**config.verdict.model_dump())
        return calibrate_scores(scores, np.zeros(0), goal, otherwise=findings, groups=groups)
    except ValueError as error:
        raise TrainingError(f"{data}: {error}; add good images, or lower training.learning_rate") from error
