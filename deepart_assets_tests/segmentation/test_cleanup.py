"""Cleaning of masks: against a plain definition, and laws that hold for any mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from deepart_assets.segmentation import (
    Prediction,
    clean_up,
    overlay,
)
from deepart_assets.segmentation.cleanup import eroded, remove_small_parts
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.settings.segmenters import Saliency

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))
shares = st.floats(0, 1)


def by_definition(mask, share, structure):
    """Drop each component with fewer pixels than the share asks for, one at a time."""
    labels, count = ndimage.label(mask, structure)
    kept = np.zeros_like(mask)
    for number in range(1, count + 1):
        part = labels == number
        if part.sum() >= share * mask.size:
            kept |= part
    return kept


@given(masks, shares)
def test_follows_the_definition(mask, share):
    without_islands = by_definition(mask, share, np.ones((3, 3)))
    expected = ~by_definition(~without_islands, share, ndimage.generate_binary_structure(2, 1))
    assert np.array_equal(remove_small_parts(mask, share), expected)


@given(masks, shares)
def test_cleaning_twice_changes_nothing(mask, share):
    once = remove_small_parts(mask, share)
    assert np.array_equal(remove_small_parts(once, share), once)


@given(masks)
def test_no_smallest_part_keeps_everything(mask):
    assert np.array_equal(remove_small_parts(mask, 0), mask)


@pytest.mark.parametrize("factor", [1, 3, 10])
def test_shares_do_not_depend_on_size(factor):
    mask = np.zeros((40, 40), bool)
    mask[5:30, 5:30] = True
    mask[15, 15] = False  # a hole of 1/1600
    mask[35, 35] = True  # an island of 1/1600
    clean = remove_small_parts(np.kron(mask, np.ones((factor, factor), bool)), 0.001)
    assert clean.mean() == 25 * 25 / 1600


SETTINGS = Segmentation(
    segmenter=Saliency(minimal_confidence=0.15), minimal_share=0.05, maximal_share=0.9
)


def test_parts_are_counted_after_cleaning():
    levels = np.zeros((100, 100), np.uint8)
    levels[10:30, 10:30] = levels[60:80, 60:80] = 255
    levels[90, 5] = 255
    subject = clean_up(levels, levels.shape, SETTINGS)
    assert subject.parts == 2 and subject.largest == pytest.approx(0.5)
    assert subject.share == pytest.approx(0.08)


@given(st.floats(0, 1))
def test_half_is_subject(value):
    prediction = Prediction(np.full((2, 2), value, np.float32), 0.5)
    clean = clean_up(prediction.levels(), (2, 2), Segmentation(smallest_part=0)).mask
    # Half a grey level is lost to the file.
    assert clean.all() == (value >= 127.5 / 255) and clean.any() == clean.all()


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)), shares)
def test_cleaning_a_clean_mask_changes_nothing(levels, share):
    settings = Segmentation(smallest_part=share)
    once = clean_up(levels, levels.shape, settings).mask
    again = clean_up(once.astype(np.uint8) * 255, levels.shape, settings).mask
    assert np.array_equal(once, again)


@pytest.mark.parametrize("factor", [1, 2, 7])
def test_an_enlarged_contour_stays_in_place_and_is_smooth(factor):
    rows, columns = np.mgrid[:80, :60]
    inside = 20 - np.hypot(rows - 40, columns - 30)  # a disc, soft over two pixels
    levels = np.round(np.clip(inside / 2 + 0.5, 0, 1) * 255).astype(np.uint8)
    mask = clean_up(levels, (80 * factor, 60 * factor), SETTINGS).mask
    assert mask.mean() == pytest.approx(np.pi * 20**2 / (80 * 60), rel=0.02)
    high, wide = np.mgrid[: 80 * factor, : 60 * factor]
    centre = 40.5 * factor - 0.5, 30.5 * factor - 0.5
    radius = np.hypot(high - centre[0], wide - centre[1]) / factor
    assert mask[radius < 19.5].all() and not mask[radius > 20.5].any()


@given(masks, st.floats(0.5, 6))
def test_erosion_takes_what_is_near_the_surround(mask, distance):
    if mask.all():
        assert eroded(mask, distance).all()
        return
    depth = ndimage.distance_transform_edt(mask)
    kept = eroded(mask, distance)
    assert kept[depth > distance + 1e-3].all() and not kept[depth < distance - 1e-3].any()


def test_erosion_is_given_for_one_size_and_spares_the_frame():
    mask = np.zeros((1024, 1300), np.uint8)
    mask[300:, 400:900] = 255  # cut off by the lower frame
    settings = Segmentation(erosion=2)
    clean = clean_up(mask, mask.shape, settings).mask
    rows, columns = np.nonzero(clean)
    assert (rows.min(), rows.max()) == (304, 1023)
    assert (columns.min(), columns.max()) == (404, 895)


@given(masks, st.integers(0, 2**32 - 1))
def test_overlay_keeps_the_subject(mask, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
    before = picture.copy()
    shown = overlay(picture, mask)
    assert shown.shape == picture.shape
    assert shown.dtype == np.uint8
    assert np.array_equal(shown[mask], picture[mask])
    assert np.array_equal(picture, before)


def test_overlay_dims_outside_and_draws_a_contour():
    picture = np.full((60, 60, 3), 200, np.uint8)
    mask = np.zeros((60, 60), bool)
    mask[20:40, 20:40] = True
    shown = overlay(picture, mask)
    assert shown[0, 0].mean() < 120
    contour = shown[19, 25]
    assert not np.array_equal(contour, shown[0, 0])
    assert not np.array_equal(contour, picture[0, 0])
