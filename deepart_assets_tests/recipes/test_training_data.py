"""What is trained on: masks, crops, augmentation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.autograd import gradcheck

from recipes.comodgan_paintings_small.augmentation import augmented
from recipes.comodgan_paintings_small.batches import Example, draw_batch
from recipes.comodgan_paintings_small.masks import free_form
from recipes.comodgan_paintings_small.settings import GeneratorTraining

STAGES = [{"resolution": 32, "iterations": 3, "batch": 6}]


def recipe(**more):
    return GeneratorTraining(kind="train", **{"stages": STAGES, **more})


# --- masks ---------------------------------------------------------------------------------------

ranges = st.sampled_from([(0.0, 1.0), (0.1, 0.6), (0.4, 0.9), (0.0, 0.2), (0.7, 1.0)])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([16, 64, 100, 256]), ranges)
def test_the_holes_share_is_kept_to_and_a_seed_gives_one_mask(seed, side, hole):
    brush = (12 * side / 256, 48 * side / 256)
    known = free_form(np.random.default_rng(seed), side, hole, brush)
    assert known.shape == (side, side) and known.dtype == bool
    assert hole[0] < 1 - known.mean() < hole[1]
    again = free_form(np.random.default_rng(seed), side, hole, brush)
    assert np.array_equal(known, again)


def test_masks_differ_and_cover_all_shares_and_places():
    masks = np.stack(
        [free_form(np.random.default_rng(seed), 64, (0, 1), (3, 12)) for seed in range(400)]
    )
    assert len(np.unique(masks.reshape(400, -1), axis=0)) > 395
    shares = 1 - masks.mean(axis=(1, 2))
    assert np.histogram(shares, 5, (0, 1))[0].min() > 0
    assert 0.6 < np.median(shares) < 0.9  # the sampler's holes are large
    # No place is special: the mean over flips is even, but for the borders.
    places = 1 - masks.mean(axis=0)
    assert places.min() > 0.25 and places.max() < 0.9
    assert abs(places[:, :32].mean() - places[:, 32:].mean()) < 0.05
    assert abs(places[:32].mean() - places[32:].mean()) < 0.05


def test_the_brush_has_its_width():
    """A wide brush opens wide holes: a larger share than a thin one's, everything else alike."""
    shares = [
        np.mean(
            [
                1 - free_form(np.random.default_rng(seed), 128, (0, 1), brush).mean()
                for seed in range(60)
            ]
        )
        for brush in ((1, 2), (12, 24))
    ]
    assert shares[1] > shares[0] + 0.1


def test_impossible_shares_end(monkeypatch):
    from recipes.comodgan_paintings_small import masks

    monkeypatch.setattr(masks, "ATTEMPTS", 5)
    with pytest.raises(ValueError, match=r"no mask of 16 pixels .*0\.4999 and 0\.5"):
        free_form(np.random.default_rng(0), 16, (0.4999, 0.5))


# --- crops ---------------------------------------------------------------------------------------


