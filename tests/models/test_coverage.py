import numpy as np

from models.coverage import cover


def test_rare_looks_are_picked_before_the_tenth_of_the_same() -> None:
    likeness = np.full((100, 8), 100, np.uint8)
    likeness[:, 0] += np.arange(100, dtype=np.uint8) % 3
    likeness[17], likeness[60] = 200, 20
    chosen = cover(likeness, 3)
    assert {17, 60} <= set(chosen)
    assert likeness[chosen, 0].tolist() != sorted(likeness[chosen, 0])  # in the order of the images


def test_no_image_is_picked_twice_even_where_all_are_alike() -> None:
    chosen = cover(np.zeros((20, 4), np.uint8), 12)
    assert len(set(chosen)) == 12
    assert len(cover(np.zeros((5, 4), np.uint8), 12)) == 5


def test_the_farthest_image_from_its_nearest_pick_is_nearer_than_with_random_picks() -> None:
    rng = np.random.default_rng(0)
    likeness = np.clip(rng.normal(128, 20, (600, 6)), 0, 255).astype(np.uint8)

    def radius(chosen: object) -> float:
        gaps = np.linalg.norm(likeness[:, None].astype(float) - likeness[None, chosen].astype(float), axis=2)  # type: ignore[index]
        return float(gaps.min(1).max())

    assert radius(cover(likeness, 60)) < 0.8 * radius(rng.permutation(600)[:60])
