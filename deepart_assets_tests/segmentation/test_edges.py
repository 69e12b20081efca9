"""Maps of the subject drawn to the picture's edges."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.segmentation.edges import along_edges, without_rim, without_teeth
from deepart_assets.segmentation.faces import Face


def halves(height=120, width=160, edge=80, ground=60):
    """A picture whose right half is lighter, with a little noise."""
    picture = np.full((height, width, 3), ground, np.uint8)
    picture[:, edge:] = ground + 90
    noise = np.random.default_rng(0).integers(0, 9, picture.shape, dtype=np.uint8)
    return picture + noise


def soft_step(height=120, width=160, edge=80, spread=5.0):
    map_ = np.zeros((height, width), np.float32)
    map_[:, edge:] = 1
    return cv2.GaussianBlur(map_, (0, 0), spread, borderType=cv2.BORDER_REFLECT)


def test_a_soft_contour_three_pixels_off_comes_to_the_edge():
    before, after = soft_step(edge=83), along_edges(soft_step(edge=83), halves())
    wanted = np.zeros(before.shape, dtype=bool)
    wanted[:, 80:] = True
    wrong = ((before > 0.5) != wanted).mean()
    assert wrong > 0.018
    assert ((after > 0.5) != wanted).mean() < wrong / 3
    assert after[60, 78] < before[60, 82] and after[60, 81] > 0.6


def test_sky_between_masts_falls():
    """A map that is too coarse to tell two masts from what is between them."""
    picture = np.full((120, 160, 3), 200, np.uint8)
    map_ = np.zeros((120, 160), np.float32)
    for left in (70, 82):
        picture[20:100, left : left + 4] = 40
    map_[20:100, 66:90] = 0.8
    before = cv2.GaussianBlur(map_, (0, 0), 3)
    after = along_edges(before, picture)
    assert after[60, 71] > 0.7 and after[60, 83] > 0.7
    assert before[60, 77] > before[60, 71] and after[60, 77] < after[60, 71] - 0.08
    assert after[60, 95] < 0.2


def test_nothing_falls_at_a_head():
    picture, map_ = halves(), np.zeros((120, 160), np.float32)
    map_[30:90, 60:80] = 0.8  # on the dark side, as hair before a dark ground
    face = Face(score=0.9, x=70, y=60, side=30, up_x=0, up_y=-1)
    alone, kept = along_edges(map_, picture), along_edges(map_, picture, [face])
    head = face.ellipse(map_.shape, 0.7, 0.9, 0.2)
    assert (alone[head] < map_[head]).any()
    assert (kept[head] >= map_[head]).all()
    far = np.ones(map_.shape, dtype=bool)
    far[:100, 40:100] = False
    assert np.array_equal(alone[far], kept[far])


@given(st.floats(0, 1), st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_a_flat_map_stays_flat(level, height, width, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    after = along_edges(np.full((7, 5), level, np.float32), picture)
    assert after.shape == (height, width) and after.dtype == np.float32
    assert np.allclose(after, level, atol=2e-3)


@given(st.integers(2, 50), st.integers(2, 50), st.integers(0, 99))
def test_stays_a_probability_and_turns_with_the_picture(height, width, seed):
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    map_ = random.random((height, width), dtype=np.float32)
    after = along_edges(map_, picture)
    assert 0 <= after.min() <= after.max() <= 1
    other = along_edges(map_[:, ::-1].copy(), np.ascontiguousarray(picture[:, ::-1]))
    assert np.allclose(other[:, ::-1], after, atol=5e-3)


@pytest.mark.parametrize("size", [(500, 700), (900, 450)])
def test_a_large_picture_is_seen_at_400(size):
    map_ = np.zeros(size, np.float32)
    after = along_edges(map_, np.zeros((*size, 3), np.uint8))
    assert min(after.shape) == 400 and not after.any()


def test_teeth_go_and_what_they_stand_on_stays():
    mask = np.zeros((512, 600), np.float32)
    mask[:, 300:] = 1
    straight = without_teeth(mask) > 0.5
    assert np.array_equal(straight, mask > 0.5)
    mask[::4, 298:300] = 1
    mask[2::4, 300:302] = 0
    toothed = without_teeth(mask) > 0.5
    assert (toothed != straight).mean() < 0.0005 < ((mask > 0.5) != straight).mean()


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1))
def test_what_is_even_stays_even(height, width, level):
    mask = np.full((height, width), level, np.float32)
    assert np.allclose(without_teeth(mask), mask, atol=1e-6)


def disc(radius, size=(400, 480)):
    rows, columns = np.ogrid[: size[0], : size[1]]
    return (rows - 200) ** 2 + (columns - 240) ** 2 <= radius**2


def painted(subject, colour=(40, 30, 20), ground=(150, 180, 210)):
    """A subject on a ground as a brush leaves it: a soft edge, and a little noise."""
    picture = np.where(subject[..., None], np.float32(colour), np.float32(ground))
    picture = cv2.GaussianBlur(picture, (0, 0), 0.7)
    noise = np.random.default_rng(0).normal(0, 3, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("colour", [(40, 30, 20), (240, 240, 250)], ids=["light", "dark"])
def test_a_rim_of_sky_is_taken_off(colour):
    subject, mask = disc(100), disc(102).astype(np.float32)
    after = without_rim(mask, painted(subject, colour=colour)) >= 0.5
    assert (after & ~subject).sum() < (mask.astype(bool) & ~subject).sum() / 5
    assert not (disc(98) & ~after).any()


def test_a_rim_is_taken_off_a_large_picture_too():
    size = (1600, 1920)
    picture = cv2.resize(painted(disc(100)), size[::-1], interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(disc(102).astype(np.float32), size[::-1])
    after = without_rim(mask, picture) >= 0.5
    assert 98 < np.sqrt(after.sum() / np.pi) / 4 < 101


@pytest.mark.parametrize(
    ("radius", "colour"),
    [(100, (40, 30, 20)), (102, (148, 178, 207)), (96, (40, 30, 20))],
    ids=["right to the pixel", "of the ground's colour", "too small"],
)
def test_a_mask_without_a_rim_stays_as_it_is(radius, colour):
    mask = disc(radius).astype(np.float32)
    after = without_rim(mask, painted(disc(100), colour=colour)) >= 0.5
    assert (mask.astype(bool) ^ after).sum() < 0.003 * mask.sum()


def test_a_collar_of_neither_colour_is_no_rim():
    """What is neither the colour of the coat nor that of the sky is left alone."""
    subject = disc(100)
    picture = painted(subject)
    collar = subject & ~disc(97)
    picture[collar] = (230, 60, 60)
    after = without_rim(subject.astype(np.float32), picture) >= 0.5
    assert (after & collar).sum() > 0.9 * collar.sum()


def test_far_from_a_rim_nothing_changes():
    subject, mask = disc(100), disc(102)
    mask[20:22, 10:400] = True  # thin, and of the ground's colour
    after = without_rim(mask.astype(np.float32), painted(subject)) >= 0.5
    assert after[20:22, 10:400].all() and (after[60:] ^ mask[60:]).any()


@given(st.integers(0, 2**31), st.integers(20, 60), st.integers(20, 60))
def test_without_rim_adds_nothing(seed, height, width):
    random = np.random.default_rng(seed)
    mask = cv2.GaussianBlur(random.random((height, width), np.float32), (0, 0), 4)
    mask = (mask - mask.min()) / np.ptp(mask)
    picture = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    after = without_rim(mask, picture)
    assert after.shape == mask.shape and after.dtype == np.float32
    assert (after <= mask).all() and (after >= 0).all()


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_where_there_is_no_contour_there_is_no_rim(level):
    mask = np.full((40, 50), level, np.float32)
    assert without_rim(mask, halves(40, 50)) is mask