def ramp(height, width):
    """Red rises with the column, green with the row: a crop's place and shape can be read."""
    rows, columns = np.mgrid[:height, :width]
    blue = np.full((height, width), 9)
    return np.dstack([columns * 250 // width, rows * 250 // height, blue]).astype(np.uint8)


def test_batches_depend_on_seed_iteration_and_part_alone():
    examples = [Example(ramp(80, 60)), Example(ramp(50, 90)[:, ::-1])]
    first = draw_batch(examples, recipe(), recipe().stages[0], 7, "generator")
    assert first[0].shape == (6, 32, 32, 3) and first[0].dtype == np.uint8
    assert first[1].shape == (6, 32, 32) and first[1].dtype == bool
    draw_batch(examples, recipe(), recipe().stages[0], 8, "generator")
    again = draw_batch(examples, recipe(), recipe().stages[0], 7, "generator")
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    for seed, iteration, part in (
        (0, 7, "discriminator"),
        (0, 8, "generator"),
        (1, 7, "generator"),
    ):
        other = draw_batch(examples, recipe(seed=seed), recipe().stages[0], iteration, part)
        assert not np.array_equal(first[0], other[0])
        assert not np.array_equal(first[1], other[1])


def test_crops_are_square_and_mirrored_half_the_time():
    drawn = [
        draw_batch([Example(ramp(100, 300))], recipe(), recipe().stages[0], k, "generator")[0]
        for k in range(20)
    ]
    pictures = np.concatenate(drawn).astype(float)
    across = pictures[:, :, -1, 0] - pictures[:, :, 0, 0]
    down = pictures[:, -1, :, 1] - pictures[:, 0, :, 1]
    # The painting is three times as wide as high; a square crop keeps that in both ramps.
    ratio = np.abs(across).mean(axis=1) / down.mean(axis=1)
    assert np.abs(ratio - 1 / 3).max() < 0.12
    mirrored = (across.mean(axis=1) < 0).mean()
    assert 0.3 < mirrored < 0.7
    assert (down > 0).all()
    plain = draw_batch(
        [Example(ramp(100, 300))], recipe(mirror=False), recipe().stages[0], 1, "generator"
    )[0]
    assert (plain[:, :, -1, 0].astype(int) > plain[:, :, 0, 0]).all()


def test_subject_masks_lie_on_the_subject():
    picture = np.full((120, 90, 3), 10, np.uint8)
    subject = np.zeros((120, 90), bool)
    subject[40:80, 30:60] = True
    picture[subject] = 240
    settings = recipe(subject_masks=1.0, smallest_crop=0.9)
    pictures, known = draw_batch(
        [Example(picture, subject)], settings, settings.stages[0], 1, "generator"
    )
    assert known.any(axis=(1, 2)).all()
    assert (pictures[known] == 240).all()
    never = recipe(subject_masks=0.0)
    pictures, known = draw_batch(
        [Example(picture, subject)], never, never.stages[0], 1, "generator"
    )
    assert (pictures[known] == 10).any()


def test_a_crop_without_subject_gets_a_free_form_mask():
    subject = np.zeros((64, 64), bool)
    settings = recipe(subject_masks=1.0)
    _, known = draw_batch(
        [Example(ramp(64, 64), subject)], settings, settings.stages[0], 1, "generator"
    )
    assert known.any() and not known.all()


@pytest.mark.parametrize("shape", [(8, 8), (33, 7), (1, 1)])
def test_small_paintings_are_enlarged(shape):
    pictures, _ = draw_batch([Example(ramp(*shape))], recipe(), recipe().stages[0], 1, "generator")
    assert pictures.shape == (6, 32, 32, 3)


def test_wrong_examples_are_refused():
    with pytest.raises(ValueError, match="uint8"):
        Example(np.zeros((8, 8, 3)))
    with pytest.raises(ValueError, match="mask of"):
        Example(ramp(8, 8), np.ones((8, 9), bool))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stages": [{"resolution": 48, "iterations": 1, "batch": 1}]}, "power of two"),
        ({"stages": STAGES * 2}, "must rise"),
        ({"hole": (0.5, 0.5)}, "two shares"),
        ({"brush": (9, 3)}, "two widths"),
    ],
)
def test_wrong_recipes_are_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        recipe(**changes)


# --- augmentation --------------------------------------------------------------------------------


def batch(count=64):
    torch.manual_seed(0)
    x = torch.rand(count, 4, 16, 16) * 2 - 1
    x[:, :1] = (x[:, :1] > 0).float() - 0.5
    return x


def test_nothing_asked_for_nothing_done():
    x = batch()
    assert torch.equal(augmented(x, ()), x)


def test_colour_leaves_the_mask():
    x = batch()
    y = augmented(x, ("colour",))
    assert torch.equal(y[:, 0], x[:, 0])
    assert not torch.allclose(y[:, 1:], x[:, 1:])
    assert 0.3 < (y[:, 1:].mean((1, 2, 3)) - x[:, 1:].mean((1, 2, 3))).abs().max() <= 0.51


def test_shifts_move_mask_and_picture_alike():
    x = batch()
    x[:, 1:] = x[:, :1]
    y = augmented(x, ("translation",))
    assert torch.equal(y[:, 0], y[:, 3])
    moves = set()
    for before, after in zip(x, y, strict=True):
        padded = torch.nn.functional.pad(before, (2, 2, 2, 2))
        fits = [
            (down, right)
            for down in range(5)
            for right in range(5)
            if torch.equal(padded[:, down : down + 16, right : right + 16], after)
        ]
        assert len(fits) == 1
        moves.update(fits)
    assert len(moves) > 15  # of 25


def test_a_quarter_at_most_is_cut_out_of_all_channels():
    x = torch.ones(200, 4, 16, 16)
    y = augmented(x, ("cutout",))
    assert torch.equal(y, y[:, :1].expand_as(y))
    gone = (y == 0).float().mean((1, 2, 3))
    assert gone.max() == 0.25 and gone.min() >= 0.0625
    assert (y == 0).any(0).all()  # anywhere


def test_gradients_pass():
    x = batch(2)[..., :4, :4].double().requires_grad_()

    def changed(x):
        torch.manual_seed(5)
        return augmented(x, ("colour", "translation", "cutout"))

    assert gradcheck(changed, x)
