import numpy as np
import pytest

from deepart_assets.outpainting.scene_completion.placement import Placer
from deepart_assets_tests.outpainting.scene_completion.drawn import (
    ground,
    match,
    oval,
    paint,
    subject,
)

PICTURE = paint(1)


def placed(mask, other, water=0.0, **known):
    return Placer(subject(PICTURE, mask), match(**known))(other, plain=1.0, water=water)


def test_a_subject_hides_the_hole_of_its_shape():
    mask = oval(centre=(0.7, 0.5), radii=(0.4, 0.3))
    smaller = oval(centre=(0.7, 0.5), radii=(0.3, 0.22))
    found = placed(mask, ground("same", mask=smaller))
    assert found.visible < 0.005
    assert (found.scale, found.offset) == (1.0, (0, 0))


def test_a_ground_is_mirrored_where_that_hides_more():
    mask = oval(centre=(0.7, 0.25), radii=(0.35, 0.22))
    here, there = (oval(centre=(0.7, each), radii=(0.28, 0.17)) for each in (0.25, 0.75))
    assert not placed(mask, ground("here", mask=here)).flip
    assert placed(mask, ground("there", mask=there)).flip


def test_hole_that_stays_visible_costs_by_its_share():
    mask = oval(centre=(0.7, 0.5), radii=(0.2, 0.15))
    large, larger = (oval(centre=(0.5, 0.5), radii=(each, each)) for each in (0.35, 0.48))
    costs = [placed(mask, ground("g", mask=each)).terms["visible"] for each in (large, larger)]
    assert 0 < costs[0] < costs[1]


@pytest.mark.parametrize("below", [True, False])
def test_a_figure_stands_on_a_floor_and_not_on_water(below):
    mask = oval(centre=(0.6, 0.5), radii=(0.3, 0.1))
    standing = np.full((22, 18), -100, np.int8)
    if below:
        standing[17:] = 100
    cost = placed(mask, ground("g", standing=standing)).terms["base"]
    assert (cost < 0.1) is below
    assert (cost > 1.5) is not below


def test_where_there_is_water_a_floor_has_to_be_sure():
    mask = oval(centre=(0.6, 0.5), radii=(0.3, 0.1))
    shallow, beach = (ground("g", standing=np.full((22, 18), each, np.int8)) for each in (40, 90))
    assert placed(mask, shallow).terms["base"] == 0
    assert placed(mask, shallow, water=0.9).terms["base"] > 0.5
    assert placed(mask, beach, water=0.9).terms["base"] == 0


def test_a_floor_does_not_matter_under_a_subject_that_the_frame_cuts():
    cut = oval(centre=(0.9, 0.5), radii=(0.5, 0.2))
    water = ground("water", standing=np.full((22, 18), -100, np.int8))
    assert placed(cut, water).terms["base"] == 0


def test_a_floor_does_not_matter_under_a_bust_that_is_continued():
    bust = oval(centre=(0.9, 0.5), radii=(0.5, 0.3))
    bust[230:] = False
    water = ground("water", standing=np.full((22, 18), -100, np.int8))
    assert placed(bust, water, cut=0.9).terms["base"] == 0
    whole = oval(centre=(0.6, 0.5), radii=(0.3, 0.3))
    assert placed(whole, water, cut=0.1).terms["base"] > 1.5


def test_a_horizon_at_the_feet_makes_a_giant():
    mask = oval(centre=(0.55, 0.5), radii=(0.4, 0.1))
    low, high = (placed(mask, ground("g", horizon=each)) for each in (0.95, 0.3))
    assert low.terms["horizon"] > 0.2
    assert high.terms["horizon"] == 0


def test_who_stands_behind_has_a_floor_and_is_no_giant():
    near = oval(centre=(0.7, 0.4), radii=(0.25, 0.3))
    behind = oval(centre=(0.5, 0.85), radii=(0.15, 0.1))
    standing = np.full((22, 18), -100, np.int8)
    standing[17:] = 100
    beach = ground("beach", standing=standing, horizon=0.5)
    angel = oval(centre=(0.3, 0.85), radii=(0.15, 0.1))
    alone, group, flying = (placed(each, beach) for each in (near, near | behind, near | angel))

    def horizon(found):
        return 0.5 * found.scale - found.offset[0] / 256

    assert horizon(group) < 0.42 < horizon(alone) == horizon(flying)
    assert group.terms["base"] < 0.3


def test_a_ship_does_not_sail_in_the_sky():
    mask = oval(centre=(0.5, 0.5), radii=(0.2, 0.1))
    sea = ground("sea", horizon=0.75, standing=np.full((22, 18), -100, np.int8))
    figure, ship = placed(mask, sea), placed(mask, sea, afloat=0.9)

    def below_the_horizon(found):
        return 0.7 * 256 - (0.75 * 256 * found.scale - found.offset[0])

    assert below_the_horizon(figure) < 0 < below_the_horizon(ship)
    assert ship.terms["base"] == 0


def test_a_ship_does_not_lie_on_a_beach_before_the_sea():
    mask = oval(centre=(0.7, 0.5), radii=(0.15, 0.1))
    sea, beach = np.full((22, 18), -100, np.int8), np.full((22, 18), -100, np.int8)
    beach[13:] = 60
    afloat, ashore = (placed(mask, ground("g", standing=each), afloat=0.9) for each in (sea, beach))
    assert afloat.terms["base"] == 0 and ashore.cost > afloat.cost


def test_a_torn_or_missing_subject_is_told():
    nothing = np.zeros((256, 200), bool)
    torn = nothing.copy()
    for row in range(20, 240, 40):
        torn[row : row + 20, 20:40] = True
    assert "no subject" in subject(PICTURE, nothing).fault()
    assert "6 pieces, the largest with 17%" in subject(PICTURE, torn).fault()
    assert subject(PICTURE, oval() | torn).fault() is None
