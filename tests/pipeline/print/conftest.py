from __future__ import annotations

import pytest

from pipeline.print import PrintStage, teach
from tests.pipeline.print.parts import SIZE, draw_parts


@pytest.fixture(scope="session")
def stage() -> PrintStage:
    """A stage taught on drawn parts; tests must not need Tesseract, so kinds of text are not asserted."""
    return teach(draw_parts(40), SIZE)
