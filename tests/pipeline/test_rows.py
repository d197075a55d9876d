from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.rows import Row, join_texts, severity, split_texts, summary
from pipeline.verdict import Verdict
from tests.pipeline.fakes import FakeInspector, part
from tests.pipeline.rows import row


def test_a_row_keeps_what_the_inspection_says() -> None:
    kept = Row.of("x.png", FakeInspector().inspect(part((50, 30))), "fake")
    assert (kept.verdict, kept.score, kept.peak) == (Verdict.NG, 10.0, (50.0, 30.0))
    assert kept.codes == ("A1|B2",)
    assert kept.code_zones == ("datamatrix 1",)


@given(st.lists(st.text(min_size=1), max_size=4))
def test_texts_survive_joining(texts: list[str]) -> None:
    assert split_texts(join_texts(texts)) == tuple(texts)


def test_the_worst_come_first() -> None:
    rows = [
        row("ok"),
        row("e", None, Verdict.ERROR),
        row("ng", 6.0, Verdict.NG),
        row("worse", 9.0, Verdict.NG),
    ]
    assert [each.image for each in sorted(rows, key=severity)] == ["worse", "ng", "e", "ok"]


def test_summary_counts_every_verdict() -> None:
    rows = [row("a"), row("b", verdict=Verdict.NG), row("c")]
    timed = [replace(each, ms=ms) for each, ms in zip(rows, (1, 50, 9), strict=True)]
    assert summary(timed) == "3 images: 2 OK, 1 NG, 0 REVIEW, 0 ERROR; 9 ms an image"
