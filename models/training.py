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
from models.coverage import cover
from models.detail_learning import learn_detail
from models.detector import Detector
from models.distributed import Start
from models.export import export
from models.fitting import fit, standardise_features
from models.frames import Frames
from models.pose_choice import resolve_motion
from models.progress import Steps
from models.rounding import round_trained
from models.statistics import learn_statistics
from models.suspicious import suspicious
from models.teach_in import Taught, teach_in, workload
from models.variants import alternating, describe_variants, find_variants, nearest, pictures_of
from pipeline.bundle import Bundle, pack
from pipeline.calibration import Calibration, Goal, calibrate_scores
from pipeline.config import Config
from pipeline.engines import Engine, here
from pipeline.exceptions import ConfigError, TrainingError, UsageError
from pipeline.groups import Groups, find_groups
from pipeline.images import find_images, good_folder, write_text

WORK = ".training"
STANDARDISING_IMAGES = 48

VARIETY = 4
"""Where there are more good images than the training takes, it picks from this many times as many."""

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
        groups = _groups(taught.paths, data, config)
        learn, held = _split(taught.likeness, groups, config)
        learn, pictures, variants = _variants(taught.frames, learn, steps.variants(len(learn)))
        learned = taught.frames.subset(learn)
        detector = Detector(taught.working_size, **config.network.model_dump(), variants=variants)
        standardise_features(detector, learned.subset(np.arange(min(len(learned), STANDARDISING_IMAGES))))
        fit(
            detector, learned, config.training,
            checkpoint=work / "checkpoint.pt", report=steps.fitting(config.training),
            devices=devices, elsewhere=elsewhere,
        )  # fmt: skip
        kinds, advance = nearest(pictures, variants), steps.detail(len(learned), config.training)
        learn_detail(detector.detail, learned, kinds, config.training, advance)
        round_trained(detector)
        known, rest = np.split(held, [STATISTICS_IMAGES])
        advance = steps.statistics(len(learned), len(known), len(rest))
        scores = learn_statistics(detector, learned, taught.frames.subset(known), advance, groups=groups[known])
        scores = np.concatenate([scores, _scores(detector, taught.frames.subset(rest), advance)])
        familiar = _scores(detector, learned, advance)
    names = [taught.paths[index].relative_to(data).as_posix() for index in (*learn, *held)]
    source = {
        "images": len(paths), "folder": data.name,
        "variants": describe_variants(names[: len(learn)], pictures, variants),
        "suspicious": list(suspicious(names, [familiar, scores])),
    }  # fmt: skip
    try:
        calibration = calibrate_scores(
            scores, np.zeros(0), Goal(**config.verdict.model_dump()),
            otherwise=taught.findings[held], groups=groups[held],
        )  # fmt: skip
    except ValueError as error:
        raise TrainingError(f"{data}: {error}; add good images, or lower training.learning_rate") from error
    bundle = _bundle(config, taught, detector, calibration, source)
    bundle.save(out)
    shutil.rmtree(work)
    return bundle


def held_back(data: Path, bundle: Bundle) -> tuple[list[Path], Groups]:
    """The good images that the training of a model held back, and the numbers of their groups.

    Args:
        data: what it was trained on, as given to `train`.
        bundle: the model.

    Raises:
        UsageError: the folder no longer holds as many images.
    """
    paths = find_images(good_folder(data))
    if len(paths) != bundle.source["images"]:
        raise UsageError(f"{data}: has {len(paths)} good images; the model was trained on {bundle.source['images']}")
    refused = {str(reason).split(":")[0] for reason in bundle.source["refused"]}
    used = [path for path in paths if path.name not in refused]
    groups = _groups(tuple(used), data, bundle.config)
    _, held = _split(np.zeros((len(used), 1), np.uint8), groups, bundle.config)
    return [used[index] for index in held], groups[held]


def _bundle(
    config: Config, taught: Taught, detector: Detector, calibration: Calibration, source: dict[str, object]
) -> Bundle:
    return Bundle(
        config=config,
        working_size=taught.working_size,
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


def _groups(paths: tuple[Path, ...], data: Path, config: Config) -> Groups:
    """(N,) numbers of the groups that the images were taken in; each its own where no pattern is given."""
    if config.training.groups is None:
        return np.arange(len(paths))
    return find_groups(config.training.groups, [path.relative_to(data).as_posix() for path in paths])


def _split(likeness: NDArray[np.uint8], groups: Groups, config: Config) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the images to learn from and of those to hold back: whole groups, drawn from the seed.

    Where there are more than the training takes, those that add variety are picked from a random part of them. The
    rest is held back too: it is as random as what was held back before, so that what is promised on it holds. Images
    that the pick has passed over are not: they are more alike than parts are.
    """
    count = len(likeness)
    shuffled = np.random.default_rng(config.training.seed).permutation(groups.max() + 1)
    order = np.argsort(shuffled[groups], kind="stable")
    wanted = max(4, round(count * config.training.held_back), count - VARIETY * config.training.max_images)
    last = shuffled[groups[order[wanted - 1]]]
    held = order[shuffled[groups[order]] <= last]
    learn = order[len(held) :]
    if len(learn) < 4:
        raise TrainingError("training.groups leaves no images to learn from; use a pattern that makes smaller groups")
    if len(learn) > config.training.max_images:
        learn = learn[cover(likeness[learn], config.training.max_images)]
    return learn, held


def _variants(
    frames: Frames, learn: NDArray[np.int64], advance: Callable[[], None]
) -> tuple[NDArray[np.int64], torch.Tensor, torch.Tensor]:
    """The indices to learn from, in an order whose first ones are of all variants; their pictures, and the variants."""
    pictures = pictures_of(frames.subset(learn), advance)
    variants = find_variants(pictures)
    order = alternating(nearest(pictures, variants))
    return learn[order], pictures[order], variants


@torch.no_grad()
def _scores(detector: Detector, frames: Frames, advance: Callable[[], None]) -> NDArray[np.float64]:
    """(N,) scores of parts that neither training nor statistics have seen, one image in memory at a time."""
    scores = np.zeros(len(frames))
    for index in range(len(frames)):
        scores[index] = detector(*as_inputs(frames[index]))[0].item()
        advance()
    return scores
