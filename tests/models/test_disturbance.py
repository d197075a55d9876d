import cv2
import numpy as np

from models.disturbance import disturb
from pipeline.framing import CLIPPED, UNCOMPARED, Frame
from pipeline.images import Grey, Image
from pipeline.lighting import DETAIL


def enlarged(image: Image) -> Grey:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, None, fx=DETAIL, fy=DETAIL), np.uint8)


def test_a_disturbed_part_is_in_the_light_of_the_part_itself(drawn_part: Image) -> None:
    height, width = drawn_part.shape[:2]
    frame = Frame(drawn_part, np.zeros((height, width), np.uint8), enlarged(drawn_part))
    disturbed = [disturb(frame, np.random.default_rng(seed)) for seed in range(12)]
    assert len({shot.image.tobytes() for shot in disturbed}) == len({shot.detail.tobytes() for shot in disturbed}) == 12
    for image, detail in ((shot.image, shot.detail) for shot in disturbed):
        assert detail.shape == frame.detail.shape
        apart = np.abs(enlarged(image).astype(float) - detail)
        assert apart.mean() < 6  # both are of one shot
        assert image.dtype == np.uint8
        assert image.shape == drawn_part.shape
        dark = drawn_part < 150  # what no exposure has burnt out
        assert abs(float(image[dark].mean()) - float(drawn_part[dark].mean())) < 3


def test_what_a_disturbance_has_burnt_out_is_not_compared(drawn_part: Image) -> None:
    height, width = drawn_part.shape[:2]
    bright = np.clip(drawn_part * 1.05, 0, 250).astype(np.uint8)
    frame = Frame(bright, np.zeros((height, width), np.uint8), enlarged(bright))
    ignored = np.stack([disturb(frame, np.random.default_rng(seed)).ignored for seed in range(20)])
    assert set(np.unique(ignored)) == {0, CLIPPED, UNCOMPARED}
    assert (ignored[:, 105:120, 145:195] == UNCOMPARED).mean() > 0.2  # the label
    assert not (ignored[:, 145:155, 70:90] == UNCOMPARED).any()  # the plate
