"""What a command said."""

import pytest


def one_line_error(capsys: pytest.CaptureFixture[str]) -> str:
    """The error that a command ended with; it has to be one line."""
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("goodparts: ")
    return said
