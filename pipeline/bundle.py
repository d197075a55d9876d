"""The model folder: data, never code; every file is checked against the hash that the manifest gives."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import TypeAdapter, ValidationError

from pipeline.calibration import Calibration
from pipeline.config import Config, parse_config
from pipeline.exceptions import ConfigError, ModelError
from pipeline.images import Image, write_bytes
from pipeline.print import PrintStage

FORMAT = 1
MANIFEST = "manifest.json"
NETWORK, REFERENCE, PRINT, ZONES = "model.onnx", "reference.png", "print.json", "zones.png"
FILES = (NETWORK, REFERENCE, PRINT, ZONES)


@dataclass(frozen=True)
class Bundle:
    """Everything that inspection needs to know about one kind of part.

    Attributes:
        config: what it was trained with.
        reference: (H, W, 3) uint8 RGB, a good part in the reference pose.
        working_size: width and height of the network's input.
        min_quality: correlation below which a registration is not trusted.
        max_outside: share of the working frame that may lie outside the camera's view, 0..1.
        print_stage: zones and limits of the variable print.
        network: the ONNX graph, serialised.
        calibration: the threshold and what it promises.
        source: where it was trained from, for people.
        history: earlier calibrations, oldest first, a line each.
    """

    config: Config
    reference: Image
    working_size: tuple[int, int]
    min_quality: float
    max_outside: float
    print_stage: PrintStage
    network: bytes
    calibration: Calibration
    source: dict[str, Any]
    history: tuple[str, ...] = field(default=())

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images it judges."""
        return (self.reference.shape[1], self.reference.shape[0])

    @property
    def model_id(self) -> str:
        """Twelve hexadecimal digits that change with anything that could change a verdict."""
        return hashlib.sha256(json.dumps(self._described(), sort_keys=True).encode()).hexdigest()[:12]

    def manifest(self) -> dict[str, Any]:
        """What `manifest.json` holds."""
        return {"format": FORMAT, "id": self.model_id, **self._described(), "history": list(self.history)}

    def save(self, folder: Path) -> None:
        """Write the folder. The manifest comes last, so that a kill never leaves a model that looks whole."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self._files().items():
            write_bytes(folder / name, data)
        self._write_manifest(folder)

    def recalibrated(self, calibration: Calibration, folder: Path) -> "Bundle":
        """The same model with another threshold; only the manifest of `folder` is replaced."""
        line = (
            f"{self.model_id}: threshold {self.calibration.threshold:.4f} on {self.calibration.good_parts} good parts"
        )
        renewed = replace(self, calibration=calibration, history=(*self.history, line))
        renewed._write_manifest(folder)
        return renewed

    def _write_manifest(self, folder: Path) -> None:
        write_bytes(folder / MANIFEST, json.dumps(self.manifest(), indent=2).encode())

    def _described(self) -> dict[str, Any]:
        return {
            "config": self.config.model_dump(mode="json"),
            "source": self.source,
            "working_size": list(self.working_size),
            "min_quality": self.min_quality,
            "max_outside": self.max_outside,
            "calibration": asdict(self.calibration),
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in self._files().items()},
        }

    def _files(self) -> dict[str, bytes]:
        return {
            NETWORK: self.network,
            REFERENCE: _png(self.reference[..., ::-1]),
            PRINT: json.dumps(self.print_stage.to_dict(), indent=1).encode(),
            ZONES: _png(self.print_stage.labels),
        }


def load_bundle(folder: Path) -> Bundle:
    """Read a model folder.

    Raises:
        ModelError: a file is missing, does not match its hash, or is of another format.
    """
    manifest = _read_manifest(folder)
    try:
        files = {name: _checked(folder / name, manifest["files"][name]) for name in FILES}
        labels = _unpng(files[ZONES], cv2.IMREAD_UNCHANGED)
        return Bundle(
            config=parse_config(manifest["config"], source=str(folder / MANIFEST)),
            reference=_unpng(files[REFERENCE], cv2.IMREAD_COLOR_RGB),
            working_size=(int(manifest["working_size"][0]), int(manifest["working_size"][1])),
            min_quality=float(manifest["min_quality"]),
            max_outside=float(manifest["max_outside"]),
            print_stage=PrintStage.from_dict(json.loads(files[PRINT]), labels),
            network=files[NETWORK],
            calibration=TypeAdapter(Calibration).validate_python(manifest["calibration"]),
            source=dict(manifest["source"]),
            history=tuple(str(line) for line in manifest["history"]),
        )
    except (KeyError, IndexError, TypeError, ValueError, ValidationError, ConfigError) as error:
        raise ModelError(f"{folder / MANIFEST}: damaged ({error!r}); train again or restore it") from error


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{folder}: not a model, it has no readable {MANIFEST} ({error.strerror})") from error
    except ValueError as error:
        raise ModelError(f"{path}: damaged ({error}); train again or restore it") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelError(f"{path}: this version reads format {FORMAT}; train the model again")
    return manifest


def _checked(path: Path, expected: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: missing or unreadable ({error.strerror}); restore the model folder") from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise ModelError(f"{path}: does not match the hash in {MANIFEST}; restore the file or train again")
    return data


def _png(image: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    return cv2.imencode(".png", np.ascontiguousarray(image))[1].tobytes()


def _unpng(data: bytes, mode: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    if image is None:
        raise ValueError("a picture of the model cannot be decoded")
    return np.asarray(image, np.uint8)
