"""Measures of outpaintings: a fault that is put into a painting makes its measure worse."""

import cv2
import numpy as np
import pytest

from deepart_assets.imaging import decode_rgb, resize, working_size
from deepart_assets.outpainting.measures import (
    MEASURES,
    black_point,
    foreign_colours,
    matte_step,
    rays,
    repetition,
    sharpness,
    straight_lines,
)
from deepart_assets.outpainting.regions import reduced
from deepart_assets.settings.places import PROJECT

PAINTINGS = PROJECT / "data" / "sample" / "paintings"


@pytest.fixture(scope="module", params=["436545", "437990"])
def painting(request):
    """A painting as it is, and unfinished: an ellipse in its middle is the subject."""
    picture = decode_rgb((PAINTINGS / f"{request.param}.jpg").read_bytes(), request.param)
    picture = resize(picture, *working_size(*picture.shape[:2], 384))
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (width // 2, height // 2), (width // 4, height // 4), 0, 0, 360, 255, -1)
    return picture, np.dstack([picture, mask])


def in_surround(changed, painting, beyond=0):
    """Return the picture with a changed surround, from so many pixels outside the subject on."""
    picture, unfinished = painting
    away = cv2.distanceTransform((unfinished[..., 3] == 0).astype(np.uint8), cv2.DIST_L2, 5)
    return np.where((away > beyond)[..., None], changed, picture).astype(np.uint8)


def shifted(picture, *shift):
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) + np.float32(shift)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255, 0, 255)


def test_the_same_picture_has_the_same_values_and_nothing_is_changed(painting):
    picture, unfinished = painting
    before = picture.copy(), unfinished.copy()
    for measure in MEASURES:
        value = measure.of(unfinished, picture)
        assert np.isfinite(value)
        assert value == measure.of(unfinished, picture.copy())
    assert np.array_equal(picture, before[0]) and np.array_equal(unfinished, before[1])


def test_a_value_is_worse_in_the_direction_of_its_fault():
    worse = {measure.name: measure.worse for measure in MEASURES}
    assert worse["rays"](0.5, 0.1) == pytest.approx(0.4) and worse["rays"](0.0, 0.1) < 0
    assert worse["sharpness"](-1, 0.1) == pytest.approx(1.1) and worse["sharpness"](1, 0.1) < 0
    assert worse["black_point"](-9, 1) == worse["black_point"](11, 1) == 10


def test_a_clone_of_the_subject_is_a_repetition(painting):
    picture, unfinished = painting
    height, width = picture.shape[:2]
    side = min(height, width) // 4
    cloned = picture.copy()
    top, left = (height - side) // 2, (width - side) // 2
    cloned[2 : 2 + side, 2 : 2 + side] = picture[top : top + side, left : left + side]
    was, now = (repetition(unfinished, each) for each in (picture, in_surround(cloned, painting)))
    assert was < 0.01 and now > was + 0.01


def test_streaks_away_from_the_subject_are_rays(painting):
    picture, unfinished = painting
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    angle = np.arctan2(y - height / 2, x - width / 2)
    streaks = np.repeat((128 + 60 * np.sin(40 * angle))[..., None], 3, axis=2)
    assert rays(unfinished, in_surround(streaks, painting)) > 2 * rays(unfinished, picture)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_line_that_a_tile_leaves_is_straight(painting, axis):
    picture, unfinished = painting
    beyond = np.indices(picture.shape[:2])[axis] > picture.shape[axis] * 0.6
    tiled = in_surround(np.where(beyond[..., None], shifted(picture, 20, 0, 0), picture), painting)
    assert straight_lines(unfinished, tiled) > 1.2 * straight_lines(unfinished, picture)


def test_a_blurred_surround_is_less_sharp(painting):
    picture, unfinished = painting
    blurred = in_surround(cv2.GaussianBlur(picture, (0, 0), 2), painting)
    assert sharpness(unfinished, blurred) < sharpness(unfinished, picture) - 1


def test_a_shifted_hue_is_foreign(painting):
    picture, unfinished = painting
    pink = in_surround(shifted(picture, 0, 25, -25), painting)
    assert foreign_colours(unfinished, pink) > foreign_colours(unfinished, picture) + 5


@pytest.mark.parametrize("shift", [15, 30])
def test_haze_lifts_the_black_point(painting, shift):
    picture, unfinished = painting
    hazy = in_surround(shifted(picture, shift, 0, 0), painting)
    lifted = black_point(unfinished, hazy) - black_point(unfinished, picture)
    assert lifted == pytest.approx(shift, abs=5)


def test_a_rim_of_old_ground_is_a_step_where_it_ends(painting):
    picture, unfinished = painting
    rimmed = in_surround(shifted(picture, 15, 0, 0), painting, beyond=5)
    assert matte_step(unfinished, rimmed) > matte_step(unfinished, picture) + 0.5


def test_a_flat_surround_repeats_nothing_and_a_missing_one_has_no_measure(painting):
    picture, unfinished = painting
    assert repetition(unfinished, in_surround(np.full_like(picture, 90), painting)) == 0
    whole = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    assert repetition(whole, picture) == 0
    for of in (rays, straight_lines, sharpness, foreign_colours, black_point, matte_step):
        assert of(whole, picture) is None


def test_the_reduced_mask_lies_where_the_reduced_subject_is():
    y, x = np.mgrid[:512, :512]
    subject = ((y - 250) / 150) ** 2 + ((x - 270) / 100) ** 2 < 1
    white = np.repeat(subject[..., None] * np.uint8(255), 3, axis=2)
    known, picture = reduced(np.dstack([white, subject * np.uint8(255)]), white, 96)
    assert np.array_equal(known, picture[..., 0] >= 128)
