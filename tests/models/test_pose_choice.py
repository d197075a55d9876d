from pathlib import Path

import cv2
import numpy as np
import pytest

from models.pose_choice import resolve_motion
from pipeline.config import Config, RegistrationConfig
from pipeline.images import Image, write_image


def shots(part: Image, folder: Path, *, turn: float, shift: float, zoom: float = 0.0) -> list[Path]:
    """Twelve shots of a part on a dark ground, moved within these limits (degrees, pixels, shares of its size)."""
    paths, rng = [], np.random.default_rng(3)
    height, width = part.shape[:2]
    for number in range(12):
        move = cv2.getRotationMatrix2D(
            (width / 2, height / 2), rng.uniform(-turn, turn), 0.7 * (1 + rng.uniform(-zoom, zoom))
        )
        move[:, 2] = move[:, 2] + rng.uniform(-shift, shift, 2)
        shot = cv2.warpAffine(part, move, (width, height), borderValue=(40, 40, 40)) + rng.normal(0, 2, part.shape)
        paths.append(folder / f"{number:02}.png")
        write_image(paths[-1], np.clip(shot, 0, 255).astype(np.uint8))
    return paths


def motion(paths: list[Path], config: Config | None = None) -> str:
    return resolve_motion(paths, config or Config()).registration.motion


@pytest.mark.parametrize(("turn", "shift", "wanted"), [(0.5, 2, "euclidean"), (0.5, 40, "euclidean"), (180, 5, "any")])
def test_the_simplest_motion_that_explains_the_parts(
    drawn_part: Image, tmp_path: Path, turn: float, shift: float, wanted: str
) -> None:
    assert motion(shots(drawn_part, tmp_path, turn=turn, shift=shift)) == wanted


def test_parts_nearer_to_the_camera_and_farther_from_it(drawn_part: Image, tmp_path: Path) -> None:
    assert motion(shots(drawn_part, tmp_path, turn=180, shift=5, zoom=0.2)) == "affine"


def test_images_without_anything_in_common_have_no_pose(tmp_path: Path) -> None:
    rng, paths = np.random.default_rng(0), []
    for number in range(8):
        paths.append(tmp_path / f"{number}.png")
        write_image(paths[-1], rng.integers(0, 256, (120, 160, 3), np.uint8))
    assert motion(paths) == "none"


def test_what_the_user_says_holds(drawn_part: Image, tmp_path: Path) -> None:
    chosen = Config(registration=RegistrationConfig(motion="none"))
    assert resolve_motion(shots(drawn_part, tmp_path, turn=0.5, shift=2), chosen) is chosen
