from pathlib import Path

import numpy as np
import pytest

from pipeline import cli
from pipeline.exceptions import UsageError
from pipeline.msa import Part, analyse, read_parts, repeatability
from pipeline.rows import Row
from pipeline.verdict import Verdict
from tests.pipeline.rows import row, write_results

PATTERN = "(?P<group>.+)/"


def part(name: str, good: bool, passed: str, scores: tuple[float, ...] = ()) -> Part:
    """`passed` has a + for each shot that was called OK."""
    shots = np.array([shot == "+" for shot in passed])
    return Part(name, good, shots, np.array(scores or np.zeros(len(passed)), float))


PARTS = [
    part("a", True, "+++"), part("b", True, "+++"), part("c", True, "++-"), part("d", True, "+++"),
    part("e", False, "---"), part("f", False, "--+"), part("g", False, "---"), part("h", False, "---"),
]  # fmt: skip


def test_measures_counted_by_hand() -> None:
    found = {measure.name: measure for measure in analyse(PARTS)}
    assert found["effectiveness"].value == 6 / 8
    assert found["miss rate"].value == pytest.approx(1 / 12)
    assert found["false-alarm rate"].value == pytest.approx(1 / 12)
    assert found["effectiveness"].judged == "not acceptable"
    assert found["false-alarm rate"].judged == "marginal"
    for measure in found.values():
        assert measure.low < measure.value < measure.high


def test_fleiss_as_in_his_paper() -> None:
    """Agreement of each part: 3 of 3 pairs, but 1 of 3 where one shot differs; 12 of 24 shots pass."""
    fleiss = analyse(PARTS)[-1]
    agreed, by_chance = (6 * 1 + 2 / 3) / 8, 0.5
    assert fleiss.value == pytest.approx((agreed - by_chance) / (1 - by_chance))


def test_shots_of_a_part_prove_no_more_than_the_part() -> None:
    few = [part(str(i), i < 5, "++" if i < 5 else "--") for i in range(10)]
    many = [part(str(i), i < 5, ("+" if i < 5 else "-") * 50) for i in range(10)]
    assert [m.low for m in analyse(few)] == [m.low for m in analyse(many)]
    assert analyse(few)[0].low == pytest.approx(0.6915, abs=1e-4)  # 10 of 10
    assert {m.judged for m in analyse(few)} == {"acceptable"}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([part("a", True, "++")], "1 good and 0 bad"),
        ([part("a", True, "+"), part("b", False, "--")], "'a' has one image"),
    ],
)
def test_a_study_that_tells_nothing(parts: list[Part], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        analyse(parts)


def test_repeatability_is_the_spread_within_parts_near_the_threshold() -> None:
    rng = np.random.default_rng(0)
    near = [part(f"n{i}", True, "+" * 20, tuple(4 + i / 10 + 0.1 * rng.normal(size=20))) for i in range(20)]
    far = [part(f"f{i}", False, "-" * 20, tuple(90 + 5 * rng.normal(size=20))) for i in range(20)]
    found = repeatability([*near, *far], threshold=5.0)
    assert found.deviation == pytest.approx(0.1, abs=0.01)
    assert (found.low, found.high) == (5 - 2 * found.deviation, 5 + 2 * found.deviation)
    assert {"n10"} <= set(found.inside) <= {f"n{i}" for i in range(8, 13)}
    assert 0 < found.share < 0.05


def study() -> list[Row]:
    verdicts = {"a": "OK OK", "b": "OK REVIEW", "c": "NG NG", "d": "NG ERROR"}
    return [
        row(f"{name}/{shot}.png", None if word == "ERROR" else float(shot + 1), Verdict(word))
        for name, words in verdicts.items()
        for shot, word in enumerate(words.split())
    ]


def test_the_command_writes_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference = tmp_path / "reference.csv"
    reference.write_text("part,verdict\na,OK\nb,ok\nc,NG\nd,NG\n")
    results, out = write_results(tmp_path / "results.csv", study()), tmp_path / "out"
    assert cli.main(["msa", str(results), str(reference), "--out", str(out)]) == 0
    assert "effectiveness            0.750" in capsys.readouterr().out
    assert [line.split(",")[0] for line in (out / "parts.csv").read_text().splitlines()] == ["part", "a", "b", "c", "d"]
    page = (out / "index.html").read_text()
    assert "<td>b</td><td>OK</td><td>2</td><td>1</td>" in page
    assert "data:image/svg" in page


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("part,verdict\na,OK\n", "no line for part 'b'"),
        ("part,verdict\na,fine\n", "line 2: the verdict is 'fine'"),
        ("name,truth\na,OK\n", "columns part and verdict"),
        (None, "cannot be read"),
    ],
)
def test_a_reference_that_cannot_be_used(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "r.csv").write_text(text)
    with pytest.raises(UsageError, match=words):
        read_parts(study(), tmp_path / "r.csv", PATTERN)
