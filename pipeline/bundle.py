"""The model folder: data, never code; every file is checked against the hash that the manifest gives."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import TypeAdapter, ValidationError

from pipeline.calibration import Calibration
from pipeline.config import Config, parse_config
from pipeline.exceptions import ConfigError, ModelError
from pipeline.images import Image, Mask, write_bytes
from pipeline.lighting import Blocks, Light
from pipeline.print import PrintStage
from pipeline.quality import Usual
from pipeline.regions import unjudged
from pipeline.registration import Registrar
from pipeline.view import View

FORMAT = 16
MANIFEST = "manifest.json"
NETWORK, REFERENCE, PRINT, ZONES = "model.onnx", "reference.png", "print.json", "zones.png"
FILES = (NETWORK, REFERENCE, PRINT, ZONES)


@dataclass(frozen=True)
class Bundle:
    """Everything that inspection needs to know about one kind of part.

    Attributes:
        config: what it was trained with.
        view: what the network sees of the reference.
        min_quality: correlation below which a registration is not trusted.
        max_outside: share of the working frame that may lie outside the camera's view, 0..1.
        calibration: the thresholds and what they promise.
        usual: how images of good parts are taken: 101 percentiles of each condition.
        steady: where light is measured.
        source: where it was trained from, for people.
        files: content of the other files of the folder, as they were written; see `pack`.
        history: earlier calibrations, oldest first, a line each.
    """

    config: Config
    view: View
    min_quality: float
    max_outside: float
    calibration: Calibration
    usual: Usual
    steady: Blocks
    source: dict[str, Any]
    files: dict[str, bytes]
    history: tuple[str, ...] = field(default=())

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}  # what is made of them stays behind

    @cached_property
    def reference(self) -> Image:
        """(H, W, 3) uint8 RGB, a good part in the reference pose."""
        return _unpng(self.files[REFERENCE], cv2.IMREAD_COLOR_RGB)

    @cached_property
    def light(self) -> Light:
        """The light that parts are judged in."""
        return Light.of(self.reference, self.view, self.steady)

    @cached_property
    def unjudged(self) -> Mask:
        """(h, w) uint8 in the working frame, 255 where a person wants nothing judged."""
        return unjudged(self.config.regions, self.view)

    @cached_property
    def print_stage(self) -> PrintStage:
        """Zones and limits of the variable print."""
        labels = _unpng(self.files[ZONES], cv2.IMREAD_UNCHANGED)
        return PrintStage.from_dict(json.loads(self.files[PRINT]), labels)

    @cached_property
    def registrar(self) -> Registrar:
        """Finds the pose of the part on an image."""
        motion = self.config.registration.motion
        return self.view.registrar(self.reference, motion=motion, min_quality=self.min_quality)

    @property
    def network(self) -> bytes:
        """The ONNX graph, serialised."""
        return self.files[NETWORK]

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
        for name, data in self.files.items():
            write_bytes(folder / name, data)
        self._write_manifest(folder / MANIFEST)

    def recalibrated(self, calibration: Calibration, folder: Path) -> "Bundle":
        """The same model with other thresholds: a new manifest in `folder`, the old one kept beside it."""
        old = self.calibration
        kept = f"manifest-{self.model_id}.json"
        line = f"{self.model_id}: threshold {old.threshold:.4f} on {old.good_parts} good parts, kept as {kept}"
        renewed = replace(self, calibration=calibration, history=(*self.history, line))
        self._write_manifest(folder / kept)
        renewed._write_manifest(folder / MANIFEST)
        return renewed

    def _write_manifest(self, path: Path) -> None:
        write_bytes(path, json.dumps(self.manifest(), indent=1).encode())

    def _described(self) -> dict[str, Any]:
        return {
            "config": self.config.model_dump(mode="json"),
            "source": self.source,
            "view": asdict(self.view),
            "min_quality": self.min_quality,
            "max_outside": self.max_outside,
            "calibration": asdict(self.calibration),
            "usual": self.usual,
            "steady": list(self.steady),
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()},
        }


def pack(*, reference: Image, print_stage: PrintStage, network: bytes) -> dict[str, bytes]:
    """Encode what the files of a model hold; once, since other versions may encode the same into other bytes."""
    return {
        NETWORK: network,
        REFERENCE: _png(reference[..., ::-1]),
        PRINT: json.dumps(print_stage.to_dict(), indent=1).encode(),
        ZONES: _png(print_stage.labels),
    }


def load_bundle(folder: Path) -> Bundle:
    """Read a model folder.

    Raises:
        ModelError: a file is missing, does not match its hash, or is of another format.
    """
    manifest = _read_manifest(folder)
    try:
        bundle = Bundle(
            config=parse_config(manifest["config"], source=str(folder / MANIFEST)),
            view=TypeAdapter(View).validate_python(manifest["view"]),
            min_quality=float(manifest["min_quality"]),
            max_outside=float(manifest["max_outside"]),
            calibration=TypeAdapter(Calibration).validate_python(manifest["calibration"]),
            usual=TypeAdapter(Usual).validate_python(manifest["usual"]),
            steady=tuple(str(row) for row in manifest["steady"]),
            source=dict(manifest["source"]),
            files={name: _checked(folder / name, manifest["files"][name]) for name in FILES},
            history=tuple(str(line) for line in manifest["history"]),
        )
        intact = (
            bundle.print_stage.size == bundle.size
            and bundle.view.lies_in(bundle.size)
            and manifest["id"] == bundle.model_id
        )
    except (LookupError, TypeError, ValueError, OverflowError, ValidationError, ConfigError) as error:
        raise ModelError(f"{folder / MANIFEST}: damaged ({error!r}); train again or restore it") from error
    if not intact:
        raise ModelError(f"{folder / MANIFEST}: altered, it does not match its own id; restore it or train again")
    return bundle


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
    return cv2.imencode(".png", np.ascontiguousarray(image), (cv2.IMWRITE_PNG_COMPRESSION, 9))[1].tobytes()


def _unpng(data: bytes, mode: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    if image is None:
        raise ValueError("a picture of the model cannot be decoded")
    return np.asarray(image, np.uint8)
