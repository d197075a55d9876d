import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline import page
from pipeline.images import write_image
from pipeline.page import Entry, render_page
from pipeline.rows import Row
from pipeline.verdict import Verdict


def row(image: str = "a.png", verdict: Verdict = Verdict.NG, score: float | None = 6.0, **more: object) -> Row:
    values = {"reason": "dent", "codes": ("PN1",), "findings": ()} | more
    return Row(image, verdict, score, 5.0, None, masked=0.1, ms=4.0, model="m", **values)  # type: ignore[arg-type]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    write_image(tmp_path / "big.png", np.zeros((900, 1600, 3), np.uint8))
    return tmp_path / "big.png"


def test_everything_is_inside(picture: Path) -> None:
    html = render_page("Today", [Entry(row(), picture)])
    sources = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert len(sources) == 1
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "url(" not in html


def test_pictures_are_small(picture: Path) -> None:
    (data,) = re.findall(r"base64,([^\"]*)", render_page("Today", [Entry(row(), picture)]))
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (315, 560, 3)


def test_text_cannot_become_markup() -> None:
    bad = "<script>alert(1)</script>"
    html = render_page(bad, [Entry(row(bad, reason=bad, codes=(bad,), findings=(bad,)), None)])
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 5


def test_it_says_what_was_found() -> None:
    entries = [Entry(row(), None), Entry(row("b.png", Verdict.ERROR, None, reason="empty"), None)]
    html = render_page("Today", entries)
    for words in (
        "2 images: 0 OK, 1 NG",
        "score 6.00, threshold 5.00",
        "dent",
        "PN1",
        "no picture",
    ):
        assert words in html


@pytest.mark.parametrize(
    ("score", "width"), [(0.0, "0.0"), (5.0, "50.0"), (7.5, "75.0"), (99.0, "100.0"), (-1.0, "0.0")]
)
def test_the_bar_crosses_the_mark_when_the_score_crosses_the_threshold(score: float, width: str) -> None:
    assert f"width: {width}%" in render_page("Today", [Entry(row(score=score), None)])


def test_only_verdicts_that_occur_can_be_filtered_by() -> None:
    html = render_page("Today", [Entry(row(), None)])
    assert re.findall(r'id="show-(\w+)"', html) == ["all", "NG"]


def test_a_long_run_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "SHOWN", 2)
    html = render_page("Today", [Entry(row(f"{n}.png"), None) for n in range(5)])
    assert html.count("<article") == 2
    assert "3 more are in results.csv" in html
    assert "5 images" in html


def test_tags_are_balanced(picture: Path) -> None:
    class Balance(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, _: object) -> None:
            if tag not in ("meta", "img", "input"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(render_page("Today", [Entry(row(), picture)]))
    assert not parser.open
