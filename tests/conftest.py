"""One thread a worker, and a small rendered data set with a model trained on it, made once a session."""

import os
from pathlib import Path

import cv2
import hypothesis
import numpy as np
import pytest

from pipeline.images import Image, write_image
from samples.render import PARTS, render

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # torch, which is imported later, and subprocesses obey
cv2.setNumThreads(1)
hypothesis.settings.register_profile("repeatable", deadline=None, max_examples=40, derandomize=True, database=None)
hypothesis.settings.load_profile("repeatable")

TINY_SIZE = (384, 288)
TINY_CONFIG = """\
image: {working_megapixels: 0.02}
network: {width: 16, bottleneck: 8}
training: {steps: 20, batch_size: 4}
"""


@pytest.fixture(scope="session")
def drawn_part() -> Image:
    """(240, 320, 3), a plate with four holes and a label, nothing in it symmetric."""
    image = np.full((240, 320, 3), (70, 75, 80), np.uint8)
    cv2.rectangle(image, (60, 50), (260, 190), (150, 150, 145), -1)
    for centre, radius, grey in (((95, 80), 14, 30), ((230, 82), 12, 220), ((225, 160), 16, 40), ((110, 160), 8, 200)):
        cv2.circle(image, centre, radius, (grey, grey, grey), -1, cv2.LINE_AA)
    cv2.rectangle(image, (140, 100), (200, 125), (235, 235, 230), -1)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.8), np.uint8)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered covers of 384x288 px in MVTec AD's layout: 24 good to train, 6 good and 4 without label to test."""
    folder = tmp_path_factory.mktemp("rendered") / "covers"
    for place, seeds, defect in (
        ("train/good", range(24), None),
        ("test/good", range(100, 106), None),
        ("test/label_missing", range(200, 204), "label_missing"),
    ):
        for seed in seeds:
            rendered = render(PARTS["cover"](), seed, defect).image
            small = cv2.resize(rendered, TINY_SIZE, interpolation=cv2.INTER_AREA)
            write_image(folder / place / f"{seed:03}.png", np.asarray(small, np.uint8))
    return folder


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that trains in two seconds."""
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(TINY_CONFIG)
    return path


@pytest.fixture(scope="session")
def model(dataset: Path, tiny_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model trained on `dataset`; tests that change it work on a copy."""
    from models.training import train  # imports torch, which most tests do without
    from pipeline.config import load_config

    folder = tmp_path_factory.mktemp("model") / "covers"
    train(dataset, folder, load_config(tiny_config))
    return folder
