"""Variants of a part, as one line makes them: other colours, fewer fittings, another ground."""

from dataclasses import replace

import numpy as np

from samples.mistakes import GREEN, LIGHT_GREY, ORANGE, SLATE
from samples.parts import Part
from samples.surface import Colour

PAINTED, MATT = 0.42, 0.6
"""Reflectance and gloss of a painted part, as shares of the bare one's."""

LOWER = 300
"""Pixels from the top below which the third variant lacks its smallest fittings."""


def variants(part: Part) -> tuple[Part, ...]:
    """The part as it is; painted dark, in other trims; and in further trims, with fewer fittings, on a light ground."""
    first, *others = part.trims
    return (
        part,
        _trimmed(_painted(part), {first: LIGHT_GREY, **dict.fromkeys(others, ORANGE)}),
        _short(_trimmed(part, {first: SLATE, **dict.fromkeys(others, GREEN)})),
    )


def _painted(part: Part) -> Part:
    base = part.base.copy()
    base.colour[:] *= np.float32(PAINTED)
    base.gloss[:] *= np.float32(MATT)
    return replace(part, base=base)


def _trimmed(part: Part, colours: dict[str, Colour]) -> Part:
    base = part.base.copy()
    for trim, colour in colours.items():
        base.coat(part.trims[trim], colour, 0.15)
    return replace(part, base=base)


def _short(part: Part) -> Part:
    smallest = part.fittings[-1].kind
    fittings = tuple(fitting for fitting in part.fittings if fitting.kind != smallest or fitting.y < LOWER)
    return replace(part, fittings=fittings, ground=np.asarray(0.25 + 0.5 * part.ground, np.float32))
