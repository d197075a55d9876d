"""The configuration: YAML into a frozen, validated object that refuses unknown keys."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from pipeline.exceptions import ConfigError

Share = Annotated[float, Field(gt=0, lt=1)]
Box = tuple[NonNegativeInt, NonNegativeInt, PositiveInt, PositiveInt]
"""Left, top, width and height, pixels of the image."""


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

    motion: Literal["auto", "none", "euclidean", "far", "any"] = Field(
        "auto",
        description="auto: training finds out which of the others fits. "
        "euclidean: small shift and turn. far: shifts of up to a sixth of the image. "
        "any: any turn as well. none: nothing is fixed.",
    )


class RegionsConfig(Section):
    """Where parts are judged, for people who know better; boxes on the part in the pose of the reference image."""

    interest: tuple[Box, ...] = Field((), description="Boxes [left, top, width, height]; nothing beside them counts.")
    ignored: tuple[Box, ...] = Field((), description="Boxes in which nothing counts.")


class PrintConfig(Section):
    """Whether print that differs from part to part is looked for."""

    mask: bool = Field(True, description="Find variable print and keep it out of the comparison.")


class NetworkConfig(Section):
    """The denoising autoencoder."""

    width: int = Field(128, ge=16, le=512, multiple_of=8, description="Channels at stride 16.")
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
