"""Training, from a folder of good images to a model that can inspect at once."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.detector import Detector
from models.export import export
from models.fitting import fit, standardise_features
from models.progress import Steps
from models.statistics import learn_statistics
from models.teach_in import Taught, teach_in
from pipeline.bundle import Bundle, pack
from pipeline.calibration import Calibration, Goal, calibrate_scores
from pipeline.config import Config
from pipeline.exceptions import TrainingError
from pipeline.groups import Groups, find_groups
from pipeline.images import find_images
from pipeline.quality import usual_conditions

WORK = ".training"
STANDARDISING_IMAGES = 48


def train(data: Path, out: Path, config: Config, *, resume: bool = False) -> Bundle:
    """Train a model on images of good parts and write it to a folder.

    Args:
        data: folder of good images, or a data set with `train/good`.
        out: model folder to write.
        config: the configuration.
        resume: continue a run of the same data and configuration that was interrupted.

    Returns:
        The model, as it was written.

    Raises:
        UsageError: no images.
        TrainingError: the images do not allow a training, or `resume` finds another run.
    """
    paths = find_images(data / "train" / "good" if (data / "train" / "good").is_dir() else data)
    work = _work_folder(out, _fingerprint(paths, config), resume=resume)
    torch.manual_seed(config.training.seed)
    with Steps() as steps:
        taught = teach_in(paths, config, work, steps.stage(len(paths), 5 if config.print.mask else 3))
        groups = _groups(taught.paths, data, config)
        learn, held = _split(len(taught.frames), groups, config)
        detector = Detector(taught.working_size, **config.network.model_dump())
        standardise_features(detector, taught.frames.subset(learn[:STANDARDISING_IMAGES]))
        fit(
            detector, taught.frames.subset(learn), config.training,
            checkpoint=work / "checkpoint.pt", report=steps.fitting(config.training),
        )  # fmt: skip
        learned, fresh = taught.frames.subset(learn), taught.frames.subset(held)
        scores = learn_statistics(detector, learned, fresh, steps.statistics(learned, fresh), groups=groups[held])
    try:
        calibration = calibrate_scores(
            scores, np.zeros(0), Goal(**config.verdict.model_dump()),
            otherwise=taught.findings[held], groups=groups[held],
        )  # fmt: skip
    except ValueError as error:
        raise TrainingError(f"{data}: {error}; add good images, or lower training.learning_rate") from error
    bundle = _bundle(config, taught, detector, calibration, {"images": len(paths), "folder": data.name})
    bundle.save(out)
    shutil.rmtree(work)
    return bundle


def _bundle(
    config: Config, taught: Taught, detector: Detector, calibration: Calibration, source: dict[str, object]
) -> Bundle:
    return Bundle(
        config=config,
        working_size=taught.working_size,
        min_quality=taught.min_quality,
        max_outside=taught.max_outside,
        calibration=calibration,
        usual=usual_conditions(taught.conditions),
        source={**source, "held_back": calibration.good_parts, "refused": list(taught.refused)},
        files=pack(reference=taught.reference, print_stage=taught.print_stage, network=export(detector)),
    )


def _fingerprint(paths: list[Path], config: Config) -> str:
    """Same files and same configuration: the same run."""
    files = [(path.name, path.stat().st_size) for path in paths]
    return hashlib.sha256(json.dumps([files, config.model_dump(mode="json")]).encode()).hexdigest()


def _work_folder(out: Path, fingerprint: str, *, resume: bool) -> Path:
    """The folder of the interrupted run where it is to be resumed, else a fresh one."""
    work, note = out / WORK, out / WORK / "run.txt"
    if resume and note.is_file() and note.read_text() != fingerprint:
        raise TrainingError(
            f"{out}: the interrupted run had other images or another configuration; train without --resume"
        )
    if not resume and work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    note.write_text(fingerprint)
    return work


def _groups(paths: tuple[Path, ...], data: Path, config: Config) -> Groups:
    """(N,) numbers of the groups that the images were taken in; each its own where no pattern is given."""
    if config.training.groups is None:
        return np.arange(len(paths))
    return find_groups(config.training.groups, [path.relative_to(data).as_posix() for path in paths])


def _split(count: int, groups: Groups, config: Config) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the images to learn from and of those to hold back: whole groups, drawn from the seed."""
    shuffled = np.random.default_rng(config.training.seed).permutation(groups.max() + 1)
    order = np.argsort(shuffled[groups], kind="stable")
    wanted = max(4, round(count * config.training.held_back))
    last = shuffled[groups[order[wanted - 1]]]
    held = order[shuffled[groups[order]] <= last]
    learn = order[len(held) :]
    if len(learn) < 4:
        raise TrainingError("training.groups leaves no images to learn from; use a pattern that makes smaller groups")
    return learn[: config.training.max_images], held
