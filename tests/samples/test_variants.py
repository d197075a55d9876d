import numpy as np
import pytest

from samples.render import PARTS, render
from samples.variants import variants


@pytest.mark.parametrize("name", PARTS)
def test_the_first_variant_is_the_part_itself_and_the_others_are_good_parts_too(name: str) -> None:
    kinds = variants(PARTS[name]())
    pictures = [render(kind, 7) for kind in kinds]
    assert kinds[0] is PARTS[name]()
    assert len(pictures) == 3
    assert not any(picture.defect_mask.any() for picture in pictures)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (np.abs(pictures[one].image.astype(int) - pictures[other].image).max(axis=2) > 25).mean() > 0.01


@pytest.mark.parametrize("name", PARTS)
def test_one_variant_has_fewer_fittings(name: str) -> None:
    whole, painted, short = variants(PARTS[name]())
    assert len(painted.fittings) == len(whole.fittings) > len(short.fittings)


@pytest.mark.parametrize("name", PARTS)
def test_a_variant_can_be_faulty(name: str) -> None:
    assert all(render(kind, 7, "stain").defect_mask.any() for kind in variants(PARTS[name]()))
