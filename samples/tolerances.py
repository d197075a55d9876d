"""What may differ between two good parts and between two good shots."""

from dataclasses import dataclass

Span = tuple[float, float]


@dataclass(frozen=True)
class Tolerances:
    """Draws are uniform within +-value, or within (low, high)."""

    part_shift: float = 4.0  # px
    part_rotation: float = 1.0  # degrees
    scale: float = 1.0  # of the part in the picture
    label_shift: float = 2.5  # px
    label_rotation: float = 0.8  # degrees
    colour: float = 0.03  # of the reflectance of the whole part
    exposure: float = 0.10  # of the light level
    gradient: float = 0.08  # of the light level, from the middle to an edge of the image
    azimuth: float = 4.0  # degrees the lamp swings
    focus: Span = (0.35, 0.8)  # px, deviation of the blur
    sensor_noise: Span = (1.2, 2.6)  # grey levels, deviation
    jpeg_quality: Span = (86, 96)


STANDARD = Tolerances()

TURNED = Tolerances(part_shift=20.0, part_rotation=180.0, scale=0.72)
"""Parts that lie any way, as on a belt, small enough to be seen whole; their light turns with them, as in a dome."""
