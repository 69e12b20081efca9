"""A plain ground is plain where it is seen: a thing on the wall makes it dearer."""

import numpy as np
import pytest

from deepart_assets.outpainting.scene_completion import GroundLibrary, ranking
from deepart_assets.outpainting.scene_completion.placement import Placement
from deepart_assets.outpainting.scene_completion.ranking import Finalist, calmest_first
from deepart_assets.outpainting.scene_completion.structure import seen_edge, seen_structure
from deepart_assets_tests.outpainting.scene_completion.drawn import (
    ground,
    match,
    oval,
    paint,
    subject,
)

WALL = np.full((256, 200, 3), 90, np.uint8)
CAGE = WALL.copy()
CAGE[200:240:8, 20:70] = 200
MASK = oval()


def placement(**changes):
    given = {"terms": {}, "visible": 0.0, "scale": 1.0, "offset": (0, 0), "flip": False}
    return Placement(**(given | changes))


def seen(picture, mask=MASK, hole=None, **changes):
    return seen_structure(picture, ground("g", mask=hole), placement(**changes), mask)


def test_a_thing_on_the_wall_is_seen_and_a_bare_wall_is_not():
    assert seen(WALL) == 0
    assert seen(CAGE) > 4


def test_the_corner_of_a_desk_is_seen():
    desk = WALL.copy()
    desk[220:, 164:] = 160
    assert seen(desk) > 4


@pytest.mark.parametrize("flip", [False, True])
def test_what_the_subject_hides_is_not_seen(flip):
    before = oval(centre=(0.85, 0.78 if flip else 0.22), radii=(0.2, 0.25))
    assert seen(CAGE, before, flip=flip) == 0
    assert seen(CAGE, before, flip=not flip) > 4


def test_what_is_filled_or_cut_off_does_not_count():
    assert seen(CAGE, hole=oval(centre=(0.85, 0.22), radii=(0.2, 0.3))) == 0
    small = oval(128, 100)
    assert seen(CAGE, small, offset=(0, 0)) == 0
    assert seen(CAGE, small, offset=(128, 0)) > 4


def library(pictures, **changes):
    grounds = [ground(name, plain=1.0, **changes) for name in pictures]
    none = np.zeros(len(grounds), np.float32)
    return GroundLibrary(grounds, none, none[:0], lambda id, side: pictures[id])


def ordered(placed, pictures, known=None, **changes):
    seen = known or match(), subject(paint(1), MASK)
    return calmest_first(placed, *seen, library(pictures, **changes))


def test_of_placed_grounds_the_bare_one_comes_first():
    pictures = {"cage": CAGE, "wall": WALL, "strokes": paint(3)}
    placed = [Finalist(index, placement(), 1.0 + 0.1 * index) for index in range(3)]
    found = ordered(placed, pictures)
    assert found[0] == placed[1]
    assert all(each.structure > 1 for each in found[1:])
    assert [each.cost for each in found] == sorted(each.cost for each in found)


def test_outdoors_there_is_always_something_to_see():
    placed, pictures = [Finalist(0, placement(), 1.0)], {"cage": CAGE, "wall": WALL}
    [inside] = ordered(placed, pictures, match(outdoors=0.0))
    [outside] = ordered(placed, pictures, match(outdoors=1.0))
    whole = inside.structure + ranking.BARE
    assert whole > ranking.OPEN
    assert outside.structure == pytest.approx((whole - ranking.OPEN) * ranking.OUTDOORS)


def test_a_thing_on_a_wall_costs_twice_where_nothing_fits():
    pictures = {"cage": CAGE, "wall": WALL}
    [fits], [plain] = (
        ordered([Finalist(0, placement(), 1.0, plain=each)], pictures) for each in (False, True)
    )
    assert plain.structure == pytest.approx(2 * fits.structure)


def test_the_edge_of_a_table_is_wanted_under_a_still_life():
    placed, pictures = [Finalist(0, placement(), 1.0)], {"table": CAGE, "wall": WALL}
    assert ordered(placed, pictures, match(still=1.0), kind="still") == placed
    assert ordered(placed, pictures, match(still=0.0), kind="still")[0].structure > 1


def test_a_rosebush_above_the_table_is_not_wanted():
    placed, pictures = [Finalist(0, placement(), 1.0)], {"bush": CAGE[::-1].copy(), "wall": WALL}
    assert ordered(placed, pictures, match(still=1.0), kind="still")[0].structure > 1


def test_the_edge_of_a_table_is_seen_near_the_base_and_not_elsewhere():
    table = np.full((256, 200, 3), 120, np.uint8)
    table[150:] = 60
    mask = oval(centre=(0.4, 0.5), radii=(0.25, 0.2))

    def edge(base, picture=table, hole=None):
        return seen_edge(picture, ground("g", mask=hole, picture=table), placement(), mask, base)

    assert edge(0.65) > 20
    assert edge(0.4) == 0
    assert edge(0.65, np.full_like(table, 120)) == 0
    assert edge(0.65, hole=np.ones((256, 200), bool)) == 0
