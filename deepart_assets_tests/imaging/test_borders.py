"""Margins of scans are found, and paintings are left alone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepart_assets.imaging.borders import Box, content_box, whole
from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.wikiart.scans import field, framed, jpeg

PAINTING = field(600, 480, 1.6)
SAMPLE = sorted((PROJECT / "data" / "sample" / "paintings").glob("*.jpg"))

margins = st.tuples(*[st.one_of(st.just(0), st.integers(1, 130))] * 4)
# The painting's own mean is 128: a margin of that colour ends where half of a line has left it.
levels = st.one_of(st.integers(0, 60), st.integers(195, 255))
colours = st.one_of(
    st.sampled_from([(255, 255, 255), (0, 0, 0), (233, 222, 200)]), st.tuples(*[levels] * 3)
)


@settings(max_examples=25, deadline=None)
@given(margins, colours)
def test_a_clean_margin_is_taken_off_exactly(around, colour):
    left, top, _right, _bottom = around
    assert content_box(framed(PAINTING, around, colour)) == (left, top, left + 480, top + 600)


# Papers, boards and scanner lids; JPEG smears a saturated colour over twice as many pixels.
papers = st.tuples(levels, st.integers(-12, 12)).map(
    lambda drawn: tuple(int(np.clip(drawn[0] + tint, 0, 255)) for tint in (drawn[1], 0, -drawn[1]))
)


@settings(max_examples=15, deadline=None)
@given(margins, papers, st.floats(0, 3), st.sampled_from([None, 95, 75, 50]))
def test_a_noisy_and_compressed_margin_is_taken_off_to_a_block_of_jpeg(
    around, colour, noise, quality
):
    left, top, _right, _bottom = around
    box = content_box(jpeg(framed(PAINTING, around, colour, noise), quality))
    assert np.abs(np.subtract(box, (left, top, left + 480, top + 600))).max() <= 8


def test_margins_of_several_colours():
    inner = framed(PAINTING, (20, 30, 40, 50), (255, 255, 255))
    assert content_box(framed(inner, (7, 8, 9, 10), (0, 0, 0))) == (27, 38, 507, 638)


def test_a_wide_margin_beside_a_wide_one():
    # Seen over the whole width, the painting is only half of a line.
    narrow = field(600, 250, 1.6)
    scan = framed(narrow, (120, 60, 120, 0), (250, 250, 250))
    assert content_box(scan) == (120, 60, 370, 660)


def test_more_than_a_quarter_of_a_side_is_the_painting():
    scan = framed(PAINTING, (0, 260, 0, 0), (90, 120, 160))
    assert content_box(scan) == whole(scan)
    assert content_box(framed(PAINTING, (0, 190, 0, 0), (90, 120, 160))).top == 190


def _figure(ground: float, noise: float, soft: float) -> np.ndarray:
    """A bright figure before a flat ground, with a soft outline."""
    rows, columns = np.mgrid[:900, :700]
    radius = np.hypot((rows - 480) / 400, (columns - 350) / 270)
    inside = 1 / (1 + np.exp((radius - 1) / soft))
    grey = ground + (200 - ground) * inside
    grey = grey + np.random.default_rng(3).normal(0, noise, grey.shape)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("ground", [0, 12, 40, 255])
@pytest.mark.parametrize("soft", [0.002, 0.05])
@pytest.mark.parametrize("noise", [0, 2.5])
def test_a_figure_before_a_flat_ground_keeps_its_ground(ground, soft, noise):
    painting = _figure(ground, noise, soft)
    assert content_box(painting) == whole(painting)
    inside = content_box(framed(painting, (30, 20, 30, 20), (128, 130, 128)))
    assert inside == Box(30, 20, 730, 920)


@pytest.mark.parametrize("rows", [100, 500, 3000])
def test_a_gradient_is_no_margin(rows):
    grey = np.tile(np.linspace(0, 255, rows)[:, None, None], (1, 400, 3)).astype(np.uint8)
    assert content_box(grey) == whole(grey)


def test_one_flat_colour_is_left_as_it_is():
    flat = np.full((300, 200, 3), 77, np.uint8)
    assert content_box(flat) == whole(flat)


@pytest.mark.parametrize("file", SAMPLE, ids=lambda file: Path(file).stem)
def test_real_paintings(file):
    painting = np.asarray(Image.open(file).convert("RGB"))
    assert content_box(painting) == whole(painting)
    height, width = painting.shape[:2]
    box = content_box(jpeg(framed(painting, (31, 47, 22, 60), (244, 243, 240), 1.5), 85))
    assert np.abs(np.subtract(box, (31, 47, 31 + width, 47 + height))).max() <= 4
