"""Good parts as the teach-in goes through them, again and again: read, registered, and in one light."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.config import Config
from pipeline.exceptions import ImageError
from pipeline.framing import Frame, frame_part, lit_grey, lit_part
from pipeline.images import Grey, Image, Mask, grey_of, read_image
from pipeline.lighting import Blocks, Light
from pipeline.regions import unjudged
from pipeline.registration import Registrar, Registration
from pipeline.view import View


@dataclass(frozen=True)
class GoodParts:
    """Good images that can be gone through again and again without holding them in memory.

    Those that cannot be read are left out; where the part is, is found on the first way through.
    """

    paths: tuple[Path, ...]
    read: Callable[[Path], Image]
    registrar: Registrar
    advance: Callable[[], None]
    _poses: dict[Path, Registration] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[Image, Registration]]:
        for path in self.paths:
            self.advance()
            try:
                image = self.read(path)
            except ImageError:
                continue
            if path not in self._poses:
                self._poses[path] = self.registrar.register(image)
            yield image, self._poses[path]

    def found_by(self, registrar: Registrar) -> "GoodParts":
        """The same parts, in the poses that another registrar finds."""
        return GoodParts(self.paths, self.read, registrar, self.advance)

    def frames(self, view: View) -> Iterator[Frame]:
        """What a view shows of those whose pose is found."""
        return (frame_part(image, pose, view) for image, pose in self if pose.found)


@dataclass(frozen=True)
class LitParts:
    """The same parts as the print stage sees them: grey, in the light of the reference."""

    parts: GoodParts
    light: Light
    unwanted: Mask

    def __iter__(self) -> Iterator[tuple[Grey, Registration]]:
        for image, registration in self.parts:
            frame = lit_part(image, registration, self.unwanted, self.light)
            yield lit_grey(grey_of(image), registration, frame, self.light), registration


def reader_of(reference: Image, config: Config) -> Callable[[Path], Image]:
    """Reads images of the reference's size; a header may say another one than the decoder, which turns images."""

    def read(path: Path) -> Image:
        image = read_image(path, max_megapixels=config.image.max_megapixels)
        if image.shape != reference.shape:
            raise ImageError(f"{path.name}: of another size than most")
        return image

    return read


def judged_in(reference: Image, view: View, config: Config, steady: Blocks = ()) -> tuple[Light, Mask]:
    """The light that parts are brought to, measured in `steady`, and where a person wants nothing judged."""
    return Light.of(reference, view, steady), unjudged(config.regions, view)
