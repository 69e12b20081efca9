import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.imaging import resize
from deepart_assets.super_resolution.evaluation.metrics import psnr_y
from deepart_assets.super_resolution.upscaling.subject import (
    EDGE,
    RIM,
    consistency_error,
    enlarged_subject,
    generated_in,
    keep_subject,
    kept_difference,
    untouched,
)

from .pictures import texture


def laid(enlarged, original, mask):
    """The subject of an original of any size, resized, laid into the enlarged picture."""
    return keep_subject(enlarged, resize(original, *enlarged.shape[:2]), mask)


def disc(height, width):
    mask = np.zeros((height, width), np.uint8)
    cv2.circle(mask, (width // 2, height // 2), min(height, width) // 3, 255, -1)
    return mask


@settings(max_examples=25, deadline=None)
@given(st.integers(12, 90), st.integers(12, 90), st.integers(5, 30), st.integers(5, 30))
def test_the_subject_is_the_resized_original_and_far_from_it_nothing_changes(h, w, low_h, low_w):
    original, mask = texture(h, w), disc(h, w)
    enlarged = texture(4 * low_h, 4 * low_w, seed=1)
    before = enlarged.copy()
    made = laid(enlarged, original, mask)
    subject = enlarged_subject(mask, (4 * low_h, 4 * low_w))
    inside = untouched(subject)
    assert np.array_equal(made[inside], resize(original, 4 * low_h, 4 * low_w)[inside])
    far = cv2.distanceTransform((~subject).astype(np.uint8), cv2.DIST_L2, 5) > RIM + 1
    assert np.array_equal(made[far], enlarged[far])
    assert np.array_equal(enlarged, before)
    assert kept_difference(made, resize(original, *made.shape[:2]), mask) == 0


def test_the_check_finds_a_subject_that_is_not_the_painters():
    original, mask = texture(60, 60), disc(60, 60)
    made = laid(texture(80, 80), original, mask)
    made[40, 40, 0] ^= 5
    assert 1 <= kept_difference(made, resize(original, *made.shape[:2]), mask) <= 5


def test_nothing_of_the_originals_surround_is_used():
    mask = disc(200, 200)
    enlarged = texture(160, 160, seed=1)
    original = texture(200, 200)
    other = original.copy()
    # A pixel on the edge is half surround: it is the resized original's all the same.
    far = cv2.dilate(mask, np.ones((7, 7), np.uint8)) == 0
    other[far] = 255 - other[far]
    assert np.array_equal(laid(enlarged, original, mask), laid(enlarged, other, mask))


def test_the_subject_fades_into_the_ground():
    mask = disc(400, 400)
    original, enlarged = (np.full((400, 400, 3), level, np.uint8) for level in (140, 100))
    row = laid(enlarged, original, mask)[200, :200, 0].astype(int)
    assert set(np.unique(row)) >= {100, 140}
    assert (np.diff(row) >= 0).all()
    assert np.abs(np.diff(row)).max() <= 1.5 * 40 / EDGE + 1


def test_an_edge_that_the_outpainting_has_beside_the_subjects_is_painted_over():
    mask = disc(400, 400)
    original, enlarged = (np.full((400, 400, 3), level, np.uint8) for level in (140, 100))
    wider = cv2.dilate(mask, np.ones((7, 7), np.uint8)) > 0
    enlarged[wider] = 20
    row = laid(enlarged, original, mask)[200, :200, 0].astype(int)
    assert row.min() > 90


@pytest.mark.parametrize("width", [8, 12, 20])
def test_a_thin_part_of_the_subject_is_whole_along_its_middle(width):
    mask = disc(200, 200)
    mask[100 - width // 2 : 100 + width // 2] = 255
    original, enlarged = (np.full((200, 200, 3), level, np.uint8) for level in (140, 40))
    made = laid(enlarged, original, mask)[..., 0].astype(int)
    middle = made[98:102].max(axis=0)
    assert middle[:20].min() >= 138
    assert middle.min() >= 100, "where it meets the disc it may be fainter"
    assert made[:60, :20].max() == 40


def test_in_a_narrow_gap_the_ground_is_that_of_the_gap():
    mask = np.full((200, 200), 255, np.uint8)
    mask[:, 92:108] = 0
    original, enlarged = (np.full((200, 200, 3), level, np.uint8) for level in (140, 20))
    enlarged[:, 92:108] = 80
    made = laid(enlarged, original, mask)[..., 0].astype(int)
    assert np.abs(made[:, 98:102] - 80).max() <= 2
    assert made.min() >= 75


@pytest.mark.parametrize("level", [0, 255])
def test_a_painting_that_is_all_subject_or_all_surround(level):
    original, enlarged = texture(50, 40), texture(80, 64, seed=1)
    made = laid(enlarged, original, np.full((50, 40), level, np.uint8))
    assert np.array_equal(made, resize(original, 80, 64) if level else enlarged)


@pytest.mark.parametrize("axis", [0, 1])
def test_blocks_leave_no_trace(axis):
    mask = disc(1300, 60)
    mask[:, 20:30] = 255
    pictures = [texture(1300, 60), texture(1300, 60, seed=1), mask]
    original, enlarged, mask = (np.ascontiguousarray(np.moveaxis(p, axis, 0)) for p in pictures)
    whole = np.moveaxis(laid(enlarged, original, mask), 0, axis)
    for shift in (100, 612):
        rest = [np.moveaxis(p, 0, axis)[shift:] for p in (enlarged, original, mask)]
        part = laid(*(np.ascontiguousarray(np.moveaxis(p, axis, 0)) for p in rest))
        assert np.array_equal(np.moveaxis(part, 0, axis)[50:], whole[shift + 50 :])


# --- an original smaller than the result --------------------------------------------------------


def test_a_subject_that_a_better_network_enlarged_is_nearer_to_the_original():
    truth = texture(256, 256)
    mask = np.full((160, 160), 255, np.uint8)
    original = resize(truth, 160, 160)
    enlarged = cv2.resize(truth, (640, 640), interpolation=cv2.INTER_CUBIC)
    made = resize(enlarged, 256, 256)
    assert psnr_y(made, truth) > psnr_y(resize(original, 256, 256), truth) + 3
    assert consistency_error(made, original, mask) < 2
    shifted = np.roll(made, 6, axis=1)
    assert consistency_error(shifted, original, mask) > 8
    assert consistency_error(made, original, np.zeros_like(mask)) == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(12, 90), st.integers(12, 90), st.integers(5, 30), st.integers(5, 30))
def test_what_is_said_not_to_matter_does_not(h, w, low_h, low_w):
    original, mask, size = texture(h, w), disc(h, w), (4 * low_h, 4 * low_w)
    enlarged, wanted = texture(*size, seed=1), resize(original, *size)
    made = keep_subject(enlarged, wanted, mask)
    seen = np.kron(generated_in(enlarged_subject(mask, size)), np.ones((4, 4), bool))
    again = keep_subject(np.where(seen[..., None], enlarged, 0), wanted, mask)
    assert np.array_equal(again, made)


def test_nothing_of_the_subject_is_generated():
    needed = generated_in(enlarged_subject(disc(400, 400), (800, 800)))
    assert needed[0].all() and not needed[100, 60:140].any()
    assert 0.64 < needed.mean() < 0.67  # the disc has 0.35


def test_the_edge_of_an_enlarged_mask_is_a_line_and_not_a_stair():
    rows, columns = np.mgrid[:60, :60]
    mask = ((columns + 0.4 * rows) < 45).astype(np.uint8) * 255
    edge = enlarged_subject(mask, (240, 240))[40:200].sum(axis=1)
    straight = np.polyval(np.polyfit(np.arange(160), edge, 1), np.arange(160))
    assert np.abs(edge - straight).max() < 2, "a pixel of the mask is four of the result"
