"""Drawn parts whose print is known to the pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from pipeline.images import Grey
from pipeline.registration import Registration

SIZE = (320, 240)
HERE = Registration(np.eye(2, 3), 1.0, True)
TEXT_BOX = (40, 60, 150, 30)  # x, y, width, height that the serial number stays inside
CODE_BOX = (215, 55, 60, 60)


@dataclass(frozen=True)
class Part:
    """A part, and where its variable print is (255)."""

    image: Grey
    ink: NDArray[np.uint8]


def draw_part(seed: int, *, serial: str | None = None, code: str | None = None) -> Part:
    """A grey part with a fixed bar, a black serial number and a DataMatrix on a white label, and grain."""
    rng = np.random.default_rng(seed)
    serial = serial if serial is not None else f"{rng.integers(10**7, 10**8)}"
    code = code if code is not None else f"P{rng.integers(10**8, 10**9)}"
    grey = np.full(SIZE[::-1], 90, np.uint8)
    cv2.rectangle(grey, (20, 30), (300, 140), 230, cv2.FILLED)
    cv2.rectangle(grey, (60, 180), (260, 186), 30, cv2.FILLED)
    ink = np.zeros_like(grey)
    cv2.putText(ink, serial, (44, 84), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    if code:
        _paste_code(ink, code)
    grey[ink > 0] = 30
    noisy = np.clip(grey + rng.normal(0, 2, grey.shape), 0, 255).astype(np.uint8)
    return Part(noisy, ink)


def draw_parts(count: int) -> list[tuple[Grey, Registration]]:
    """Good parts, each with its own print, in the reference pose."""
    return [(draw_part(seed).image, HERE) for seed in range(count)]


def _paste_code(ink: NDArray[np.uint8], text: str) -> None:
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix)
    modules = np.array(barcode.to_image(scale=3, add_quiet_zones=False))
    height, width = modules.shape
    x, y = CODE_BOX[0] + 5, CODE_BOX[1] + 5
    ink[y : y + height, x : x + width] = 255 - modules
