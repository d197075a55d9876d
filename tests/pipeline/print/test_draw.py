from __future__ import annotations

import numpy as np

from pipeline.print import PrintStage, mask_pictures, zones_picture
from tests.pipeline.print.parts import CODE_BOX, HERE, draw_part


def test_zones_are_outlined_and_the_rest_is_left_alone(stage: PrintStage) -> None:
    image = np.repeat(draw_part(1).image[..., None], 3, axis=2)
    picture = zones_picture(image, stage)
    changed = (picture != image).any(axis=2)
    assert picture.shape == image.shape
    assert changed[CODE_BOX[1] - 6 : CODE_BOX[1] + 65, CODE_BOX[0] - 6 : CODE_BOX[0] + 65].any()
    assert not changed[170:].any()
    assert not np.shares_memory(picture, image)


def test_pictures_of_every_step_have_a_caption_and_leave_the_image_alone(stage: PrintStage) -> None:
    image = draw_part(2).image
    before = image.copy()
    steps = mask_pictures(image, HERE, stage)
    pictures = steps.pictures
    assert list(pictures) == ["registered", "strokes", "mask", "findings"]
    assert list(steps.ms) == ["registered", "strokes", "mask"]
    assert min(steps.ms.values()) > 0
    assert all(picture.shape[1] == image.shape[1] for picture in pictures.values())
    assert all(picture.shape[0] > image.shape[0] for picture in pictures.values())
    np.testing.assert_array_equal(image, before)


def test_mask_picture_paints_what_is_masked(stage: PrintStage) -> None:
    image = draw_part(3).image
    masked = stage.find(image, HERE).pixels > 0
    picture = mask_pictures(image, HERE, stage).pictures["mask"][-image.shape[0] :]
    assert (picture[masked] == picture[masked][0]).all()
    np.testing.assert_array_equal(picture[~masked, 0], image[~masked])
