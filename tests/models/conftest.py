"""Frames of a drawn part, and a detector with random weights that knows their statistics: no training is needed."""

import cv2
import numpy as np
import pytest
import torch

from models.detector import Detector
from models.export import export
from models.fitting import standardise_features
from models.frames import Frames
from models.statistics import learn_statistics
from pipeline.config import NetworkConfig
from pipeline.framing import Frame
from pipeline.images import Image

torch.set_num_threads(1)

SIZE = (96, 64)
COUNT = 24
NETWORK = NetworkConfig(width=16, bottleneck=8, segmenter=8)


def good_image(drawn_part: Image, number: int) -> Image:
    """(64, 96, 3), the part under its own light and grain, off its place by some tenths of a pixel."""
    rng = np.random.default_rng(number)
    shift = np.hstack([np.eye(2), rng.normal(0, 0.3, (2, 1))])
    moved = cv2.warpAffine(drawn_part, shift, (320, 240), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(moved, SIZE, interpolation=cv2.INTER_AREA)
    lit = np.asarray(small, np.float64) * rng.uniform(0.92, 1.08) + rng.normal(0, 2, small.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def frames(drawn_part: Image, tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """24 frames of 96x64 px, a corner of each ignored."""
    made = Frames.create(tmp_path_factory.mktemp("frames"), COUNT, SIZE)
    ignored = np.zeros(SIZE[::-1], np.uint8)
    ignored[:8, :8] = 255
    made.write(0, [Frame(good_image(drawn_part, index), ignored) for index in range(COUNT)])
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
    learn_statistics(made, frames, frames, lambda: None)
    return made


@pytest.fixture(scope="session")
def exported(detector: Detector) -> bytes:
    return export(detector)
