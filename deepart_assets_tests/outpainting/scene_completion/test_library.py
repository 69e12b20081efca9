from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.outpainting.scene_completion import Ground, GroundLibrary, statistics
from deepart_assets.outpainting.scene_completion.ground import (
    cells_of,
    horizon_of,
    kind_of,
    year_of,
)
from deepart_assets.outpainting.scene_completion.matching import Query
from deepart_assets.outpainting.scene_completion.shipped import find_library
from deepart_assets.outpainting.scene_completion.stacking import stacked, unstacked
from deepart_assets.outpainting.scene_completion.statistics import CHOICES, MOST, Costs, hub_costs
from deepart_assets.outpainting.scene_completion.vectors import AT_ONCE, by_rows
from deepart_assets.settings.grounds import BundledLibrary
from deepart_assets_tests.outpainting.scene_completion.drawn import ground, oval, reduced

GROUNDS = [ground(f"g{each}", each, mask=oval()) for each in range(12)]
PICTURE = reduced({})


def test_a_ground_survives_its_file():
    first = replace(GROUNDS[0], year=None, horizon=0.4)
    second = Ground.from_bytes(first.to_bytes(), "file")
    assert second.to_bytes() == first.to_bytes()
    assert (second.year, second.horizon, second.shape) == (None, 0.4, first.shape)
    assert np.array_equal(second.hole, first.hole)


def test_a_sky_begins_at_the_top():
    sky = np.full((4, 6), -1, np.float32)
    sky[1] = 1
    assert horizon_of(sky) is None
    sky[0, 0] = 1
    assert horizon_of(sky) == 0.5


@pytest.mark.parametrize("broken", [b"", b"PK\x03\x04", GROUNDS[0].to_bytes()[:900], b"x" * 99])
def test_a_broken_ground_is_named(broken):
    with pytest.raises(PaintingError, match=r"met-1\.npz .*materialize it again"):
        Ground.from_bytes(broken, "met-1.npz")


def test_a_cell_with_one_pixel_of_hole_is_hole():
    hole = np.zeros((17, 24), bool)
    hole[16, 9] = True
    assert np.array_equal(np.argwhere(cells_of(hole)), [[2, 1]])


@pytest.mark.parametrize(
    ("genre", "kind"),
    [
        ("flower painting", "still"),
        ("Marina", "landscape"),
        ("genre painting", "figure"),
        ("", None),
    ],
)
def test_the_kind_is_read_from_the_genre(genre, kind):
    assert kind_of({"genre": genre}) == kind


def test_the_year_is_the_first_in_a_date():
    assert [year_of(each) for each in ("ca. 1510–15", "1889", "undated")] == [1510, 1889, None]


@pytest.mark.parametrize("count", [0, 7])
def test_too_few_grounds_name_the_remedy(count):
    useless = [replace(each, usable=False) for each in GROUNDS[count:]]
    with pytest.raises(UnavailableError, match=rf"has {count} usable grounds.*add paintings"):
        GroundLibrary.of([*GROUNDS[:count], *useless], PICTURE)


def test_a_library_survives_its_file_and_does_not_depend_on_the_order():
    first = GroundLibrary.of(GROUNDS, PICTURE)
    second = GroundLibrary.from_bytes(first.to_bytes(), PICTURE, "library.npz")
    for same in (second, GroundLibrary.of(GROUNDS[::-1], PICTURE)):
        assert same.to_bytes() == first.to_bytes()
    assert second["g3"].title == "Title g3"


def test_a_broken_library_is_named():
    data = GroundLibrary.of(GROUNDS, PICTURE).to_bytes()
    for broken in (b"", data[:-200], GROUNDS[0].to_bytes()):
        with pytest.raises(UnavailableError, match=r"library\.npz .*renew it"):
            GroundLibrary.from_bytes(broken, PICTURE, "library.npz")


def test_a_damaged_byte_is_never_a_traceback():
    library, ground = GroundLibrary.of(GROUNDS, PICTURE).to_bytes(), GROUNDS[0].to_bytes()
    random = np.random.default_rng(0)
    told = 0
    for data, read in (
        (library, lambda data: GroundLibrary.from_bytes(data, PICTURE, "library.npz")),
        (ground, lambda data: Ground.from_bytes(data, "met-1.npz")),
    ):
        for place in random.integers(0, len(data), 200):
            damaged = bytearray(data)
            damaged[place] ^= int(random.integers(1, 256))
            try:
                read(bytes(damaged))
            except (UnavailableError, PaintingError):
                told += 1
    assert told > 200


def test_grounds_of_any_shape_are_stacked_and_come_back():
    tall = replace(GROUNDS[1], shape=(900, 512), packed_hole=np.packbits(np.ones(113 * 64, bool)))
    bare = replace(GROUNDS[2], standing=np.zeros((0, 9), np.int8), year=None, title="Zoë, “1”")
    some = [GROUNDS[0], tall, bare]
    again = unstacked(stacked(some))
    assert [each.to_bytes() for each in again] == [each.to_bytes() for each in some]
    assert again[1].hole.all()
    assert again[1].shape == (900, 512)


def test_a_ground_that_suits_everything_is_capped():
    random = np.random.default_rng(0)
    costs = random.normal(size=(120, 200)).astype(np.float32)
    suits_all = random.random(120) < 0.7
    costs[suits_all, 7] -= 4

    def most_used(extra):
        best = np.argsort(costs + extra, axis=1)[:, :CHOICES]
        return int(np.bincount(best.ravel(), minlength=200).max())

    assert most_used(np.zeros(200)) > 60
    extra = hub_costs(Costs(costs.mean(0, dtype=float), costs))
    assert most_used(extra) <= np.ceil(MOST * 120 * CHOICES)


def test_the_subjects_of_the_statistics_are_spread_over_the_library(monkeypatch):
    monkeypatch.setattr(statistics, "TARGETS", 5)
    tried = []

    def matcher(query, allowed):
        tried.append(int(np.flatnonzero(~allowed)[0]))
        nothing = np.zeros(len(allowed), np.float32)
        return SimpleNamespace(costs=nothing, cover=nothing)

    statistics.match_costs(GROUNDS[:9], matcher)
    assert tried == [0, 2, 4, 6, 8]


def test_every_finite_half_is_widened_exactly_however_many_rows_there_are():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = np.resize(halves[np.isfinite(halves)], (AT_ONCE + 9, 61))
    wide = by_rows(lambda rows: rows, halves)
    assert wide.dtype == np.float32
    assert np.array_equal(wide, halves.astype(np.float32))
    assert np.array_equal(np.signbit(wide), np.signbit(halves))


def test_subjects_find_their_own_grounds_better_than_chance():
    """Of the terms only those count that compare with what the neighbours let expect."""
    library = find_library(BundledLibrary(kind="bundled", name="cc0")).library
    artists = np.array([each.artist for each in library.grounds])
    ranks = []
    for index, each in enumerate(library.grounds):
        others = artists != each.artist
        terms = library.matcher(Query.like(each), others).terms
        costs = terms["ground"] + terms["tone"]
        if each.has_subject:
            ranks.append(float((costs[others] < costs[index]).mean()))
    assert len(ranks) > 40
    assert np.median(ranks) < 0.4
