from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from models.good_parts import GoodParts
from models.steady import steady_blocks
from pipeline.config import Config, parse_config
from pipeline.framing import frame_part
from pipeline.gain import light_gain
from pipeline.images import Image
from pipeline.lighting import Light
from pipeline.registration import Registrar
from pipeline.view import View

INSIDE = (slice(70, 190), slice(90, 240))
"""Where the part lies: the middle of what `drawn_part` shows."""

GROUNDS = (30, 60, 160, 220)
COUNT = 24
WHOLE = View.of_all((320, 240))


def before(drawn_part: Image, ground: int, number: int) -> Image:
    """The part before an uneven ground of this level, under its own light."""
    rng = np.random.default_rng(number)
    x = np.linspace(-1, 1, 320)
    image = np.repeat(ground * (1 + 0.1 * np.sin(5 * x + number)), 240).reshape(320, 240).T[..., None] * np.ones(3)
    image[INSIDE] = drawn_part[INSIDE]
    lit = image * rng.uniform(0.8, 1.15) * (1 + rng.uniform(-0.1, 0.1) * x[None, :, None])
    return np.clip(lit + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def blocks_of(images: Sequence[Image], config: Config | None = None) -> tuple[str, ...]:
    def read(path: Path) -> Image:
        return images[int(path.stem)]

    paths = tuple(Path(f"{number}.png") for number in range(len(images)))
    registrar = Registrar(images[0], motion="none", min_quality=0.2)
    return steady_blocks(GoodParts(paths, read, registrar, lambda: None), images[0], WHOLE, config or Config())


def test_before_another_ground_light_is_measured_on_the_part(drawn_part: Image) -> None:
    images = [before(drawn_part, GROUNDS[number % 4], number) for number in range(COUNT)]
    blocks = np.array([list(row) for row in blocks_of(images)]) == "1"
    assert blocks.shape == (18, 24)
    large = cv2.resize(blocks.astype(np.uint8), (320, 240), interpolation=cv2.INTER_NEAREST) > 0
    assert large[INSIDE].mean() > 0.5
    outside = np.ones((240, 320), bool)
    outside[50:210, 70:260] = False
    assert not large[outside].any()


def test_and_then_parts_are_equally_bright_before_any_ground(drawn_part: Image) -> None:
    images = [before(drawn_part, GROUNDS[number % 4], number) for number in range(COUNT)]
    registrar, nothing = Registrar(images[0], motion="none", min_quality=0.2), np.zeros((240, 320), np.uint8)
    spreads = []
    for blocks in ((), blocks_of(images)):
        light = Light.of(images[0], WHOLE, blocks)
        frames = [frame_part(image, registrar.register(image), WHOLE).image for image in images]
        gains = [light_gain(frame, light, nothing) for frame in frames]
        levels = [(frame / gain[..., None])[INSIDE].mean() for frame, gain in zip(frames, gains, strict=True)]
        spreads.append(np.std(levels) / np.mean(levels))
    assert spreads[1] < 0.02
    assert spreads[1] < spreads[0] / 3


def test_on_one_ground_light_is_measured_everywhere(drawn_part: Image) -> None:
    assert blocks_of([before(drawn_part, 60, number) for number in range(COUNT)]) == ()


def test_what_nobody_judges_tells_nothing(drawn_part: Image) -> None:
    images = [before(drawn_part, GROUNDS[number % 4], number) for number in range(COUNT)]
    config = parse_config({"regions": {"ignored": [[90, 70, 150, 120]]}}, source="test")
    assert not any("1" in row[8:16] for row in blocks_of(images, config)[7:12])


def test_without_parts_there_is_nothing_to_measure_on() -> None:
    parts = GoodParts(
        (),
        lambda _: np.zeros((1, 1, 3), np.uint8),
        Registrar(np.zeros((40, 40, 3), np.uint8), motion="none", min_quality=0),
        lambda: None,
    )
    assert steady_blocks(parts, np.zeros((40, 40, 3), np.uint8), View.of_all((40, 40)), Config()) == ()
