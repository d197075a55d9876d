import numpy as np
import torch
from torch import Tensor

from models.batches import Batch, augment, kept_where, make_batch, to_tensor
from models.frames import Frames
from pipeline.images import Image


def tensors(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    return batch.clean, batch.corrupted, batch.kept


def same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(other), strict=True))


def test_a_batch_depends_on_seed_and_step_alone(frames: Frames) -> None:
    first = make_batch(frames, size=4, seed=1, step=7)
    make_batch(frames, size=9, seed=3, step=2)
    np.random.default_rng().random()
    torch.manual_seed(99)
    assert same(first, make_batch(frames, size=4, seed=1, step=7))
    assert not same(first, make_batch(frames, size=4, seed=1, step=8))
    assert not same(first, make_batch(frames, size=4, seed=2, step=7))


def test_shapes_and_ranges(frames: Frames) -> None:
    clean, corrupted, kept = tensors(make_batch(frames, size=5, seed=0, step=0))
    assert clean.shape == corrupted.shape == (5, 3, 64, 96)
    assert kept.shape == (5, 1, 64, 96)
    assert clean.min() >= 0
    assert clean.max() <= 1
    assert clean.max() > 0.5
    assert set(kept.unique().tolist()) == {0, 1}
    assert (kept[..., :8, :8] == 0).all()
    assert kept[..., 8:, 8:].all()


def test_most_images_of_a_batch_are_corrupted(frames: Frames) -> None:
    clean, corrupted, _ = tensors(make_batch(frames, size=16, seed=0, step=0))
    changed = (clean != corrupted).flatten(1).any(1)
    assert changed.float().mean() > 0.8


def test_all_frames_are_used(frames: Frames) -> None:
    light = {float(make_batch(frames, size=1, seed=0, step=step).clean.mean()) for step in range(60)}
    assert len(light) == 60


def test_augmentation_leaves_a_good_part_good(drawn_part: Image) -> None:
    for seed in range(20):
        image = augment(drawn_part, np.random.default_rng(seed))
        assert image.dtype == np.uint8
        difference = np.abs(image.astype(int) - drawn_part)
        assert 0 < difference.mean() < 25
        assert np.corrcoef(image.ravel(), drawn_part.ravel())[0, 1] > 0.97


def test_tensors_keep_every_pixel(drawn_part: Image) -> None:
    planes = to_tensor(drawn_part[None])
    assert planes.shape == (1, 3, 240, 320)
    back = (planes * 255).round().permute(0, 2, 3, 1).numpy().astype(np.uint8)
    np.testing.assert_array_equal(back[0], drawn_part)
    assert kept_where(np.array([[[0, 255]]], np.uint8)).tolist() == [[[[1.0, 0.0]]]]
