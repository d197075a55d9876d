import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.bundle import load_bundle
from pipeline.exceptions import ModelError
from pipeline.framing import Frame
from pipeline.network import Network

FRAME = Frame(np.full((128, 160, 3), 90, np.uint8), np.zeros((128, 160), np.uint8), np.full((256, 320), 90, np.uint8))


def test_shapes_types_and_the_score_as_peak_of_the_anomaly(model: Path) -> None:
    found = Network(load_bundle(model).network).run(FRAME)
    assert isinstance(found.score, float)
    assert found.score == found.anomaly.max()
    assert found.anomaly.shape == found.ssim.shape == found.features.shape == found.detail.shape == (32, 40)
    assert found.reconstruction.shape == FRAME.image.shape
    assert found.reconstruction.dtype == np.uint8


def test_the_same_image_gives_the_same_score(model: Path) -> None:
    serialised = load_bundle(model).network
    scores = {Network(serialised).run(FRAME).score for _ in range(3)}
    assert len(scores) == 1


@pytest.mark.parametrize("damage", [b"", b"no network", b"\x08\x07\x12\x04"])
def test_what_is_no_network_is_a_model_error(damage: bytes) -> None:
    with pytest.raises(ModelError, match=r"model\.onnx: cannot be loaded") as caught:
        Network(damage)
    assert "\n" not in str(caught.value)


def test_a_c_library_that_gives_no_memory_back_is_no_error(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert Network(load_bundle(model).network).run(FRAME).anomaly.shape == (32, 40)


def test_the_runtime_leaves_nothing_to_tell_its_maker(model: Path, tmp_path: Path) -> None:
    code = "import sys, pathlib; from pipeline.network import Network; Network(pathlib.Path(sys.argv[1]).read_bytes())"
    told = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    subprocess.run([sys.executable, "-c", code, model / "model.onnx"], env={**told, "HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.iterdir()) == []
