"""What is painted under a subject that would float."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from deepart_assets.imaging import resize
from deepart_assets.outpainting import GroundTone
from deepart_assets.outpainting.scene_completion.choice import Choice
from deepart_assets.outpainting.scene_completion.composition import finish
from deepart_assets.outpainting.scene_completion.footing import UNSEEN
from deepart_assets.outpainting.scene_completion.placement import Placement
from deepart_assets.outpainting.scene_completion.ranking import Finalist
from deepart_assets.outpainting.scene_completion.recording import choice_of
from deepart_assets.outpainting.scene_completion.resting import rest_for, with_body, with_plane
from deepart_assets.outpainting.tone import lab_of
from deepart_assets_tests.outpainting.scene_completion.drawn import (
    choice,
    ground,
    match,
    oval,
    paint,
    subject,
)

PICTURE = paint(1)
BUST = oval(centre=(0.9, 0.5), radii=(0.5, 0.3))
BUST[230:] = False
STANDING = oval(centre=(0.5, 0.5), radii=(0.4, 0.1))


def wall(lightness, height=256, width=200):
    return np.full((height, width, 3), lightness, np.float32)


def rest(mask, **known):
    return rest_for(subject(PICTURE, mask), match(**known))


def test_what_a_subject_needs_depends_on_its_base_and_on_what_is_like_it():
    framed, high, leaning = BUST.copy(), np.roll(BUST, -80, 0), BUST.copy()
    framed[200:] = framed[200]
    leaning[205:, :120] = False
    high[-80:] = False
    round_below = oval(centre=(0.6, 0.5), radii=(0.3, 0.3))
    assert rest(BUST, cut=0.9) == "body"
    assert rest(BUST, cut=0.1) == "body"  # a parapet cut it, which no gown is so level as
    assert rest(round_below, cut=0.1) == "floor"
    assert rest(framed, cut=0.9) is None
    assert rest(high, cut=0.9) == "table"
    assert rest(leaning, cut=0.9) == "table"
    assert rest(STANDING, cut=0.1) == "floor"
    assert rest(oval(centre=(0.75, 0.5), radii=(0.2, 0.45)), cut=0.9) == "floor"  # a group
    assert rest(STANDING, cut=0.9) == "floor"  # in a gown
    assert rest(oval(radii=(0.3, 0.2)), cut=0.1) == "floor"
    assert rest(oval(radii=(0.3, 0.2)), cut=0.1, is_bust=True) == "body"
    assert rest(oval(centre=(0.75, 0.5), radii=(0.2, 0.45)), is_bust=True) == "floor"
    cornered = oval(centre=(0.5, 0.5), radii=(0.4, 0.2))
    cornered[220:, 60:72] = True  # a staff that the frame cuts
    assert rest(cornered, cut=0.9) == "floor"
    assert rest(cornered, cut=0.9, is_bust=True) is None
    cornered[220:, 60:130] = True
    assert rest(cornered, cut=0.1) is None
    vase, cloth = (oval(centre=(0.6, 0.5), radii=(each, 0.2)) for each in (0.37, 0.5))
    assert rest(vase, still=0.8) == "table"
    assert rest(cloth, still=0.8) is None


def told(below):
    """Return the tone of a grey ground, with a floor, a table or nothing below."""
    level = (0.0, 0.0, 0.0)
    return GroundTone((50, 0, 0), (50, 0, 0), level, level, (0.5, 0.5), below)


def test_a_body_that_something_else_hid_ends_at_a_ledge():
    colour = tuple(np.median(lab_of(PICTURE)[BUST], axis=0).tolist())
    white = (95.0, 0.0, 0.0)
    for below, expected in ((None, "body"), (colour, "body"), (white, "ledge")):
        seen = replace(subject(PICTURE, BUST), beside=told(below))
        assert rest_for(seen, match(cut=0.9)) == expected


@pytest.mark.parametrize("plane", ["table", "floor", "ledge"])
def test_a_plane_has_the_tone_that_is_told(plane):
    cloth = (70.0, 2.0, 8.0)
    found = with_plane(wall(90), STANDING, plane, UNSEEN, cloth)
    lab = lab_of(found.round().astype(np.uint8))
    assert np.allclose(lab[245, 5], cloth, atol=2)
    assert np.allclose(lab[20, 5], lab_of(wall(90).astype(np.uint8))[20, 5], atol=1)


def test_a_thin_subject_of_a_wide_picture_has_rows():
    mask = np.zeros((128, 2560), bool)
    mask[40:90, 1200:1209] = True
    wide = subject(np.zeros((*mask.shape, 3), np.uint8), mask)
    assert wide.rows == (40 / 128, 90 / 128)


def test_the_frame_cuts_a_subject_of_a_tiny_picture():
    mask = np.zeros((40, 30), bool)
    mask[10:, 5:25] = True
    assert subject(np.zeros((*mask.shape, 3), np.uint8), mask).framed == 1


def test_a_body_goes_on_down_to_the_frame_and_is_lost_in_the_shade():
    red = np.where(BUST[..., None], np.uint8([200, 40, 40]), np.uint8(0))
    found = with_body(wall(120), red, BUST)
    below = found[232:, 100]
    assert np.all(below[:, 0] > 2 * below[:, 1])
    assert np.all(np.diff(below[:, 0]) <= 0.5)
    assert below[-1, 0] < 0.5 * below[0, 0]
    assert np.array_equal(found[:200][~BUST[:200]], wall(120)[:200][~BUST[:200]])
    assert np.array_equal(found[:, :20], wall(120)[:, :20])


@pytest.mark.parametrize("lightness", [25, 200])
@pytest.mark.parametrize("plane", ["table", "floor"])
def test_a_plane_begins_behind_the_feet_and_the_wall_above_stays(plane, lightness):
    found = with_plane(wall(lightness), STANDING, plane, UNSEEN)
    lab = lab_of(found.round().astype(np.uint8))[..., 0]
    before = lab_of(wall(lightness).astype(np.uint8))[..., 0]
    assert np.abs(lab - before)[:150].max() < 0.5
    assert np.all(np.sign(lab[240:, 5] - before[240:, 5]) == (1 if lightness == 25 else -1))
    assert lab[232, 100] < lab[232, 5] - 3, "no shadow at the feet"


def test_a_table_begins_behind_a_vase_that_stands_behind_fruit():
    fruit = oval(centre=(0.75, 0.4), radii=(0.15, 0.25))
    vase = fruit.copy()
    vase[20:190, 170:178] = True
    alone, found = (
        lab_of(with_plane(wall(120), each, "table", UNSEEN).round().astype(np.uint8))[:, 5, 0]
        for each in (fruit, vase)
    )
    assert found[188] < found[150] - 5 and abs(alone[188] - alone[150]) < 1
    assert abs(found[200] - found[250]) < 1


@pytest.mark.parametrize("plane", ["table", "floor"])
def test_a_subject_of_one_row_has_a_plane(plane):
    line = np.zeros((256, 200), bool)
    line[150, 60:140] = True
    assert np.isfinite(with_plane(wall(120), line, plane, UNSEEN)).all()


def test_a_plane_is_the_same_at_every_size():
    twice = np.kron(STANDING, np.ones((2, 2), bool))
    once = with_plane(wall(120), STANDING, "floor", UNSEEN)
    double = with_plane(wall(120, 512, 400), twice, "floor", UNSEEN)
    assert np.abs(resize(double, 256, 200) - once).mean() < 1


def test_a_floor_begins_behind_what_stands_farthest_back():
    figure = np.zeros((256, 200), bool)
    figure[20:230, 80:120] = True
    group = figure.copy()
    group[120:190, 140:180] = True  # one who stands behind
    group[60:80, 120:140] = True  # and an arm
    alone, found = (
        lab_of(with_plane(wall(120), each, "floor", UNSEEN).round().astype(np.uint8))[:, 5, 0]
        for each in (figure, group)
    )
    assert found[192] < alone[192] - 5
    assert np.abs(found - alone)[:170].max() < 0.5


@pytest.mark.parametrize("under", ["body", "table", "floor", "ledge"])
def test_the_subject_is_unchanged(under):
    mask = BUST if under == "body" else STANDING
    laid = paint(7)
    bare = finish(laid, PICTURE, mask, choice())
    found = finish(laid, PICTURE, mask, choice(rest=under))
    assert np.array_equal(found[mask], PICTURE[mask])
    assert not np.array_equal(found, bare)


def test_a_plane_is_painted_only_before_a_wall_that_has_none():
    edged = wall(120).astype(np.uint8)
    edged[236:] = 40

    pictures = {"edge": edged, "bare": wall(120).astype(np.uint8)}
    kinds = {"wall": "figure", "meadow": "landscape", "edge": "still", "bare": "figure"}
    library = SimpleNamespace(
        grounds=[ground(name, picture=edged, kind=kind) for name, kind in kinds.items()],
        matcher=SimpleNamespace(shows_outdoors=np.arange(4) == 1, plain=np.float32([1, 1, 1, 0.1])),
        hubs=np.zeros(4, np.float32),
        picture=lambda id, side: pictures[id],
    )

    def needs(index, base, mask=STANDING, **known):
        laid = Placement({"base": base}, 0.0, 1.0, (0, 0), False)
        finalist = Finalist(index, laid, 1.0)
        return choice_of(finalist, match(**known), subject(PICTURE, mask), library).rest

    assert needs(0, 1.0) == "floor"
    assert needs(0, 0.1) is None
    assert needs(3, 0.1) == "floor"  # where no floor begins, a wall carries nobody
    leaning = BUST.copy()
    leaning[205:, :120] = False
    assert needs(0, 1.0, leaning, cut=0.9) == "floor"
    assert needs(0, 1.0, leaning, cut=0.9, is_bust=True) == "table"
    assert needs(1, 1.0) is None
    assert needs(1, 0.0, BUST, cut=0.9) == "body"
    assert needs(2, 0.0, still=1.0) is None
    pictures["edge"], pictures["bare"] = pictures["bare"], edged
    assert needs(3, 0.1) is None
    assert needs(2, 0.0, still=1.0) == "table"


def test_it_is_dark_under_what_hangs_over_and_not_under_an_arm():
    hanging = np.zeros((256, 200), bool)
    hanging[20:, 60:100] = True  # a figure that the frame cuts,
    hanging[170:190, 100:180] = True  # its train
    hanging[70:80, 10:60] = True  # and an arm
    laid = wall(120).astype(np.uint8)
    found, elsewhere = (
        finish(laid, PICTURE, hanging, choice(wall=each)).astype(float) for each in (True, False)
    )
    assert found[196, 140].mean() < elsewhere[196, 140].mean() - 20
    assert found[196, 140].mean() < found[215, 140].mean() - 5 < found[245, 140].mean() - 10
    assert found[100:, 30].mean() > 110
    assert found[:160, 140].mean() > 110


def test_a_wall_is_lit_behind_the_head_and_dark_where_a_body_is_lost():
    laid = wall(120).astype(np.uint8)
    found, sunk, elsewhere = (
        finish(laid, PICTURE, BUST, choice(wall=is_wall, rest=rest))[..., 1].astype(float)
        for is_wall, rest in ((True, None), (True, "body"), (False, "body"))
    )
    assert found[140, 20] > found[5, 5] + 5
    assert sunk[250, 5] < 0.5 * sunk[140, 5]
    assert abs(elsewhere[250, 5] - 120) < 3


def test_records_of_before_have_nothing_under_the_subject():
    values = {"ground": "g", "flip": True, "fits": True, "scale": 1, "cost": 1}
    values |= {"offset": [0, 0], "gain": [1, 1, 1], "shift": [0, 0, 0], "terms": {}}
    assert Choice.from_dict(values).rest is None
    assert not Choice.from_dict(values).wall
    assert Choice.from_dict({**values, "rest": "floor"}).to_dict()["rest"] == "floor"
