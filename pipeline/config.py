"""The configuration: YAML into a frozen, validated object that refuses unknown keys."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from pipeline.exceptions import ConfigError

Share = Annotated[float, Field(gt=0, lt=1)]
Box = tuple[NonNegativeInt, NonNegativeInt, PositiveInt, PositiveInt]
"""Left, top, width and height, pixels of the image."""
ZoneName = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^\S(.*\S)?$")]


class Section(BaseModel):
    """A part of the configuration: frozen, and any key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageConfig(Section):
    """How images are read."""

    max_megapixels: float = Field(100.0, gt=0, le=1000, description="Larger files are refused unread.")
    working_megapixels: float = Field(
        0.11,
        gt=0.004,
        le=4,
        description="Size of the image that the network sees; the sides keep their ratio.",
    )


class RegistrationConfig(Section):
    """How the part is brought onto the reference pose."""

    motion: Literal["auto", "none", "euclidean", "far", "any", "affine"] = Field(
        "auto",
        description="auto: training finds out which of the others fits. "
        "euclidean: small shift and turn. far: shifts of up to a quarter of the image. "
        "any: any turn as well. affine: nearer or farther, too, and a little from aside. none: nothing is fixed.",
    )


class RegionsConfig(Section):
    """Where parts are judged, for people who know better; boxes on the part in the pose of the reference image."""

    interest: tuple[Box, ...] = Field(
        (),
        description="Boxes [left, top, width, height]; nothing beside them counts, and they are seen as large as fits. "
        "None: all of the image; where parts are searched for over it, what they share.",
    )
    ignored: tuple[Box, ...] = Field((), description="Boxes in which nothing counts.")


class ZoneKind(StrEnum):
    """What a zone of print holds."""

    TEXT = "text"
    ETCHED = "etched"
    LINEAR_CODE = "linear code"
    MATRIX_CODE = "matrix code"
    OTHER = "print"

    @property
    def is_code(self) -> bool:
        """Whether a decoder should look here."""
        return self in (ZoneKind.LINEAR_CODE, ZoneKind.MATRIX_CODE)


class AddedZone(Section):
    """A zone of print that a person has drawn."""

    name: ZoneName
    box: Box = Field(description="Left, top, width and height, pixels of the reference image.")
    kind: ZoneKind

    def overlaps(self, other: "AddedZone") -> bool:
        """Whether two boxes share a pixel."""
        (x, y, w, h), (left, top, width, height) = self.box, other.box
        return x < left + width and left < x + w and y < top + height and top < y + h


class ZonesConfig(Section):
    """What a person knows better about the print zones than the good parts can tell."""

    add: tuple[AddedZone, ...] = Field((), description="Zones that are masked and judged like those that are learned.")
    rename: dict[str, ZoneName] = Field({}, description="Other names, by those that goodparts zones shows.")
    forbid: tuple[str, ...] = Field((), description="Zones that are none: nothing is ever masked there.")

    @model_validator(mode="after")
    def _consistent(self) -> "ZonesConfig":
        for number, zone in enumerate(self.add):
            for other in self.add[:number]:
                if zone.overlaps(other):
                    raise ValueError(f"the added zones {other.name!r} and {zone.name!r} overlap")
        new = [*(zone.name for zone in self.add), *self.rename.values()]
        twice = [name for name in new if new.count(name) > 1] or [name for name in self.forbid if name in self.rename]
        if twice:
            raise ValueError(f"{twice[0]!r} is named twice")
        return self


class PrintConfig(Section):
    """Whether print that differs from part to part is looked for, and where."""

    mask: bool = Field(True, description="Find variable print and keep it out of the comparison.")
    zones: ZonesConfig = ZonesConfig()

    @model_validator(mode="after")
    def _used(self) -> "PrintConfig":
        if not self.mask and self.zones != ZonesConfig():
            raise ValueError("zones say nothing where mask is false; leave one of the two out")
        return self


class NetworkConfig(Section):
    """The denoising autoencoder."""

    width: int = Field(96, ge=16, le=512, multiple_of=8, description="Channels at stride 16.")
    bottleneck: int = Field(
        32, ge=1, le=512, description="Channels that carry what is seen past the bottleneck; fewer hide less."
    )
    segmenter: int = Field(32, ge=8, le=256, multiple_of=8, description="Channels of the segmentation head.")


class TrainingConfig(Section):
    """How the autoencoder is trained."""

    steps: int = Field(600, ge=1)
    batch_size: int = Field(8, ge=1)
    learning_rate: float = Field(2e-3, gt=0, le=1)
    held_back: Share = Field(0.25, description="Share of the good images kept for statistics and calibration.")
    max_images: int = Field(2000, ge=8, description="Good images that the network learns from, at the most.")
    groups: str | None = Field(
        None,
        description="Regular expression searched in each path; images with the same (?P<group>...) were taken "
        "together and are held back together.",
    )
    seed: int = Field(0, ge=0)


class VerdictConfig(Section):
    """What the thresholds promise."""

    false_calls: Share = Field(0.01, description="Share of good parts that may be called anything but OK.")
    rejects: Share = Field(
        0.001,
        description="Share of good parts that may be called NG outright; the others are for REVIEW. As large as "
        "false_calls there is no grey zone.",
    )
    confidence: Share = Field(0.95, description="How sure the promise shall be.")


class Config(Section):
    """Everything that can be set, with defaults that work."""

    image: ImageConfig = ImageConfig()
    registration: RegistrationConfig = RegistrationConfig()
    regions: RegionsConfig = RegionsConfig()
    print: PrintConfig = PrintConfig()
    network: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()
    verdict: VerdictConfig = VerdictConfig()


def load_config(path: Path) -> Config:
    """Read a YAML file; keys it does not name keep their defaults.

    Raises:
        ConfigError: the file cannot be read, is no YAML, or holds an unknown key or a value out of range.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: no UTF-8, or an impossible date
        raise ConfigError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    return parse_config({} if values is None else values, source=str(path))


def parse_config(values: object, *, source: str) -> Config:
    """Validate plain values, as YAML or JSON gives them.

    Raises:
        ConfigError: an unknown key or a value out of range; the message names the first one.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(f"{source}: {where}: {first['msg']}") from error
