"""Light and camera: from a surface to the picture of it."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from samples.surface import HEIGHT, WIDTH, Plane, Surface, blur, grid, warp
from samples.tolerances import Tolerances

Image = NDArray[np.uint8]

ELEVATION = math.radians(48)
AZIMUTH = math.radians(232)  # the lamp stands up and to the left of the camera
LAMP_DISTANCE = 1500.0  # px; near enough for highlights to wander over a flat face
SHADOW_STEPS = (3, 6, 10, 15, 21, 28, 36)  # px
SHADOW_DEPTH = 0.62


@dataclass(frozen=True)
class Shot:
    """How one picture is taken: pose of the part, light, focus, noise."""

    matrix: NDArray[np.float64]  # 2x3, part frame to image
    azimuth: float  # radians
    exposure: float
    gradient: tuple[float, float]  # x, y: share of the light gained from the middle to the edge
    focus: float  # px
    sensor_noise: float  # grey levels
    noise_seed: int
    jpeg_quality: int


def draw_shot(tolerances: Tolerances, rng: np.random.Generator) -> Shot:
    t = tolerances
    angle = rng.uniform(-t.part_rotation, t.part_rotation)
    matrix = np.asarray(cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), angle, t.scale), np.float64)
    matrix[:, 2] += rng.uniform(-t.part_shift, t.part_shift, 2)
    return Shot(
        matrix=matrix,
        azimuth=AZIMUTH + math.radians(rng.uniform(-t.azimuth, t.azimuth)),
        exposure=1 + rng.uniform(-t.exposure, t.exposure),
        gradient=(rng.uniform(-t.gradient, t.gradient), rng.uniform(-t.gradient, t.gradient)),
        focus=rng.uniform(*t.focus),
        sensor_noise=rng.uniform(*t.sensor_noise),
        noise_seed=int(rng.integers(2**32)),
        jpeg_quality=round(rng.uniform(*t.jpeg_quality)),
    )


def expose(surface: Surface, ground: Plane, shot: Shot) -> Plane:
    """The picture before noise, (H, W, 3) in grey levels 0..255.

    ground: (H, W, 3) linear reflectance of what the part lies on; it stays, the part moves on it.
    """
    shadow = cast_shadow(surface.height, shot.azimuth)
    part = shade(surface, shot.azimuth) * (1 - np.float32(SHADOW_DEPTH) * shadow)[..., None]
    part = warp(part, shot.matrix)
    veil = warp(np.dstack((surface.solid, shadow)), shot.matrix)
    solid, shadow = veil[..., :1], veil[..., 1:]
    light = ground * (1 - np.float32(SHADOW_DEPTH + 0.1) * shadow)
    light += solid * (part - light)
    light *= illumination(shot)[..., None]
    return blur(np.sqrt(np.clip(light, 0, 1)) * np.float32(255), shot.focus)


def develop(picture: Plane, shot: Shot) -> Image:
    """The picture with the sensor's noise, as RGB uint8."""
    rng = np.random.default_rng(shot.noise_seed)
    grain = rng.standard_normal(picture.shape[:2], np.float32) * np.float32(shot.sensor_noise)
    return np.clip(picture + grain[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)


def shade(surface: Surface, azimuth: float) -> Plane:
    """Light sent to the camera, (H, W, 3): Lambert, a sky, and Blinn-Phong highlights (Blinn 1977)."""
    slope_x = cv2.Scharr(surface.height, cv2.CV_32F, 1, 0, scale=1 / 32)
    slope_y = cv2.Scharr(surface.height, cv2.CV_32F, 0, 1, scale=1 / 32)
    up = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    lx, ly, lz = lamp(azimuth)
    diffuse = np.clip((lz - lx * slope_x - ly * slope_y) * up, 0, None)
    sky = (0.35 + 0.65 * up) * openness(surface.height)
    hx, hy = half_vector(lx, ly)
    highlight = np.clip((1 - hx * slope_x - hy * slope_y) * up / np.sqrt(1 + hx**2 + hy**2), 0.01, 1)
    highlight = surface.gloss * np.exp((8 + 70 * surface.gloss) * np.log(highlight))
    tint = np.clip(surface.colour + np.float32(0.25), 0, 1)
    light = surface.colour * (0.75 * diffuse + 0.45 * sky)[..., None] + tint * highlight[..., None]
    return np.asarray(light, np.float32)


def lamp(azimuth: float) -> tuple[float, float, float]:
    flat = math.cos(ELEVATION)
    return flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(ELEVATION)


def half_vector(lx: float, ly: float) -> tuple[Plane, Plane]:
    """x and y over z of the half vector between lamp and camera, a row and a column of the image."""
    x = (np.arange(WIDTH, dtype=np.float32) - WIDTH / 2) / np.float32(LAMP_DISTANCE)
    y = (np.arange(HEIGHT, dtype=np.float32) - HEIGHT / 2) / np.float32(LAMP_DISTANCE)
    z = 1 + math.sin(ELEVATION)
    return (lx - x[None, :]) / np.float32(z), (ly - y[:, None]) / np.float32(z)


def openness(height: Plane) -> Plane:
    """Share of the sky a point sees, roughly: low where the neighbourhood is higher."""
    small = cv2.resize(height, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    around = cv2.resize(cv2.GaussianBlur(small, (0, 0), 4.0), (WIDTH, HEIGHT))
    return np.asarray(np.clip(1 - 0.045 * (around - height), 0.3, 1.08), np.float32)


def cast_shadow(height: Plane, azimuth: float) -> Plane:
    """0 lit .. 1 in shadow: is there anything towards the lamp that stands above the ray?"""
    low = np.asarray(cv2.resize(height, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA), np.float32)
    blocked = np.zeros_like(low)
    for step in SHADOW_STEPS:
        shift = (-round(step / 2 * math.sin(azimuth)), -round(step / 2 * math.cos(azimuth)))
        above = np.roll(low, shift, (0, 1)) - low - step * math.tan(ELEVATION)
        blocked = np.maximum(blocked, np.clip(above / 4, 0, 1))
    return np.asarray(cv2.resize(blur(blocked, 1.6), (WIDTH, HEIGHT)), np.float32)


def illumination(shot: Shot) -> Plane:
    """Light level over the image: exposure, gradient, vignetting."""
    x, y = grid()
    x, y = x / (WIDTH / 2) - 1, y / (HEIGHT / 2) - 1
    level = shot.exposure * (1 + shot.gradient[0] * x + shot.gradient[1] * y) * (1 - 0.07 * (x**2 + y**2))
    return level.astype(np.float32)
