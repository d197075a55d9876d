"""A model that is not trained, and parts for it."""

from pathlib import Path

import pytest

from pipeline.inspector import Inspector
from tests.pipeline.fakes import FakeInspector, folder_of_parts


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a model that calls every part NG that has a white pixel."""
    monkeypatch.setattr(Inspector, "load", lambda _: FakeInspector())
    return "model"


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A folder with a good part and a bad one."""
    return folder_of_parts(tmp_path / "Teile für heute", {"good.png": None, "bad.png": (50, 30)})
