"""Cleaning of masks: against a plain definition, and laws that hold for any mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from deepart_assets.segmentation import Prediction, clean_up, overlay, remove_small_parts
from deepart_assets.settings.restoration import Saliency, Segmentation

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


def prediction(share, confidence=0.5):
    mask = np.zeros((100, 100), np.float32)
    mask[: round(share * 100)] = 0.9
    return Prediction(mask, confidence)


SETTINGS = Segmentation(
    segmenter=Saliency(minimal_confidence=0.15), minimal_share=0.05, maximal_share=0.9
)


@pytest.mark.parametrize(
    ("share", "confidence", "words"),
    [
        (0.3, 0.5, None),
        (0.05, 0.15, None),  # the limits themselves are fine
        (0.9, 0.5, None),
        (0.3, 0.14, ["no subject", "0.14", "0.15"]),
        (0.0, 0.5, ["no subject", "0.0%", "5.0%"]),
        (0.04, 0.5, ["no subject", "4.0%", "5.0%"]),
        (0.91, 0.5, ["nearly everything", "91.0%", "90.0%"]),
    ],
)
def test_verdicts_have_reason_and_figures(share, confidence, words):
    subject = clean_up(prediction(share, confidence), SETTINGS)
    assert subject.share == pytest.approx(share)
    assert subject.confidence == confidence
    if words is None:
        assert subject.verdict is None
    else:
        assert subject.verdict is not None
        assert all(word in subject.verdict for word in words)


def test_parts_are_counted_after_cleaning():
    mask = np.zeros((100, 100), np.float32)
    mask[10:30, 10:30] = mask[60:80, 60:80] = 1
    mask[90, 5] = 1
    assert clean_up(Prediction(mask, 0.5), SETTINGS).parts == 2


def test_half_is_subject():
    mask = np.full((10, 10), 0.5, np.float32)
    mask[5:] = np.nextafter(np.float32(0.5), np.float32(0))
    assert np.array_equal(
        clean_up(Prediction(mask, 0.5), SETTINGS).mask[:, 0], [True] * 5 + [False] * 5
    )


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
