import copy
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from models.batches import as_inputs
from models.detector import Detector
from models.export import export
from models.frames import Frames
from models.rounding import round_trained
from pipeline.calibration import Goal, calibrate_scores
from pipeline.framing import PRINT, UNCOMPARED, Frame
from pipeline.network import OUTPUTS, Network
from tests.models.conftest import SIZE, framed


def noise(seed: int) -> Frame:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (2 * SIZE[1], 2 * SIZE[0], 3), np.uint8)
    return framed(image, rng.choice(np.array([0, PRINT, UNCOMPARED], np.uint8), SIZE[::-1], p=[0.7, 0.2, 0.1]))


@pytest.mark.parametrize("number", range(6))
def test_the_graph_computes_what_the_network_does(
    detector: Detector, exported: bytes, frames: Frames, number: int
) -> None:
    frame = frames[number] if number < 3 else noise(number)
    found = Network(exported).run(frame)
    with torch.no_grad():
        score, *maps = detector(*as_inputs(frame))
    assert found.score == pytest.approx(score.item(), abs=0.01, rel=1e-3)
    for ours, theirs, name in zip(found[1:], maps, OUTPUTS[1:], strict=True):
        tolerance = 1 if name == "reconstruction" else 0.01  # a grey level; a hundredth of a deviation
        np.testing.assert_allclose(
            np.asarray(ours, np.float64), theirs[0].numpy(), atol=tolerance, rtol=1e-3, err_msg=name
        )


def test_scores_agree_within_a_thousandth_of_the_threshold(detector: Detector, exported: bytes, frames: Frames) -> None:
    network, scores = Network(exported), []
    for number in range(len(frames)):
        with torch.no_grad():
            wanted = detector(*as_inputs(frames[number]))[0].item()
        scores.append((network.run(frames[number]).score, wanted))
    found, wanted_scores = np.transpose(scores)
    threshold = calibrate_scores(wanted_scores, np.zeros(0), Goal()).threshold
    assert np.abs(found - wanted_scores).max() < 1e-3 * threshold


def test_rounded_weights_are_stored_in_16_bits_and_compute_the_same(detector: Detector, frames: Frames) -> None:
    rounded = copy.deepcopy(detector)
    round_trained(rounded)
    wide, narrow = export(detector), export(rounded)
    weights = sum(weights.numel() for weights in rounded.parameters() if weights.requires_grad)
    assert len(narrow) < len(wide) - weights
    with torch.no_grad():
        wanted = rounded(*as_inputs(frames[0]))[0].item()
    assert Network(narrow).run(frames[0]).score == pytest.approx(wanted, rel=1e-3, abs=0.01)


def test_the_graph_is_data_that_needs_no_other_file(exported: bytes) -> None:
    graph = onnx.load_from_string(exported)
    onnx.checker.check_model(graph)
    assert [output.name for output in graph.graph.output] == list(OUTPUTS)
    assert {node.domain for node in graph.graph.node} <= {"", "ai.onnx"}
    assert not [weight for weight in graph.graph.initializer if weight.external_data]


def test_the_graph_says_nothing_about_the_machine_it_was_made_on(exported: bytes) -> None:
    assert str(Path(__file__).parents[2]).encode() not in exported
    assert b".py" not in exported
