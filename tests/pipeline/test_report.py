import re
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import cli, plots
from pipeline.evaluation import evaluate
from pipeline.images import write_image
from pipeline.report import render_report, tally
from pipeline.verdict import Verdict
from tests.pipeline.fakes import FakeInspector, folder_of_parts
from tests.pipeline.rows import row

ROWS = [
    *(row(f"good/{i}.png", i / 10) for i in range(18)),
    row("good/18.png", 5.5, Verdict.REVIEW),
    row("good/19.png", 9.0, Verdict.NG),
    row("crack/0.png", 8.0, Verdict.NG),
    row("crack/1.png", 1.0),
    row("dent/0.png", None, Verdict.ERROR),
]


def test_verdicts_are_counted_class_by_class() -> None:
    good, crack, dent, bad = tally(ROWS)
    assert (good.name, good.images, good.wrong, good.mistake) == ("good", 20, 2, "false call")
    assert (crack.name, crack.wrong, dent.wrong) == ("crack", 1, 0)
    assert (bad.images, bad.wrong, bad.total) == (3, 1, True)
    assert good.bounds == pytest.approx((0.0123, 0.3170), abs=1e-4)  # Clopper and Pearson for 2 of 20
    assert good.to_csv() == ["good", 20, 18, 1, 1, 0, "false call", 2, "0.1000", "0.0123", "0.3170"]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    names = {one.image: None for one in ROWS} | {"crack/1.png": (50, 30)}
    mask = np.zeros((80, 120), np.uint8)
    mask[28:33, 48:53] = 255
    write_image(tmp_path / "ground_truth" / "crack" / "1_mask.png", mask)
    folder_of_parts(tmp_path / "test", names)
    return tmp_path


def test_the_page_is_whole_and_shows_the_mistakes(dataset: Path) -> None:
    page = render_report(ROWS, evaluate(ROWS, dataset), FakeInspector(), dataset, classes=tally(ROWS))
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert [source[:18] for source in sources] == ["data:image/svg+xml"] * 3 + ["data:image/jpeg;ba"] * 3
    assert re.findall(r"<code>(\w+/\d+.png)</code>", page) == ["crack/1.png", "good/19.png", "good/18.png"]
    assert "Escapes: 1" in page
    assert "1.2% to 31.7%" in page
    assert "That breaks the promise" in page  # 299 parts promise 1 %, and 1.2 % is the least that these leave possible


def test_without_matplotlib_there_is_a_report_that_says_so(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("pipeline.inspector.Inspector.load", lambda _: FakeInspector())
    assert cli.main(["evaluate", "model", str(dataset), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err == f"goodparts: {plots.MISSING}\n"
    page = (tmp_path / "out" / "index.html").read_text()
    assert "goodparts[report]" in page
    assert "image/svg" not in page


@pytest.mark.parametrize("scores", [[1.0], [1.0, 1.0], [0.5, np.inf]])
def test_plots_of_few_or_equal_or_missing_scores(scores: list[float]) -> None:
    few = np.array(scores)
    for draw in (plots.roc(few, few, 1.0), plots.histogram(few, few, 1.0, 2.0), plots.trade_off(few, few, 1.0, 2.0)):
        assert (plots.plot(draw) or "").startswith("data:image/svg+xml;base64,")
