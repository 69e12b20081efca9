"""The old ground at a subject's rim tells of what tone the new one should be."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from deepart_assets.outpainting.ground_tone import GroundTone
from deepart_assets.outpainting.scene_completion.matching import Matcher, Query
from deepart_assets.outpainting.scene_completion.recording import FARTHEST, colours
from deepart_assets.outpainting.tone import lab_of
from deepart_assets_tests.outpainting.scene_completion.drawn import ground, oval, subject

MASK = oval(512, 400)
DEPTH = cv2.distanceTransform(MASK.astype(np.uint8), cv2.DIST_L2, 5)


def lightness(grey):
    return float(lab_of(np.full((1, 1, 3), grey, np.uint8))[0, 0, 0])


def figure(rim):
    """Return a reddish figure with a grey rim of 3 pixels; None: without."""
    picture = np.zeros((512, 400, 3), np.uint8)
    picture[MASK] = (150, 60, 50)
    if rim is not None:
        picture[MASK & (DEPTH <= 3)] = rim
    return subject(picture, MASK)


def wall(name, grey):
    tones = np.tile(np.float16([[lightness(grey), 0, 0], [5, 2, 2]]), (2, 1, 1))
    return ground(name, tones=tones)


@pytest.mark.parametrize("grey", [20, 220])
def test_old_ground_at_the_rim_is_found_with_its_tone(grey):
    tone, foreign = figure(grey).rim
    assert abs(tone[0] - lightness(grey)) < 8
    assert foreign > 0.8
    assert figure(grey).old_ground[1] == pytest.approx(0.8)


@pytest.mark.parametrize("grey", [20, 220])
def test_a_rim_that_is_half_paint_tells_of_the_ground_beyond_it(grey):
    paint = np.array((150, 60, 50))
    share = np.clip(1.2 - 0.3 * DEPTH, 0, 1)[..., None]
    picture = np.where(MASK[..., None], np.round(share * grey + (1 - share) * paint), 0)
    picture = picture.astype(np.uint8)
    tone, foreign = subject(picture, MASK).rim
    mixed = lab_of(picture)[MASK & (DEPTH <= 2)].mean(0)
    assert foreign > 0.5
    assert abs(tone[0] - lightness(grey)) < abs(mixed[0] - lightness(grey)) - 3
    between = sorted((lightness(grey), float(lab_of(picture)[MASK & (DEPTH > 5)][:, 0].mean())))
    assert between[0] - 1 <= tone[0] <= between[1] + 1, "no further than what is seen"


def test_a_rim_of_the_subjects_own_paint_tells_nothing():
    assert figure(None).rim[1] == 0
    assert figure(None).old_ground[1] == 0


@pytest.mark.parametrize("grey", [20, 220])
def test_a_ground_of_the_rims_tone_costs_less(grey):
    walls = [wall("dark", 20), wall("light", 220)]
    matcher = Matcher(walls)
    allowed = np.ones(2, bool)
    query = Query.of(figure(grey), 1850)
    dark, light = matcher(query, allowed).terms["tone"]
    assert bool(dark < light) is (grey == 20)
    blind = matcher(replace(query, old_ground=None), allowed).terms["tone"]
    assert abs(dark - light) > abs(blind[0] - blind[1])


@pytest.mark.parametrize("grey", [20, 220])
def test_a_wall_is_moved_towards_the_rims_tone_and_never_far(grey):
    middle = wall("middle", 110)
    _, moved = colours(figure(grey), middle, is_wall=True)
    _, kept = colours(figure(grey), middle, is_wall=False)
    assert np.sign(moved[0]) == (-1 if grey == 20 else 1)
    assert 10 < abs(moved[0]) <= FARTHEST[0]
    assert abs(kept[0]) <= 12


@pytest.mark.parametrize("grey", [20, 220])
def test_what_is_told_of_the_old_ground_counts_more_than_the_rim(grey):
    walls = [wall("dark", 20), wall("light", 220)]
    tone = (lightness(grey), 0.0, 0.0)
    level = (0.0, 0.0, 0.0)
    told = replace(figure(240 - grey), beside=GroundTone(tone, tone, level, level, (0.5, 0.5)))
    dark, light = Matcher(walls)(Query.of(told, 1850), np.ones(2, bool)).terms["tone"]
    assert bool(dark < light) is (grey == 20)
    _, moved = colours(told, wall("middle", 110), is_wall=True)
    assert lightness(110) + moved[0] == pytest.approx(lightness(grey), abs=16)
    assert np.sign(moved[0]) == (-1 if grey == 20 else 1)


@pytest.mark.parametrize(("grey", "least"), [(20, 15), (120, 0)])
def test_a_dark_wall_is_lighter_than_a_dark_subject(grey, least):
    picture = np.full((512, 400, 3), grey, np.uint8)
    alone = subject(picture, MASK)
    assert alone.contour == pytest.approx(lightness(grey), abs=0.5)
    black = wall("black", 5)
    _, shift = colours(alone, black, is_wall=True)
    _, elsewhere = colours(alone, black, is_wall=False)
    assert (lightness(5) + shift[0] > lightness(grey) + 9) is (grey == 20)
    assert shift[0] - elsewhere[0] == pytest.approx(max(least - elsewhere[0], 0), abs=1)
