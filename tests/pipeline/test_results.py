import csv
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.exceptions import UsageError
from pipeline.quality import Conditions
from pipeline.results import ResultsFile, read_results
from pipeline.rows import COLUMNS, Row
from pipeline.verdict import Verdict


def row(image: str = "a.png", verdict: Verdict = Verdict.OK, score: float | None = 1.0, **more: object) -> Row:
    values = {
        "threshold": 5.0,
        "peak": (3.0, 4.5),
        "reason": "like the good parts",
        "masked": 0.25,
        "codes": (),
        "findings": (),
        "ms": 12.5,
        "model": "m1",
    }
    return Row(image=image, verdict=verdict, score=score, **(values | more))  # type: ignore[arg-type]


def write(path: Path, *rows: Row) -> None:
    with ResultsFile(path, "m1") as results:
        for each in rows:
            results.append(each)


def test_columns_are_those_of_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "out" / "results.csv"
    write(path, row("sub/ä b.png", Verdict.NG, 7.25, codes=("X1", "Y|2"), findings=("faint",)))
    with path.open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert dict(itertools.islice(line.items(), 12)) == {
        "image": "sub/ä b.png", "verdict": "NG", "score": "7.25", "threshold": "5",
        "peak_x": "3.0", "peak_y": "4.5", "reason": "like the good parts", "masked": "0.2500",
        "codes": "X1|Y\\|2", "print_findings": "faint", "ms": "12.5", "model": "m1",
    }  # fmt: skip


def test_what_was_measured_survives_the_file(tmp_path: Path) -> None:
    taken = Conditions(brightness=120.5, contrast=30.25, focus=4.5, pose=0.9375, size=1.0625, masked=0.25)
    judged = row(p_value=0.0625, doubts=("too dark", "blurred"), conditions=taken, codes=("X",), code_zones=("qr 1",))
    write(tmp_path / "results.csv", judged)
    assert read_results(tmp_path / "results.csv") == [judged]


def test_an_error_has_neither_score_nor_peak(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    write(path, row(verdict=Verdict.ERROR, score=None, peak=None))
    assert path.read_text().splitlines()[1].startswith("a.png,ERROR,,5,,,")
    assert read_results(path)[0].peak is None


def test_rows_are_on_disk_before_the_file_is_closed(tmp_path: Path) -> None:
    with ResultsFile(tmp_path / "results.csv", "m1") as results:
        results.append(row("a.png"))
        assert [each.image for each in read_results(tmp_path / "results.csv")] == ["a.png"]


def test_resuming_keeps_the_rows_and_appends(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    write(path, row("a.png"))
    write(path, row("b.png"))
    assert [each.image for each in read_results(path)] == ["a.png", "b.png"]
    assert path.read_text().count("verdict") == 1


@pytest.mark.parametrize("torn", range(1, 41))
def test_a_half_written_last_line_is_dropped(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "results.csv"
    write(path, row("a.png"), row("b.png", reason='two\nlines, "quoted"', codes=("é",)))
    path.write_bytes(path.read_bytes()[:-torn])
    write(path, row("c.png"))
    assert [each.image for each in read_results(path)] == ["a.png", "c.png"]


def test_a_half_written_header_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("image,verd")
    write(path, row("a.png"))
    assert len(read_results(path)) == 1


def test_results_of_another_model_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "results.csv", row())
    with pytest.raises(UsageError, match=r"model m1, not of m2.*another --out"):
        ResultsFile(tmp_path / "results.csv", "m2")


@pytest.mark.parametrize("content", ["my,own,table\n1,2,3\n", "no line end", ",".join(COLUMNS) + "\r\nx,y\r\n"])
def test_a_foreign_file_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "results.csv"
    path.write_text(content, newline="")
    with pytest.raises(UsageError, match="no results file"):
        ResultsFile(path, "m1")
    assert path.read_bytes() == content.encode()


texts = st.text(st.characters(codec="utf-8"), min_size=1)


@given(image=texts, reason=texts, codes=st.lists(texts, max_size=3).map(tuple))
def test_any_text_survives_the_file(
    tmp_path_factory: pytest.TempPathFactory, image: str, reason: str, codes: tuple[str, ...]
) -> None:
    path = tmp_path_factory.mktemp("any") / "results.csv"
    write(path, row(image, reason=reason, codes=codes))
    assert read_results(path) == [row(image, reason=reason, codes=codes)]


def test_a_file_name_that_is_no_text_survives(tmp_path: Path) -> None:
    write(tmp_path / "results.csv", row("caf\udce9.png"))
    assert read_results(tmp_path / "results.csv")[0].image == "caf\udce9.png"
