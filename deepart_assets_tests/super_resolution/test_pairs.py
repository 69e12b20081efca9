import numpy as np
import pytest

from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.data.pairs import Pair, croppable

from .pictures import random_crops, some_pairs


def repeated_pair(height=20, width=30, seed=0):
    """HR repeats each LR pixel four by four, so an aligned crop must do so too."""
    lr = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Pair("a", "train", lr, lr.repeat(4, axis=0).repeat(4, axis=1))


def test_crops_are_aligned_in_every_orientation():
    lr, hr = random_crops([repeated_pair()], np.random.default_rng(0), 64, 32)
    assert lr.shape == (64, 3, 8, 8)
    assert hr.shape == (64, 3, 32, 32)
    assert lr.repeat_interleave(4, 2).repeat_interleave(4, 3).equal(hr)


def test_context_surrounds_the_crop_on_all_sides():
    lr, hr = random_crops([repeated_pair()], np.random.default_rng(0), 64, 32, context=3)
    assert lr.shape == (64, 3, 14, 14)
    inner = lr[..., 3:-3, 3:-3]
    assert inner.repeat_interleave(4, 2).repeat_interleave(4, 3).equal(hr)


def test_all_eight_orientations_occur_and_only_they():
    pair = repeated_pair(8, 8)
    lr, _ = random_crops([pair], np.random.default_rng(0), 200, 32)
    seen = {(crop.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8).tobytes() for crop in lr}
    turned = [np.rot90(pair.lr, turns) for turns in range(4)]
    expected = {np.ascontiguousarray(p).tobytes() for t in turned for p in (t, t[:, ::-1])}
    assert seen == expected


def test_every_pair_and_every_place_can_be_chosen():
    lr = np.zeros((9, 9, 3), np.uint8)
    lr[..., 0], lr[..., 1] = np.mgrid[:9, :9]
    pairs = []
    for number in range(3):
        numbered = lr.copy()
        numbered[..., 2] = number
        pairs.append(Pair(str(number), "train", numbered, numbered.repeat(4, 0).repeat(4, 1)))
    crops, _ = random_crops(pairs, np.random.default_rng(0), 400, 32)
    corners = (crops.amin(dim=(2, 3)) * 255).round().int().tolist()
    assert {tuple(corner) for corner in corners} == {
        (top, left, number) for top in (0, 1) for left in (0, 1) for number in range(3)
    }


def test_values_are_in_the_unit_range_and_seeded():
    pairs = some_pairs()[:3]
    first = random_crops(pairs, np.random.default_rng(5), 4, 64)
    again = random_crops(pairs, np.random.default_rng(5), 4, 64)
    other = random_crops(pairs, np.random.default_rng(6), 4, 64)
    assert all(a.equal(b) for a, b in zip(first, again, strict=True))
    assert not first[0].equal(other[0])
    assert 0 <= float(first[1].min()) < float(first[1].max()) <= 1


def test_only_large_training_pairs_are_cropped():
    pairs = some_pairs()
    assert [pair.id for pair in croppable(pairs, 192)] == ["train0", "train1", "train2"]
    assert len(croppable(pairs, 176, context=2)) == 3
    with pytest.raises(UnavailableError, match=r"200 pixels"):
        croppable(pairs, 184, context=2)
    with pytest.raises(UnavailableError, match=r"200 pixels .*gt_size smaller"):
        croppable(pairs, 200)


def test_a_pair_of_another_scale_is_refused():
    with pytest.raises(ValueError, match="HR must be 4 times"):
        Pair("a", "train", np.zeros((8, 8, 3), np.uint8), np.zeros((16, 16, 3), np.uint8))
