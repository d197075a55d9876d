import io
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from pipeline.engines import Processes
from pipeline.exceptions import UsageError
from pipeline.images import read_image, write_bytes
from pipeline.profiling import Profile
from pipeline.results import read_results
from pipeline.run import Job, Overlays, inspect_folder, print_summary
from pipeline.verdict import Verdict
from tests.pipeline.fakes import FakeInspector, folder_of_parts

PARTS = {"good 1.png": None, "sub/böse.png": (50, 30), "sub/good.jpg": None}


def console() -> Console:
    return Console(file=io.StringIO(), width=120)


def pictures_of(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.*g")}


def test_every_image_gets_its_row_in_order(tmp_path: Path) -> None:
    job = Job(folder_of_parts(tmp_path / "in", PARTS), tmp_path / "out")
    rows = inspect_folder(FakeInspector(), job, console())
    assert [(row.image, row.verdict) for row in rows] == [
        ("good 1.png", Verdict.OK),
        ("sub/böse.png", Verdict.NG),
        ("sub/good.jpg", Verdict.OK),
    ]
    assert read_results(tmp_path / "out" / "results.csv") == rows


@pytest.mark.parametrize("overlays", list(Overlays))
def test_processes_find_draw_and_measure_what_one_does(tmp_path: Path, overlays: Overlays) -> None:
    parts = {f"{number:03}.png": (50, 30) if number % 3 else None for number in range(12)}
    folder, profile = folder_of_parts(tmp_path / "in", parts), Profile()
    rows = [
        inspect_folder(FakeInspector(), Job(folder, tmp_path / str(count), overlays, masks=True), console(), profile,
                       engine=Processes(count))
        for count in (1, 2)
    ]  # fmt: skip
    assert [row.image for row in rows[0]] == list(parts)
    assert rows[0] == rows[1] == read_results(tmp_path / "2" / "results.csv")
    assert pictures_of(tmp_path / "1") == pictures_of(tmp_path / "2")
    shown = console()
    shown.print(profile.table())
    assert isinstance(shown.file, io.StringIO)
    assert re.search(r"^ network .* 24 *$", shown.file.getvalue(), re.MULTILINE)


def test_a_second_run_inspects_only_what_is_new(tmp_path: Path) -> None:
    job = Job(folder_of_parts(tmp_path / "in", PARTS), tmp_path / "out")
    inspect_folder(FakeInspector(), job, console())
    folder_of_parts(job.images, {"new.png": None})
    again = FakeInspector()
    rows = inspect_folder(again, job, console())
    assert again.seen == ["new.png"]
    assert len(rows) == 4


def test_an_interrupted_run_continues_without_doing_anything_twice(tmp_path: Path) -> None:
    class Interrupted(FakeInspector):
        def inspect_file(self, path: Path, *, evidence: bool = False):  # type: ignore[no-untyped-def]
            if path.name == "c.png":
                raise KeyboardInterrupt
            return super().inspect_file(path, evidence=evidence)

    job = Job(
        folder_of_parts(tmp_path / "in", dict.fromkeys(["a.png", "b.png", "c.png", "d.png"])),
        tmp_path / "out",
    )
    with pytest.raises(KeyboardInterrupt):
        inspect_folder(Interrupted(), job, console())
    done = [row.image for row in read_results(job.out / "results.csv")]
    again = FakeInspector()
    inspect_folder(again, job, console())
    assert done
    assert done + again.seen == ["a.png", "b.png", "c.png", "d.png"]


def test_bad_files_get_error_and_the_run_goes_on(tmp_path: Path) -> None:
    folder = folder_of_parts(tmp_path / "in", PARTS)
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("no image")
    rows = inspect_folder(FakeInspector(), Job(folder, tmp_path / "out", Overlays.ALL, masks=True), console())
    assert {row.image for row in rows if row.verdict is Verdict.ERROR} == {"empty.png", "text.png"}
    assert len(rows) == 5


@pytest.mark.parametrize(
    ("overlays", "expected"),
    [
        (Overlays.NONE, set()),
        (Overlays.NG, {"sub/böse.png.jpg"}),
        (Overlays.ALL, {"good 1.png.jpg", "sub/böse.png.jpg", "sub/good.jpg.jpg"}),
    ],
)
def test_overlays_are_written_for_whom_they_are_asked(tmp_path: Path, overlays: Overlays, expected: set[str]) -> None:
    job = Job(folder_of_parts(tmp_path / "in", PARTS), tmp_path / "out", overlays)
    inspect_folder(FakeInspector(), job, console())
    written = {path.relative_to(job.out / "overlays").as_posix() for path in job.out.rglob("*.jpg")}
    assert written == expected


def test_masks_lie_on_the_original_image(tmp_path: Path) -> None:
    job = Job(folder_of_parts(tmp_path / "in", PARTS), tmp_path / "out", masks=True)
    inspect_folder(FakeInspector(), job, console())
    mask = cv2.imread(str(job.out / "masks" / "sub" / "böse.png"), cv2.IMREAD_UNCHANGED)
    expected = np.zeros((80, 120), np.uint8)
    expected[14:24, 14:34] = 255  # the reference print at x 20..40, y 10..20, moved back by the shift of (6, -4)
    assert mask is not None
    np.testing.assert_array_equal(mask, expected)


def test_an_image_is_read_once(tmp_path: Path) -> None:
    class Moving(FakeInspector):
        def inspect_file(self, path: Path, *, evidence: bool = False):  # type: ignore[no-untyped-def]
            found = super().inspect_file(path, evidence=evidence)
            path.unlink()  # as a line does that files images away
            return found

    job = Job(folder_of_parts(tmp_path / "in", PARTS), tmp_path / "out", Overlays.ALL, masks=True)
    inspect_folder(Moving(), job, console())
    assert len(list(job.out.rglob("*.jpg"))) == len(list(job.out.rglob("*.png"))) == len(PARTS)


def test_the_row_is_there_before_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows_at_picture: list[int] = []

    def noted(path: Path, data: bytes) -> None:
        rows_at_picture.append(len(read_results(tmp_path / "out" / "results.csv")))
        write_bytes(path, data)

    monkeypatch.setattr("pipeline.run.write_bytes", noted)
    job = Job(folder_of_parts(tmp_path / "in", {"only.png": (50, 30)}), tmp_path / "out")
    inspect_folder(FakeInspector(), job, console())
    assert rows_at_picture == [1]


@pytest.mark.parametrize(
    ("first", "second", "again"),
    [
        (Overlays.NG, Overlays.NG, []),
        (Overlays.NONE, Overlays.NG, ["böse.png"]),
        (Overlays.NG, Overlays.ALL, ["good 1.png", "good.jpg"]),
    ],
)
def test_pictures_that_an_earlier_run_owes_are_drawn(
    tmp_path: Path, first: Overlays, second: Overlays, again: list[str]
) -> None:
    folder = folder_of_parts(tmp_path / "in", PARTS)
    rows = inspect_folder(FakeInspector(), Job(folder, tmp_path / "out", first), console())
    inspector, job = FakeInspector(), Job(folder, tmp_path / "out", second)
    assert inspect_folder(inspector, job, console()) == rows == read_results(job.out / "results.csv")
    assert inspector.seen == again
    assert all(job.is_done(row) for row in rows)


def test_pictures_of_an_earlier_run_are_no_input(tmp_path: Path) -> None:
    folder = folder_of_parts(tmp_path, PARTS)
    job = Job(folder, folder / "out", Overlays.ALL)
    inspect_folder(FakeInspector(), job, console())
    assert len(inspect_folder(FakeInspector(), job, console())) == len(PARTS)
    with pytest.raises(UsageError, match="another --out"):
        inspect_folder(FakeInspector(), Job(folder / "out" / "overlays", folder / "out"), console())


def test_a_file_that_cannot_be_written_is_one_line_and_rows_stay(tmp_path: Path) -> None:
    job = Job(folder_of_parts(tmp_path / "in", PARTS), tmp_path / "out", Overlays.NG)
    job.out.mkdir()
    (job.out / "overlays").write_text("in the way")
    with pytest.raises(UsageError, match=r"overlays.*cannot be written.*same command continues"):
        inspect_folder(FakeInspector(), job, console())
    written = [row.image for row in read_results(job.out / "results.csv")]
    assert written[:2] == ["good 1.png", "sub/böse.png"]
    (job.out / "overlays").unlink()
    inspect_folder(FakeInspector(), job, console())
    assert job.overlay("sub/böse.png").exists()
    assert [row.image for row in read_results(job.out / "results.csv")] == sorted(PARTS)


def test_the_picture_of_a_row_is_its_overlay_or_else_the_image(tmp_path: Path) -> None:
    job = Job(folder_of_parts(tmp_path / "in", PARTS), tmp_path / "out", Overlays.NG)
    (job.images / "empty.png").touch()
    pictures = {row.image: job.picture(row) for row in inspect_folder(FakeInspector(), job, console())}
    assert pictures["sub/böse.png"] == job.out / "overlays" / "sub" / "böse.png.jpg"
    assert pictures["good 1.png"] == job.images / "good 1.png"
    assert pictures["empty.png"] is None
    assert read_image(job.out / "overlays" / "sub" / "böse.png.jpg", max_megapixels=1).shape[1] == 120


def test_summary_lists_what_is_not_ok_and_takes_brackets_literally(tmp_path: Path) -> None:
    folder = folder_of_parts(tmp_path / "in", {"[red]x.png": (50, 30), "good.png": None})
    screen = console()
    print_summary(inspect_folder(FakeInspector(), Job(folder, tmp_path / "out"), screen), screen)
    assert isinstance(screen.file, io.StringIO)
    words = screen.file.getvalue()
    assert "[red]x.png" in words
    assert "good.png" not in words
    assert "2 images: 1 OK, 1 NG" in words
