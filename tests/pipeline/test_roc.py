import numpy as np

from pipeline.drawing import BLUE, VERMILION
from pipeline.roc import MARGIN, SIDE, SIZE, draw_roc


def test_the_curve_and_the_working_point_lie_where_they_should() -> None:
    good, bad = np.array([1.0, 2, 3, 4]), np.array([3.5, 5, 6, np.inf])
    sheet = draw_roc(good, bad, 4.5, "title")
    assert sheet.shape == (SIZE, SIZE, 3)
    assert (sheet[SIZE - MARGIN - 3 * SIDE // 4, MARGIN] == VERMILION).all()
    assert (sheet[MARGIN, MARGIN + SIDE // 2] == BLUE).all()
    assert not (sheet[SIZE - MARGIN - SIDE // 2, MARGIN + SIDE // 2] == BLUE).all()
