"""Strokes that correct a prediction: what is read as strokes, and how they move the mask."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepart_assets.errors import PaintingError
from deepart_assets.segmentation import (
    Scribble,
    build_corrector,
    corrected_mask,
    read_curated_mask,
)
from deepart_assets.segmentation.correction import grab_cut_correction
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.settings.segmenters import Saliency

SIZE = (120, 160)
GREEN, RED, BLUE, WHITE, BLACK = (
    (0, 255, 0), (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
)  # fmt: skip
SETTINGS = Segmentation()


def lines(*strokes, size=SIZE, width=5, alpha=255):
    """Draw straight strokes (colour, from, to; x before y) on a transparent ground: RGBA."""
    picture = np.zeros((*size, 4), np.uint8)
    for colour, start, end in strokes:
        cv2.line(picture, start, end, (*colour, alpha), width)
    return picture


def read(picture, size=SIZE):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return read_curated_mask(buffer.getvalue(), "masks/p1.png", size)


KEEP, DROP = (GREEN, (20, 20), (60, 60)), (RED, (100, 20), (100, 100))


def test_green_is_kept_and_red_is_dropped():
    drawn = lines(KEEP, DROP)
    found = read(drawn)
    assert isinstance(found, Scribble)
    assert np.array_equal(found.keep, drawn[..., 1] == 255)
    assert np.array_equal(found.drop, drawn[..., 0] == 255)


@pytest.mark.parametrize("green", [(0, 128, 0), (52, 199, 89), (0, 166, 80), (34, 139, 34)])
@pytest.mark.parametrize("red", [(237, 28, 36), (255, 59, 48), (220, 20, 60), (200, 0, 0)])
def test_the_greens_and_reds_of_common_programs(green, red):
    found = read(lines((green, *KEEP[1:]), (red, *DROP[1:]), alpha=150))
    assert isinstance(found, Scribble) and found.keep.any() and found.drop.any()


def test_a_soft_brush():
    drawn = Image.fromarray(lines(KEEP, DROP, size=(480, 640), width=30))
    soft = np.asarray(drawn.resize((160, 120), Image.Resampling.LANCZOS))
    assert len(np.unique(soft[..., 3])) > 10
    assert isinstance(read(soft), Scribble)


@pytest.mark.parametrize("factor", [0.5, 2, 4])
def test_another_size_is_resized(factor):
    size = tuple(round(side * factor) for side in SIZE)
    scaled = [
        (colour, *(tuple(round(each * factor) for each in point) for point in points))
        for colour, *points in (KEEP, DROP)
    ]
    drawn = lines(*scaled, size=size, width=round(6 * factor))
    found, wanted = read(drawn), read(lines(KEEP, DROP, width=6))
    assert found.keep.shape == SIZE and not (found.keep & found.drop).any()
    for ours, theirs in ((found.keep, wanted.keep), (found.drop, wanted.drop)):
        assert (ours & theirs).sum() / (ours | theirs).sum() > 0.6


def on(picture, *strokes):
    drawn = lines(*strokes)
    where = drawn[..., 3] > 0
    picture = picture.copy()
    picture[where] = drawn[where]
    return picture


def cut_out():
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE, 4), dtype=np.uint8)
    picture[..., 3] = 0
    picture[20:100, 30:130, 3] = 255
    return picture


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (lines(KEEP), ["green strokes only", "add a red one"]),
        (lines(DROP), ["red strokes only", "add a green one"]),
        (lines(KEEP, DROP, (BLUE, (20, 100), (80, 100))), ["without a meaning (#0000ff)"]),
        (lines(KEEP, (WHITE, (100, 20), (100, 100))), ["without a meaning (#ffffff)"]),
        (lines((BLUE, (20, 100), (80, 100))), ["#0000ff", "must be white"]),
        (lines((WHITE, *KEEP[1:]), (BLACK, *DROP[1:])), ["black and white on transparent"]),
        (lines(KEEP, (RED, (20, 60), (60, 20))), ["contradicts itself", "touch at column"]),
        (lines(KEEP, (RED, (26, 20), (66, 60))), ["contradicts itself", "Leave a gap"]),
        (on(cut_out(), KEEP, DROP), ["cut-out with strokes on it"]),
        (lines(), ["transparent all over"]),
        (lines(KEEP, DROP, size=(160, 120)), ["another aspect", "turned"]),
        (
            np.where(lines(KEEP, DROP)[..., 3:] > 0, lines(KEEP, DROP)[..., :3], 255).astype("u1"),
            ["picture in colours"],
        ),
    ],
)
def test_what_means_nothing_or_two_things_gets_one_message(picture, words):
    with pytest.raises(PaintingError) as caught:
        read(picture)
    message = str(caught.value)
    assert message.startswith("masks/p1.png") and all(word in message for word in words), message
    if "aspect" not in message:
        assert "green" in message and "red" in message


@pytest.mark.parametrize("tone", [0, 90, 255])
def test_a_silhouette_of_one_grey_is_a_cut_out(tone):
    picture = np.full((*SIZE, 4), tone, np.uint8)
    picture[..., 3] = cut_out()[..., 3]
    assert np.array_equal(read(picture), picture[..., 3] == 255)


def test_a_cut_out_of_something_red_is_a_cut_out():
    picture = cut_out()
    ramp = np.random.default_rng(1).normal((190, 35, 30), 20, (*SIZE, 3))
    picture[..., :3] = np.clip(ramp, 0, 255)
    assert np.array_equal(read(picture), picture[..., 3] == 255)


def scene():
    """A grey ground, a bright and a dark thing on it, and a prediction of the bright one alone."""
    random = np.random.default_rng(0)
    picture = random.normal(60, 6, (240, 320, 3))
    bright, dark = np.zeros((240, 320), bool), np.zeros((240, 320), bool)
    bright[60:180, 40:120] = True
    dark[100:170, 170:230] = True
    picture[bright], picture[dark] = picture[bright] + 120, picture[dark] - 40
    return np.clip(picture, 0, 255).astype(np.uint8), bright, dark


def strokes(size, keep, drop):
    drawn = np.zeros((2, *size), np.uint8)
    for canvas, (start, end) in zip(drawn, (keep, drop), strict=True):
        cv2.line(canvas, start, end, 1, 5)
    return Scribble(drawn[0] > 0, drawn[1] > 0)


def corrected(picture, soft, scribble):
    return corrected_mask(picture, soft, scribble, SETTINGS, build_corrector(Saliency())).mask


def test_a_stroke_brings_back_what_was_lost_and_leaves_the_rest():
    picture, bright, dark = scene()
    scribble = strokes(bright.shape, ((185, 120), (215, 150)), ((280, 20), (280, 220)))
    found = corrected(picture, bright.astype(np.uint8) * 255, scribble)
    wanted = bright | dark
    assert (found & wanted).sum() / (found | wanted).sum() > 0.95
    away = np.ones_like(dark)
    away[90:180, 160:240] = False
    assert np.array_equal(found[away], bright[away])


def test_a_stroke_takes_away_what_was_kept_wrongly():
    picture, bright, dark = scene()
    scribble = strokes(bright.shape, ((60, 80), (100, 160)), ((200, 105), (200, 165)))
    found = corrected(picture, (bright | dark).astype(np.uint8) * 255, scribble)
    assert (found & bright).sum() / (found | bright).sum() > 0.95


def test_a_painting_without_a_predicted_subject():
    picture, bright, dark = scene()
    scribble = strokes(bright.shape, ((185, 120), (215, 150)), ((20, 20), (20, 220)))
    found = corrected(picture, np.zeros(bright.shape, np.uint8), scribble)
    assert (found & dark).sum() / (found | dark).sum() > 0.9


def test_strokes_that_agree_change_nothing():
    picture, bright, _ = scene()
    soft = np.random.default_rng(0).integers(0, 120, bright.shape, dtype=np.uint8)
    soft[bright] += 130
    scribble = strokes(bright.shape, ((60, 80), (100, 160)), ((280, 20), (280, 220)))
    assert grab_cut_correction(picture, soft, scribble) is soft


@settings(max_examples=40)
@given(
    st.tuples(st.integers(12, 70), st.integers(12, 70)),
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
    st.integers(1, 9),
    st.floats(0, 4),
)
def test_what_strokes_cover_is_always_kept_or_dropped(size, seed, share, width, erosion):
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (*size, 3), dtype=np.uint8)
    soft = np.where(random.random(size) < share, 255, 0).astype(np.uint8)
    ends = random.integers(0, min(size), (2, 2, 2)).tolist()
    drawn = np.zeros((2, *size), np.uint8)
    for canvas, (start, end) in zip(drawn, ends, strict=True):
        cv2.line(canvas, start, end, 1, width)
    scribble = Scribble(drawn[0] > 0, (drawn[1] > 0) & (drawn[0] == 0))
    chosen = Segmentation(erosion=erosion)
    before = soft.copy()
    found = corrected_mask(picture, soft, scribble, chosen, grab_cut_correction).mask
    assert found.shape == size
    assert found[scribble.keep].all() and not found[scribble.drop].any()
    assert np.array_equal(soft, before)
    again = corrected_mask(picture, soft, scribble, chosen, grab_cut_correction).mask
    assert np.array_equal(found, again)
