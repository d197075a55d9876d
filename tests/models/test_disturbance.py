import numpy as np

from models.disturbance import disturb
from pipeline.images import Image


def test_a_disturbed_part_is_in_the_light_of_the_part_itself(drawn_part: Image) -> None:
    disturbed = [disturb(drawn_part, np.random.default_rng(seed)) for seed in range(12)]
    assert len({image.tobytes() for image in disturbed}) == 12
    for image in disturbed:
        assert image.dtype == np.uint8
        assert image.shape == drawn_part.shape
        dark = drawn_part < 150  # what no exposure has burnt out
        assert abs(float(image[dark].mean()) - float(drawn_part[dark].mean())) < 3
