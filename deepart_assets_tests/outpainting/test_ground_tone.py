"""The tone of the ground beside a subject, which outpainters are told."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.outpainting.ground_tone import MOST, GroundTone, ground_tone
from deepart_assets.outpainting.tone import lab_of, rgb_of
from deepart_assets_tests.outpainting.scene_completion.drawn import oval

HEIGHT, WIDTH = 600, 480
KNOWN = oval(HEIGHT, WIDTH)


def painted(mean=(50, 5, 10), across=(0, 0, 0), down=(0, 0, 0), subject=(150, 60, 50)):
    """Return a subject before a ground whose colours change evenly, with a grain."""
    y, x = np.mgrid[:HEIGHT, :WIDTH][..., None] / WIDTH - 0.5
    lab = np.array(mean) + x * np.array(across) + y * np.array(down)
    lab = lab + np.random.default_rng(0).normal(0, 2, (HEIGHT, WIDTH, 1))
    picture = np.round(rgb_of(lab)).astype(np.uint8)
    picture[KNOWN] = subject
    return picture


@pytest.mark.parametrize(
    ("across", "down"),
    [((0, 0, 0), (0, 0, 0)), ((25, 0, 4), (0, 0, 0)), ((0, 0, 0), (-20, 3, 0))],
    ids=["even", "from the left", "from above"],
)
def test_mean_and_slope_of_a_ground_are_found(across, down):
    picture = painted(across=across, down=down)
    found = ground_tone(picture, KNOWN)
    assert found is not None
    assert np.allclose(found.across, across, atol=6)
    assert np.allclose(found.down, down, atol=6)
    row, column = (round(each * WIDTH) for each in found.centre)
    there = np.array((50, 5, 10)) + (column / WIDTH - 0.5) * np.array(across)
    assert np.allclose(found.mean, there + (row / WIDTH - 0.5) * np.array(down), atol=2)


def test_the_subject_counts_for_nothing():
    assert ground_tone(painted(subject=(0, 0, 0)), KNOWN) == ground_tone(painted(), KNOWN)


def test_a_chair_beside_the_subject_counts_for_little():
    picture = painted()
    picture[300:420, 330:] = (200, 40, 40)
    found, without = ground_tone(picture, KNOWN), ground_tone(painted(), KNOWN)
    assert found is not None and without is not None
    changed = lab_of(picture)[~KNOWN].mean(0) - lab_of(painted())[~KNOWN].mean(0)
    moved = np.linalg.norm(np.subtract(found.mean, without.mean))
    assert moved < np.linalg.norm(changed) / 2


def test_what_is_below_the_subject_is_told_and_not_beside_it():
    picture = painted()
    rows = np.flatnonzero(KNOWN.any(1))
    floor = KNOWN.copy()
    floor[rows[-1] - 20 :] = True
    picture[floor & ~KNOWN] = (200, 190, 180)
    found = ground_tone(picture, KNOWN)
    assert found is not None and found.below is not None
    assert np.allclose(found.below, lab_of(np.uint8([[[200, 190, 180]]]))[0, 0], atol=1)
    assert abs(found.mean[0] - 50) < 3
    framed = KNOWN.copy()
    framed[rows[0] + 50 :] |= framed[rows[0] + 50]
    cut = ground_tone(picture, framed)
    assert cut is not None and cut.below is None
    assert GroundTone.from_dict(json.loads(json.dumps(cut.to_dict()))) == cut


@pytest.mark.parametrize("level", [0, 255])
def test_a_blank_ground_tells_nothing(level):
    picture = painted()
    picture[~KNOWN] = level
    assert ground_tone(picture, KNOWN) is None


@pytest.mark.parametrize("known", [np.zeros_like(KNOWN), np.ones_like(KNOWN)])
def test_without_ground_or_subject_there_is_no_tone(known):
    assert ground_tone(painted(), known) is None


def test_a_picture_of_another_size_has_the_same_tone():
    picture = painted(across=(20, 0, 0))
    larger = picture.repeat(3, axis=0).repeat(3, axis=1)
    found, same = (
        ground_tone(each, known)
        for each, known in ((picture, KNOWN), (larger, KNOWN.repeat(3, axis=0).repeat(3, axis=1)))
    )
    assert found is not None and same is not None
    assert np.allclose(found.mean, same.mean, atol=1)
    assert np.allclose(found.across, same.across, atol=3)


COLOURS = st.tuples(*[st.floats(-200, 200, width=32)] * 3)


@given(COLOURS, COLOURS, COLOURS, st.tuples(st.floats(0, 2), st.floats(0, 2)))
def test_a_tilt_is_bounded_level_at_its_centre_and_kept_by_json(mean, across, down, centre):
    tone = GroundTone(mean, mean, across, down, centre)
    tilt = tone.tilt((40, 20))
    assert tilt.shape == (40, 20, 3) and tilt.dtype == np.float32
    assert (np.abs(tilt) <= MOST).all()
    assert GroundTone.from_dict(json.loads(json.dumps(tone.to_dict()))) == tone
    level = GroundTone(mean, mean, across, down, (0.5, 0.5)).tilt((41, 21))
    assert np.abs(level[10:11, 10:11]).max() <= np.abs(level).max()


@given(st.integers(0, 2**31), st.integers(3, 60), st.integers(3, 60))
def test_any_picture_has_a_finite_tone_or_none(seed, height, width):
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    found = ground_tone(picture, random.random((height, width)) < random.random())
    if found is not None:
        assert np.isfinite([*found.mean, *found.across, *found.down, *found.centre]).all()
