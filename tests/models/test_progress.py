import pytest

from models.frames import Frames
from models.progress import Steps
from models.statistics import learn_statistics
from pipeline.config import TrainingConfig
from tests.models.conftest import make_detector


def test_the_bars_end_full_and_show_loss_and_speed(frames: Frames, capsys: pytest.CaptureFixture[str]) -> None:
    with Steps() as steps:
        advance = steps.stage(6)
        for name in ("reading", "framing") * 3:
            advance(name)
        report = steps.fitting(TrainingConfig(steps=2, batch_size=4))
        report(1, 0.75)
        report(2, 0.5)
        looked = steps.statistics(len(frames), len(frames), 0)
        learn_statistics(make_detector(frames).eval(), frames, frames, looked)
        for _ in range(len(frames)):  # the scores of what was learned from
            looked()
    shown = capsys.readouterr().out
    for done in ("6/6", "2/2", "672/672", "loss 0.500", "images/s"):
        assert done in shown
