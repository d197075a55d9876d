"""The cache of what was learned from each good image before the training: frames, and notes about them.

A folder named after what it depends on: the files and the settings that shape a frame. What a killed run has left is
kept as far as its hashes hold; settings of the network and the training change nothing here.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import Base64Bytes, TypeAdapter, ValidationError

from models.frames import Frames
from pipeline.config import Config
from pipeline.framing import Frame
from pipeline.images import write_bytes
from pipeline.quality import Conditions
from pipeline.storage import reaching

FORMAT = 16
"""Raised whenever the same image and settings give another frame or note than before."""


@dataclass(frozen=True, slots=True)  # of a hundred thousand images all are in memory
class Note:
    """What a look at one image told, beside its frame.

    Attributes:
        refused: why the image cannot be used; empty where it can.
        unseen: share of the frame outside the camera's view, 0..1.
        print_faulty: whether anything was found wrong with its print.
        conditions: how it was taken; None where it was refused.
        likeness: a small grey picture of the frame, row by row; what the coverage sample compares.
    """

    refused: str = ""
    unseen: float = 0.0
    print_faulty: bool = False
    conditions: Conditions | None = None
    likeness: Base64Bytes = b""


@dataclass(frozen=True)
class _Shard:
    """The notes of some frames, and the hashes of the files that those lie in."""

    hashes: tuple[str, ...]
    notes: tuple[Note, ...]


_SHARD = TypeAdapter(_Shard)


def cache_key(folder: Path, paths: Sequence[Path], config: Config) -> str:
    """Twelve hexadecimal digits that change with the files, and with every setting that a frame depends on."""
    depends = [FORMAT, version("goodparts"), describe_files(folder, paths)]
    depends += [
        section.model_dump(mode="json") for section in (config.image, config.registration, config.regions, config.print)
    ]
    return hashlib.sha256(json.dumps(depends).encode()).hexdigest()[:12]


def describe_files(folder: Path, paths: Sequence[Path]) -> list[tuple[str, int, float]]:
    """Path within the folder, size and time of each file: what tells that it is still the same."""
    with reaching(folder):
        stats = [path.stat() for path in paths]
    names = [path.relative_to(folder).as_posix() for path in paths]
    return [(name, stat.st_size, stat.st_mtime) for name, stat in zip(names, stats, strict=True)]


def read_shard(frames: Frames, shard: int) -> tuple[Note, ...] | None:
    """The notes of a file of frames that is whole; None where it is missing or damaged, and has to be made again."""
    try:
        found = _SHARD.validate_json(_note_file(frames, shard).read_bytes())
        return found.notes if found.hashes == _hashes(frames, shard) else None
    except (OSError, ValidationError):
        return None


def write_shard(frames: Frames, shard: int, start: int, made: Sequence[Frame], notes: Sequence[Note]) -> None:
    """Write one file of frames, then its notes: notes without their frames cannot be."""
    frames.write(start, made)
    found = _Shard(_hashes(frames, shard), tuple(notes))
    write_bytes(_note_file(frames, shard), _SHARD.dump_json(found))


def _note_file(frames: Frames, shard: int) -> Path:
    return frames.folder / f"notes-{shard:06}.json"


def _hashes(frames: Frames, shard: int) -> tuple[str, ...]:
    return tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in frames.files(shard))
