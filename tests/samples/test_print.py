"""The print mask against pictures of the same part with the variable print left out."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import zxingcpp

from samples.camera import Shot, draw_shot, expose
from samples.label import CODE128, DATAMATRIX, QRCODE, Decal, encode
from samples.render import PARTS, render
from samples.specimen import Specimen, assemble, build
from samples.tolerances import STANDARD


def unprinted(decal: Decal) -> Decal:
    sheet = decal.sheet
    return replace(decal, sheet=replace(sheet, ink=sheet.ink * (1 - sheet.variable)))


def specimen_of(name: str, seed: int) -> tuple[Specimen, Shot]:
    """What `render` makes of this seed, with the lens in focus."""
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3)]
    shot = draw_shot(STANDARD, streams[1])
    return assemble(PARTS[name](), STANDARD, streams[0]), replace(shot, focus=0.35)


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_print_mask_is_where_print_changes_the_picture(name: str, seed: int) -> None:
    specimen, shot = specimen_of(name, seed)
    blank = replace(specimen, decals=tuple(unprinted(decal) for decal in specimen.decals))
    ground = specimen.part.ground
    printed, empty = (expose(build(kind), ground, shot) for kind in (specimen, blank))
    changed = np.abs(printed - empty).max(axis=2)
    mask = render(PARTS[name](), seed).print_mask
    near = cv2.dilate(mask, np.ones((3, 3), np.uint8)) == 255
    core = cv2.erode(mask, np.ones((3, 3), np.uint8)) == 255
    assert changed[~near].max() < 12
    assert changed[core].min() > 20
    assert np.mean(changed[mask == 255] > 20) > 0.97


@pytest.mark.parametrize("symbology", [CODE128, DATAMATRIX, QRCODE])
def test_modules_are_those_of_a_readable_code(symbology: zxingcpp.BarcodeFormat) -> None:
    modules = encode("0123456789ABCD", symbology)
    rows = 1 if modules.shape[0] > 1 else 40
    drawn = np.pad(np.kron(255 - modules, np.ones((4 * rows, 4), np.uint8)), 40, constant_values=255)
    assert [code.text for code in zxingcpp.read_barcodes(drawn)] == ["0123456789ABCD"]


def test_data_matrix_codes_are_square() -> None:
    texts = [f"{number:010d}ABCD" for number in range(40)]
    assert all(len(set(encode(text, DATAMATRIX).shape)) == 1 for text in texts)
