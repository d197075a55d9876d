import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline import cli
from pipeline.audit.ledger import Ledger, Seen, groups
from pipeline.audit.looking import audit
from pipeline.engines import Processes
from pipeline.exceptions import UsageError
from pipeline.images import Image, find_images, write_image
from pipeline.shots import shot_of

DAY = 1_700_000_000


def shot(drawn_part: Image, number: int, *, noise: float = 2.0, **change: float) -> Image:
    """A part moved by up to 4 px, in its own light and grain."""
    rng = np.random.default_rng(number)
    shift = np.hstack([np.eye(2), rng.uniform(-4, 4, (2, 1))])
    moved = cv2.warpAffine(drawn_part, shift, (320, 240), borderMode=cv2.BORDER_REPLICATE)
    if "blur" in change:
        moved = cv2.GaussianBlur(moved, (0, 0), change["blur"])
    lit = np.asarray(moved, np.float64) * rng.uniform(0.98, 1.02) * change.get("light", 1.0)
    return np.clip(lit + rng.normal(0, noise, moved.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(drawn_part: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty good shots, and one of each kind that should not be among them."""
    made = tmp_path_factory.mktemp("audit") / "good"
    for number in range(40):
        write_image(made / f"{number:02}.png", shot(drawn_part, number))
    (made / "copy.png").write_bytes((made / "07.png").read_bytes())
    write_image(made / "twin.jpg", shot(drawn_part, 9))
    write_image(made / "dark.png", shot(drawn_part, 50, light=0.6))
    write_image(made / "blurred.png", shot(drawn_part, 51, blur=3))
    write_image(made / "turned.png", np.ascontiguousarray(np.rot90(shot(drawn_part, 52), 2)))
    write_image(made / "other part.png", np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8))
    write_image(made / "small.png", np.ascontiguousarray(drawn_part[:100, :100]))
    (made / "text.png").write_text("no image")
    whole = (made / "03.png").read_bytes()
    (made / "cut.png").write_bytes(whole[: len(whole) // 2])
    return made


def names_in(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_images(folder)]


def looked_at(folder: Path, processes: int = 1) -> dict[str, Seen]:
    found = audit(
        folder, names_in(folder), lambda _: None, motion="euclidean", max_megapixels=1, engine=Processes(processes)
    )  # fmt: skip
    return {seen.image: seen for seen in found}


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Seen]:
    return looked_at(folder)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("copy.png", "the same file as 07.png"),
        ("twin.jpg", "nearly the same image as 09.png"),
        ("dark.png", "too dark"),
        ("blurred.png", "blurred"),
        ("turned.png", "turned by 180 degrees"),
        ("other part.png", "pose was not found"),
        ("small.png", "of another size than most (100x100, most 320x240 px)"),
        ("text.png", "not an image"),
        ("cut.png", "truncated"),
    ],
)
def test_what_should_not_be_there_is_named(found: dict[str, Seen], name: str, words: str) -> None:
    assert words in " ".join(found[name].findings)
    assert found[name].suspicion >= 1


def test_ordinary_images_are_not_suspicious(found: dict[str, Seen]) -> None:
    assert [name for name in found if name[:2].isdigit() and found[name].suspicion] == []


def test_processes_change_nothing(folder: Path, found: dict[str, Seen]) -> None:
    assert looked_at(folder, processes=2) == found


def test_the_table_has_the_worst_first_and_the_sheet_shows_what_can_be_shown(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["audit", str(folder), "--out", str(tmp_path / "out")]) == 1
    assert "49 images: 2 unreadable, 7 more suspicious" in capsys.readouterr().out
    with (tmp_path / "out" / "audit.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 49
    assert {rows[0]["image"], rows[1]["image"]} == {"text.png", "cut.png"}
    suspicions = [float(row["suspicion"]) for row in rows]
    assert suspicions == sorted(suspicions, reverse=True)
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("<figure>") == 9
    assert page.count("data:image") == 7


def test_parts_that_lie_in_any_turn_are_looked_at_in_their_common_pose(drawn_part: Image, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for number in range(24):
        move = cv2.getRotationMatrix2D((160, 120), rng.uniform(0, 360), 0.7)
        turned = cv2.warpAffine(shot(drawn_part, number), move, (320, 240), borderValue=(40, 40, 40))
        write_image(tmp_path / "good" / f"{number:02}.png", np.asarray(turned, np.uint8))
    write_image(tmp_path / "good" / "other part.png", rng.integers(0, 256, (240, 320, 3), np.uint8))
    assert cli.main(["audit", str(tmp_path / "good"), "--out", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "audit.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert "pose was not found" in rows[0]["findings"]
    assert rows[0]["image"] == "other part.png"
    assert min(float(row["pose"]) for row in rows[1:]) > 0.8
    assert not any("pose" in row["findings"] or "turned" in row["findings"] for row in rows[1:])


def test_nothing_to_compare_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(UsageError, match="nothing to compare"):
        audit(tmp_path, names_in(tmp_path), lambda _: None, motion="euclidean", max_megapixels=1)


@pytest.mark.parametrize(
    ("name", "day", "camera"),
    [
        ("2026-03-14/cam2/0001.png", "2026-03-14", "camera 2"),
        ("line 4/Camera_B_20260314_0815.png", "2026-03-14", "camera B"),
        ("scam1/20269999.png", "2023-11-14", ""),
    ],
)
def test_day_and_camera_are_told_by_the_path_or_else_the_file(tmp_path: Path, name: str, day: str, camera: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text("no image")
    os.utime(path, (DAY, DAY))
    assert shot_of(path, name) == (day, camera)


def test_groups_count_their_own_images() -> None:
    seen = [
        Seen("a", "monday", "1", brightness=10, pose=0.9),
        Seen("b", "tuesday", "1", brightness=50, pose=0.9, suspicion=2),
        Seen("c", "tuesday", "1", brightness=70, pose=0.9),
    ]
    monday, tuesday = groups(Ledger.of(seen))
    assert (monday.day, monday.images, monday.suspicious, monday.brightness) == ("monday", 1, 0, 10)
    assert (tuesday.day, tuesday.images, tuesday.suspicious, tuesday.brightness) == ("tuesday", 2, 1, 60)
