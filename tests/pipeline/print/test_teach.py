from __future__ import annotations

import numpy as np

from pipeline.print import teach
from pipeline.registration import Registration
from tests.pipeline.print.parts import SIZE, draw_parts


def test_parts_whose_pose_was_not_found_are_left_out() -> None:
    lost = Registration(np.eye(2, 3), 0.0, False)
    parts = [(image, lost) for image, _ in draw_parts(10)]
    assert teach(parts, SIZE).zones == ()


def test_learns_how_readable_and_how_long_codes_are() -> None:
    zones = {zone.name: zone for zone in teach(draw_parts(20), SIZE).zones}
    limits = zones["datamatrix 1"].limits
    assert (limits.readable, limits.symbologies, limits.lengths) == (1.0, ("DataMatrix",), (10, 10))
