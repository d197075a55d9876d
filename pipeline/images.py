"""Images in and out: decode, check, never trust."""

import io
import os
import warnings
from pathlib import Path
from typing import IO

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from pipeline.exceptions import ImageError, UsageError
from pipeline.storage import reaching

Image = NDArray[np.uint8]
"""(H, W, 3) uint8, RGB."""

Grey = NDArray[np.uint8]
"""(H, W) uint8, grey levels."""

Mask = NDArray[np.uint8]
"""(H, W) uint8, 0 or 255."""

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")

PIL.Image.MAX_IMAGE_PIXELS = None  # only headers are read with Pillow, and the limit is the configuration's


def good_folder(data: Path) -> Path:
    """Where the good images of `data` lie: in `train/good` of a data set in MVTec AD's layout, or right there.

    Raises:
        UsageError: it is elsewhere and cannot be reached.
    """
    with reaching(data):
        inside = data / "train" / "good"
        return inside if inside.is_dir() else data


def find_images(folder: Path) -> list[Path]:
    """List the image files of a folder and of the folders in it, sorted by path.

    Raises:
        UsageError: the folder does not exist, cannot be reached, or holds no image file.
    """
    with reaching(folder):
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder; give a folder of images")
        found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and not p.is_dir())
    if not found:
        raise UsageError(f"{folder}: holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return found


def read_image(path: Path, *, max_megapixels: float) -> Image:
    """Read one image file as RGB, 8 bits a channel; grey becomes RGB, 16 bits become 8; alpha is dropped
    (a TIFF is blended on black first, as its decoder does).

    The header is checked before a pixel is decoded, so that a small file cannot ask for all the memory.

    Raises:
        ImageError: the file cannot be opened, is no image, is truncated, or is larger than `max_megapixels`.
        UsageError: it is elsewhere and cannot be reached: that says nothing about the image.
    """
    with reaching(path):
        data = _read_bytes(path)
    width, height = _size_in_header(data, path.name)
    if width * height > max_megapixels * 1e6:
        raise ImageError(
            f"{path.name}: {width}x{height} px is over the limit of {max_megapixels:g} megapixels; "
            "raise image.max_megapixels if that is intended"
        )
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise ImageError(f"{path.name}: cannot be decoded ({error.err})") from error
    if image is None:
        raise ImageError(f"{path.name}: truncated or damaged; take the image again")
    return np.asarray(image, np.uint8)


def read_size(path: Path) -> tuple[int, int]:
    """Width and height of an image file, from its header alone: a hundred times as fast as decoding it.

    Raises:
        ImageError: the file cannot be opened, or is no image.
        UsageError: it is elsewhere and cannot be reached.
    """
    with reaching(path):
        try:
            with path.open("rb") as file:
                return _header(file, path.name)
        except OSError as error:
            raise ImageError(f"{path.name}: cannot be opened ({error.strerror or error})") from error


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path.name}: cannot be opened ({error.strerror or error})") from error


def _size_in_header(data: bytes, name: str) -> tuple[int, int]:
    if not data:
        raise ImageError(f"{name}: the file is empty")
    return _header(io.BytesIO(data), name)


def _header(file: IO[bytes], name: str) -> tuple[int, int]:
    try:
        with warnings.catch_warnings(action="ignore"), PIL.Image.open(file, formats=FORMATS) as header:
            return header.size
    except (PIL.UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"{name}: not an image, whatever its name says") from error


def shrink(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Average over areas, (H, W) or (H, W, 3) uint8, down to `size` (w, h).

    Large images are halved first, which OpenCV does three to five times as fast as other ratios; what is left to do
    is still a factor of two and more, so that the rounding between evens out.
    """
    while min(image.shape[1] / size[0], image.shape[0] / size[1]) >= 4 and not image.shape[0] % 2 | image.shape[1] % 2:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def grey_of(image: Image) -> Grey:
    """(H, W) uint8 of an RGB image, (H, W, 3)."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def covered(picture: NDArray[np.uint8], by: NDArray[np.uint8], where: Mask) -> NDArray[np.uint8]:
    """A picture, (H, W) or (H, W, 3) uint8, with another one shown where a mask is not 0.

    OpenCV copies 40 times as fast as numpy chooses.
    """
    return np.asarray(cv2.copyTo(by, where, picture.copy()), np.uint8)


def size_within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Width and height, (w, h), shrunk at the same ratio until neither is over `longest`; not enlarged.

    >>> size_within((768, 576), 192)
    (192, 144)
    """
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def size_in_words(image: NDArray[np.uint8]) -> str:
    """Width and height of an image, for messages.

    >>> size_in_words(np.zeros((480, 640, 3), np.uint8))
    '640x480 px'
    """
    sides = "x".join(str(side) for side in (image.shape[1::-1] if image.ndim == 3 else image.shape[::-1]))
    return f"{sides} px"


def write_image(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an RGB or grey image; the suffix decides the format. Atomic: readers never see half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, encode_image(image, path.suffix))


def encode_image(image: NDArray[np.uint8], suffix: str) -> bytes:
    """What a file of an RGB or grey image holds; its suffix, such as `.png`, decides the format."""
    in_file_order = image[..., ::-1] if image.ndim == 3 else image
    return cv2.imencode(suffix, np.ascontiguousarray(in_file_order))[1].tobytes()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text as `write_bytes` does; what a file name holds that is not UTF-8 becomes a question mark."""
    write_bytes(path, text.encode(errors="replace"))


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Write a file by way of a temporary neighbour, so that a kill leaves the old one or the new one.

    Raises:
        OSError: with the name of the file, which that of a full disk lacks by itself.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        beside.unlink(missing_ok=True)
