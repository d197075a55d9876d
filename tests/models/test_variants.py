from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from models.batches import as_inputs, to_tensor
from models.detail_learning import learn_detail
from models.detector import Detector
from models.export import export
from models.fitting import standardise_features
from models.frames import Frames
from models.levels import pixels_kept
from models.statistics import learn_statistics
from models.variants import LEAST, alternating, describe_variants, find_variants, nearest, picture_of, pictures_of
from pipeline.config import TrainingConfig
from pipeline.framing import Frame
from pipeline.images import Image
from pipeline.network import Network
from tests.models.conftest import NETWORK, SIZE, framed, good_frame

CELLS = 3 * (SIZE[0] // 32) * (SIZE[1] // 32)


def quietly() -> None:
    """Nobody watches."""


def drawn(looks: Sequence[tuple[float, int]], spread: float = 0.02) -> Tensor:
    """Pictures of parts: so many around each level, in the order of the levels."""
    rng = np.random.default_rng(0)
    levels = np.concatenate([np.full(count, level) for level, count in looks])
    return torch.from_numpy(levels[:, None] + rng.normal(0, spread, (len(levels), CELLS))).float()


def test_parts_that_lie_apart_are_variants() -> None:
    pictures = drawn([(0.2, 40), (0.5, 60), (0.8, 25)])
    variants = find_variants(pictures)
    numbers = nearest(pictures, variants)
    assert len(variants) == 3
    assert [len(numbers[part].unique()) for part in (slice(0, 40), slice(40, 100), slice(100, 125))] == [1, 1, 1]
    assert sorted(torch.bincount(numbers).tolist()) == [25, 40, 60]


@pytest.mark.parametrize("looks", [[(0.5, 200)], [(0.2, 100), (0.8, LEAST - 1)], [(0.5, 3)]])
def test_parts_of_a_kind_and_a_few_odd_ones_are_one_variant(looks: list[tuple[float, int]]) -> None:
    assert len(find_variants(drawn(looks))) == 1


def test_what_varies_evenly_is_one_variant() -> None:
    levels = torch.linspace(0, 1, 300)[:, None] * torch.ones(1, CELLS)
    assert len(find_variants(levels)) == 1


def test_few_odd_parts_do_not_hide_the_variants() -> None:
    pictures = drawn([(0.2, 40), (0.8, 40), (5.0, 2), (-5.0, 1)])
    assert len(find_variants(pictures)) == 2


def test_the_first_parts_are_of_all_variants_and_one_variant_keeps_its_order() -> None:
    numbers = torch.tensor([0, 0, 0, 0, 1, 0, 2, 1])
    assert alternating(numbers).tolist() == [0, 4, 6, 1, 7, 2, 3, 5]
    assert alternating(torch.zeros(5, dtype=torch.int64)).tolist() == [0, 1, 2, 3, 4]


def test_many_parts_take_no_more_time_than_a_sample_of_them() -> None:
    assert len(find_variants(drawn([(0.2, 9000), (0.8, 9000)]))) == 2


def test_pictures_of_frames_are_those_of_their_images(frames: Frames) -> None:
    told: list[int] = []
    images = torch.cat([to_tensor(frames.image(index)[None]) for index in range(len(frames))])
    torch.testing.assert_close(pictures_of(frames, lambda: told.append(1)), picture_of(images), atol=1e-5, rtol=0)
    assert len(told) == len(frames)


def test_variants_are_told_by_example() -> None:
    pictures = drawn([(0.2, 40), (0.8, 30)])
    names = [f"{number}.jpg" for number in range(70)]
    told = describe_variants(names, pictures, find_variants(pictures))
    assert sorted(line.split(" like ")[0] for line in told) == ["30", "40"]
    assert {int(line.split(" like ")[1].removesuffix(".jpg")) < 40 for line in told} == {True, False}
    assert describe_variants(names, pictures, pictures[:1]) == []


PAINTED = (slice(16, 56), slice(24, 88))


def painted(frame: Frame) -> Frame:
    """The other variant: a bright plate in the middle, striped."""
    large = np.repeat(np.repeat(frame.image, 2, 0), 2, 1)
    rows, columns = (slice(2 * side.start, 2 * side.stop) for side in PAINTED)
    plate = large[rows, columns]
    plate[:] = 40 + plate // 6
    plate[:, ::6] += 120
    return framed(large, frame.ignored)


@pytest.fixture(scope="module")
def two_kinds(drawn_part: Image, tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """60 frames: 30 of the part as it is drawn, and 30 of the other variant."""
    plain = [framed(np.repeat(np.repeat(f.image, 2, 0), 2, 1), f.ignored) for f in _parts(drawn_part)]
    made = Frames.create(tmp_path_factory.mktemp("two"), 2 * len(plain), SIZE)
    made.write(0, [*plain, *(painted(frame) for frame in plain)])
    return made


def _parts(drawn_part: Image) -> list[Frame]:
    return [good_frame(drawn_part, index) for index in range(30)]


def learned(frames: Frames, variants: Tensor) -> Detector:
    torch.manual_seed(0)
    detector = Detector(SIZE, **NETWORK.model_dump(), variants=variants)
    standardise_features(detector, frames)
    kinds = nearest(pictures_of(frames, quietly), variants)
    learn_detail(detector.detail, frames, kinds, TrainingConfig(steps=40, batch_size=4), lambda: None)
    detector.eval()
    learn_statistics(detector, frames, frames, lambda: None)
    return detector


@pytest.fixture(scope="module")
def apart(two_kinds: Frames) -> Detector:
    return learned(two_kinds, find_variants(pictures_of(two_kinds, quietly)))


def test_each_part_is_compared_with_its_own_kind(apart: Detector, two_kinds: Frames) -> None:
    images = torch.cat([to_tensor(two_kinds.image(index)[None]) for index in range(len(two_kinds))])
    numbers = apart.variant(images)
    assert len(numbers[:30].unique()) == len(numbers[30:].unique()) == 1
    assert numbers[0] != numbers[30]
    usual = apart.detail.get_buffer("usual")[numbers[[0, 30]]].float()
    inside = np.s_[:, :, 2 * 24 : 2 * 40, 2 * 34 : 2 * 66]
    assert (usual[0] - usual[1])[inside[1:]].abs().mean() > 10


def test_the_look_of_one_variant_does_not_hide_a_scratch_on_another(apart: Detector, two_kinds: Frames) -> None:
    """With all good parts in one heap, stripes that half of them have make every line there a usual one."""
    heap = learned(two_kinds, find_variants(pictures_of(two_kinds, quietly)).mean(0, keepdim=True))
    frame, where = two_kinds[0], np.s_[60:62, 84:124]
    scratched = frame.detail.copy()
    scratched[where] -= 50
    off = []
    for detector in (apart, heap):
        variant = detector.variant(to_tensor(frame.image[None]))
        kept = pixels_kept(torch.from_numpy(frame.ignored[None, None]))
        seen = torch.from_numpy(scratched[None, None]).float()
        off.append(float(detector.detail.deviations(seen, kept, variant)[0, 0][where].abs().mean()))
    assert off[0] > 2 * off[1]


def test_the_exported_graph_knows_the_variants_too(apart: Detector, two_kinds: Frames) -> None:
    network = Network(export(apart))
    for index in (0, 30):
        frame = two_kinds[index]
        with torch.no_grad():
            expected = float(apart(*as_inputs(frame))[0])
        assert network.run(frame).score == pytest.approx(expected, abs=1e-3)
