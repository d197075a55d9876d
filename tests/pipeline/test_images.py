import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.exceptions import ImageError, UsageError
from pipeline.images import Image, find_images, read_image, shrink, write_bytes, write_image, write_text

PIL_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".bmp": "BMP", ".tif": "TIFF", ".webp": "WEBP"}


def smooth_noise() -> Image:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.asarray(cv2.normalize(blurred, np.empty(0), 0, 255, cv2.NORM_MINMAX), np.uint8)


RGB = smooth_noise()
GREY = np.ascontiguousarray(RGB[..., 1])
GREY_AS_RGB = np.dstack([GREY] * 3)


def encoded(picture: PIL.Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def of_array(array: NDArray[np.generic], form: str, **options: object) -> bytes:
    return encoded(PIL.Image.fromarray(array), form, **options)


def png_of_size(width: int, height: int) -> bytes:
    """A valid PNG header for an image of any size in a file of a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def read(folder: Path, name: str, data: bytes, *, max_megapixels: float = 1) -> Image:
    (folder / name).write_bytes(data)
    return read_image(folder / name, max_megapixels=max_megapixels)


PALETTE = PIL.Image.fromarray(RGB).quantize(64)
WITH_ALPHA = np.dstack([RGB, np.full(GREY.shape, 9, np.uint8)])
KINDS = {
    "grey.png": (of_array(GREY, "PNG"), GREY_AS_RGB),
    "grey 16 bit.png": (of_array(GREY.astype(np.uint16) * 257, "PNG"), GREY_AS_RGB),
    "rgb 16 bit.png": (cv2.imencode(".png", RGB[..., ::-1].astype(np.uint16) * 257)[1].tobytes(), RGB),
    "rgba.png": (of_array(WITH_ALPHA, "PNG"), RGB),
    "rgba.webp": (of_array(WITH_ALPHA, "WEBP", lossless=True, exact=True), RGB),
    "grey and alpha.png": (of_array(np.dstack([GREY, GREY]), "PNG"), GREY_AS_RGB),
    "palette.png": (encoded(PALETTE, "PNG"), np.asarray(PALETTE.convert("RGB"))),
    "black and white.png": (of_array(GREY > 99, "PNG"), np.dstack([(GREY > 99).astype(np.uint8) * 255] * 3)),
    "cmyk.tif": (encoded(PIL.Image.fromarray(RGB).convert("CMYK"), "TIFF"), RGB),
    "16 bit.tif": (of_array(GREY.astype(np.uint16) * 257, "TIFF"), GREY_AS_RGB),
    "a jpeg inside.png": (of_array(GREY, "JPEG", quality=100), GREY_AS_RGB),
    "CAPITALS.PNG": (of_array(RGB, "PNG"), RGB),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_image_becomes_rgb_of_8_bits(tmp_path: Path, name: str) -> None:
    data, expected = KINDS[name]
    image = read(tmp_path, name, data)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image.astype(int), expected, atol=2 if "jpeg" in name else 0)


def test_cmyk_jpeg_keeps_its_colours(tmp_path: Path) -> None:
    data = encoded(PIL.Image.fromarray(RGB).convert("CMYK"), "JPEG", quality=100)
    assert np.abs(read(tmp_path, "cmyk.jpg", data).astype(int) - RGB).mean() < 3


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_of_several_pages_the_first_counts(tmp_path: Path, suffix: str) -> None:
    second = PIL.Image.fromarray(255 - RGB)
    options = {"lossless": True} if suffix == ".webp" else {}
    data = of_array(RGB, PIL_FORMATS[suffix], save_all=True, append_images=[second], **options)
    np.testing.assert_array_equal(read(tmp_path, f"pages{suffix}", data), RGB)


def test_a_turned_camera_is_turned_back(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # the first row is the right side of the scene
    image = read(tmp_path, "turned.png", of_array(RGB, "PNG", exif=exif))
    np.testing.assert_array_equal(image, np.rot90(RGB, -1))


@pytest.mark.parametrize("suffix", PIL_FORMATS)
@pytest.mark.parametrize("progressive", [False, True])
def test_a_truncated_file_is_never_an_image(tmp_path: Path, suffix: str, progressive: bool) -> None:
    options = {"progressive": True} if progressive and suffix == ".jpg" else {}
    whole = of_array(RGB, PIL_FORMATS[suffix], **options)
    assert read(tmp_path, f"whole{suffix}", whole).shape == RGB.shape
    inside = range(1, len(whole), max(1, len(whole) // 60))
    for cut in (*inside, *range(len(whole) - 12, len(whole))):
        with pytest.raises(ImageError, match=f"cut{suffix}"):
            read(tmp_path, f"cut{suffix}", whole[:cut])


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Truncated File Read")
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\0", b"BM"]))
def test_no_bytes_raise_anything_but_image_error(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, magic: bytes
) -> None:
    with pytest.raises(ImageError):
        read(tmp_path_factory.getbasetemp(), "noise.png", magic + noise)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.png", b"", "empty"),
        ("text.png", b"no image at all\n" * 50, "not an image"),
        ("really a gif.png", of_array(GREY, "GIF"), "not an image"),
        ("without pixels.png", png_of_size(0, 5), "not an image"),
        ("16 tera.png", png_of_size(2**31 - 1, 2**31 - 1), "2147483647x2147483647"),
        ("large.png", png_of_size(20_000, 20_000), r"20000x20000.*max_megapixels"),
    ],
)
def test_what_cannot_be_used_is_one_line_that_names_the_file(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    with pytest.raises(ImageError, match=words) as caught:
        read(tmp_path, name, data)
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)


def test_a_large_image_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ImageError, match="over the limit of 100 megapixels"):
        read(tmp_path, "large.png", png_of_size(20_000, 20_000), max_megapixels=100)


@pytest.mark.parametrize(("megapixels", "refused"), [(0.0047, True), (0.0048, False)])
def test_the_limit_is_exact(tmp_path: Path, megapixels: float, refused: bool) -> None:
    data = of_array(RGB, "PNG")  # 80x60 px
    if refused:
        with pytest.raises(ImageError, match="80x60"):
            read(tmp_path, "a.png", data, max_megapixels=megapixels)
    else:
        assert read(tmp_path, "a.png", data, max_megapixels=megapixels).shape == RGB.shape


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_the_limit_of_the_configuration_is_the_only_one(
    tmp_path: Path, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: RGB)
    assert read(tmp_path, "large.png", png_of_size(side, side), max_megapixels=500) is RGB


@pytest.mark.parametrize("make", ["missing", "folder", "link", "forbidden"])
def test_what_cannot_be_opened_is_an_image_error(tmp_path: Path, make: str) -> None:
    path = tmp_path / f"{make}.png"
    if make == "folder":
        path.mkdir()
    elif make == "link":
        path.symlink_to(tmp_path / "nowhere")
    elif make == "forbidden":
        path.write_bytes(of_array(RGB, "PNG"))
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("root may read everything")
    with pytest.raises(ImageError, match=f"{make}.png: cannot be opened"):
        read_image(path, max_megapixels=1)


def test_images_are_found_in_all_folders_in_order(tmp_path: Path) -> None:
    names = ["Prüfung 1/Teil ä.PNG", "a.jpg", "b/c.tif", "b/d.webp"]
    for name in (*names, "notes.txt", "b/c.tif.tmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)] == names


def test_a_folder_without_images_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match="holds no image"):
        find_images(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        find_images(tmp_path / "nowhere")


@pytest.mark.parametrize("image", [RGB, GREY], ids=["rgb", "grey"])
def test_what_is_written_is_read_back(tmp_path: Path, image: NDArray[np.uint8]) -> None:
    path = tmp_path / "new folder" / "Gehäuse Nr. 7.png"
    write_image(path, image)
    expected = image if image.ndim == 3 else GREY_AS_RGB
    np.testing.assert_array_equal(read_image(path, max_megapixels=1), expected)
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.bin"
    write_bytes(path, b"old")

    def full_disk(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_text_with_a_file_name_that_is_not_utf_8_is_written_all_the_same(tmp_path: Path) -> None:
    write_text(tmp_path / "page.html", "B\udcffild: Größe")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "B?ild: Größe"


@pytest.mark.parametrize("shape", [(576, 768, 3), (2048, 2448, 3), (2048, 2448), (1001, 1600, 3), (40, 60)])
def test_shrinking_averages_over_areas(shape: tuple[int, ...]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    image = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.0), np.uint8)
    for size in ((384, 288), (160, 120), (30, 20)):
        if size[0] <= shape[1] and size[1] <= shape[0]:
            exact = cv2.resize(image.astype(np.float64), size, interpolation=cv2.INTER_AREA)
            np.testing.assert_allclose(shrink(image, size), exact, atol=3)
