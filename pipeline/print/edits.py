"""What a person says about the print zones: further ones, other names, and where nothing is ever masked.

Applied at teach-in, so that network, statistics and thresholds come from parts that were masked as later ones will be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.config import ZonesConfig
from pipeline.exceptions import ConfigError
from pipeline.print.layout import MAX_BLOCKS
from pipeline.print.own_frame import carries
from pipeline.print.stage import PrintStage
from pipeline.print.zones import PrintZone, zone_from


def check_boxes(edits: ZonesConfig, size: tuple[int, int]) -> None:
    """Refuse zones that do not lie inside the reference image, of `size` (W, H), before anything is learned.

    Raises:
        ConfigError: naming the first such zone.
    """
    for zone in edits.add:
        x, y, width, height = zone.box
        if x + width > size[0] or y + height > size[1]:
            raise ConfigError(
                f"print.zones.add: {zone.name!r} ends at x {x + width}, y {y + height}, outside the reference image "
                f"of {size[0]} x {size[1]} px"
            )


def edit_zones(stage: PrintStage, edits: ZonesConfig, samples: Sequence[NDArray[np.uint8]]) -> PrintStage:
    """Forbid, rename and add zones, in this order.

    Args:
        stage: what was learned.
        edits: names of learned zones to forbid and to rename, and boxes of further ones.
        samples: (H, W) grey images of good parts in the reference frame, which tell how the ink of added zones looks.

    Raises:
        ConfigError: no zone has a name that is to be forbidden or renamed, two would have the same name, or an added
            zone overlaps one that was learned.
    """
    _check_known(stage, "forbid", edits.forbid)
    _check_known(stage, "rename", edits.rename)
    zones: list[PrintZone] = []
    labels = np.zeros_like(stage.labels)
    for label, zone in enumerate(stage.zones, start=1):
        if zone.name not in edits.forbid:
            zones.append(replace(zone, name=edits.rename.get(zone.name, zone.name)))
            labels[stage.labels == label] = len(zones)
    for added in edits.add:
        zone = zone_from(added, samples, stage.stroke_width)
        _check_free(zone, [zones[label - 1].name for label in np.unique(labels[zone.window]) if label])
        sheet = next((sheet.name for sheet in stage.sheets if carries(sheet, zone)), "")
        zones.append(replace(zone, sheet=sheet))
        labels[zone.window] = len(zones)
    _check_names([zone.name for zone in zones])
    return replace(stage, zones=tuple(zones), labels=labels)


def _check_free(zone: PrintZone, under: Sequence[str]) -> None:
    if under:
        raise ConfigError(f"print.zones.add: {zone.name!r} overlaps {_listed(under)}; forbid that, or draw beside it")


def _check_known(stage: PrintStage, edit: str, names: Sequence[str] | dict[str, str]) -> None:
    known = [zone.name for zone in stage.zones]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(f"print.zones.{edit}: no zone is called {unknown[0]!r}; the good parts show {_listed(known)}")


def _check_names(names: Sequence[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigError(f"print.zones: two zones would be called {twice[0]!r}; choose another name")
    if len(names) > MAX_BLOCKS:
        raise ConfigError(f"print.zones.add: {len(names)} zones in all, {MAX_BLOCKS} are possible")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
