"""Frames of a drawn part, and a detector that knows their statistics; only its detail head is trained, a little."""

import cv2
import numpy as np
import pytest
import torch

from models.detail_learning import learn_detail
from models.detector import Detector
from models.export import export
from models.fitting import standardise_features
from models.frames import Frames
from models.statistics import learn_statistics
from pipeline.config import NetworkConfig, TrainingConfig
from pipeline.framing import UNCOMPARED, Frame
from pipeline.images import Image, Mask
from pipeline.lighting import DETAIL

torch.set_num_threads(1)

SIZE = (96, 64)
COUNT = 24
NETWORK = NetworkConfig(width=16, bottleneck=8, segmenter=8)
ONE_KIND = torch.zeros(COUNT, dtype=torch.int64)
"""All frames are of one variant."""


def good_frame(drawn_part: Image, number: int) -> Frame:
    """96x64 px, the part under its own light and grain, off its place by some tenths of a pixel; a corner ignored."""
    rng = np.random.default_rng(number)
    shift = np.hstack([np.eye(2), rng.normal(0, 0.3, (2, 1))])
    moved = cv2.warpAffine(drawn_part, shift, (320, 240), borderMode=cv2.BORDER_REPLICATE)
    large = cv2.resize(moved, (DETAIL * SIZE[0], DETAIL * SIZE[1]), interpolation=cv2.INTER_AREA)
    lit = np.asarray(large, np.float64) * rng.uniform(0.92, 1.08) + rng.normal(0, 4, large.shape)
    seen = np.clip(lit, 0, 255).astype(np.uint8)
    ignored = np.zeros(SIZE[::-1], np.uint8)
    ignored[:8, :8] = UNCOMPARED
    return framed(seen, ignored)


def framed(large: Image, ignored: Mask) -> Frame:
    """The frame of a registered image of twice the working size."""
    small = np.asarray(cv2.resize(large, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    return Frame(small, ignored, np.asarray(cv2.cvtColor(large, cv2.COLOR_RGB2GRAY), np.uint8))


@pytest.fixture(scope="session")
def frames(drawn_part: Image, tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """24 frames of 96x64 px, a corner of each ignored."""
    made = Frames.create(tmp_path_factory.mktemp("frames"), COUNT, SIZE)
    made.write(0, [good_frame(drawn_part, index) for index in range(COUNT)])
    return made


def make_detector(frames: Frames) -> Detector:
    """Always the same weights."""
    torch.manual_seed(0)
    detector = Detector(SIZE, **NETWORK.model_dump())
    standardise_features(detector, frames)
    return detector


@pytest.fixture(scope="session")
def detector(frames: Frames) -> Detector:
    """Not to be changed: it is shared."""
    made = make_detector(frames).eval()
    learn_detail(made.detail, frames, ONE_KIND, TrainingConfig(steps=40, batch_size=4), lambda: None)
    learn_statistics(made, frames, frames, lambda: None)
    return made


@pytest.fixture(scope="session")
def exported(detector: Detector) -> bytes:
    return export(detector)
