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
from models.frames import Frames
from models.progress import Steps
from models.statistics import learn_statistics
from models.teach_in import Taught, teach_in
from pipeline.bundle import Bundle
from pipeline.calibration import set_threshold
from pipeline.config import Config
from pipeline.exceptions import TrainingError
from pipeline.images import find_images

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
        learn, held = _split(taught.frames, config)
        detector = Detector(taught.working_size, width=config.network.width)
        standardise_features(detector, learn.subset(np.arange(min(len(learn), STANDARDISING_IMAGES))))
        fit(
            detector, learn, config.training,
            checkpoint=work / "checkpoint.pt", report=steps.fitting(config.training),
        )  # fmt: skip
        scores = learn_statistics(detector, held, steps.statistics(held))
    bundle = _bundle(config, taught, detector, scores, {"images": len(paths), "folder": data.name})
    bundle.save(out)
    shutil.rmtree(work)
    return bundle


def _bundle(
    config: Config, taught: Taught, detector: Detector, scores: NDArray[np.float64], source: dict[str, object]
) -> Bundle:
    calibration = set_threshold(
        scores, np.zeros(0), false_calls=config.verdict.false_calls, confidence=config.verdict.confidence
    )
    return Bundle(
        config=config,
        reference=taught.reference,
        working_size=taught.working_size,
        min_quality=taught.min_quality,
        max_outside=taught.max_outside,
        print_stage=taught.print_stage,
        network=export(detector),
        calibration=calibration,
        source={**source, "held_back": len(scores), "refused": list(taught.refused)},
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


def _split(frames: Frames, config: Config) -> tuple[Frames, Frames]:
    """Frames to learn from and frames to hold back, drawn from the seed."""
    order = np.random.default_rng(config.training.seed).permutation(len(frames))
    held = max(4, round(len(frames) * config.training.held_back))
    return frames.subset(order[held:][: config.training.max_images]), frames.subset(order[:held])
