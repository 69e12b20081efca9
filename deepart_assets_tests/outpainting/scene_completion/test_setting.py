"""A subject that may be indoors is not put outdoors."""

from dataclasses import replace

import numpy as np
import pytest

from deepart_assets.outpainting import GroundTone
from deepart_assets.outpainting.scene_completion import GroundLibrary, ranking, titles
from deepart_assets.outpainting.scene_completion.matching import Query
from deepart_assets.outpainting.scene_completion.ranking import (
    Finalist,
    finalists,
    otherwise,
    ranked,
)
from deepart_assets.outpainting.scene_completion.recording import choice_of
from deepart_assets.outpainting.scene_completion.variety import next_choice
from deepart_assets_tests.outpainting.scene_completion.drawn import (
    ground,
    oval,
    paint,
    reduced,
    subject,
)

GROUNDS = [ground(f"g{each:02}", each, mask=oval()) for each in range(12)]


@pytest.fixture
def library():
    wall = np.full((256, 200, 3), 90, np.uint8)
    found = GroundLibrary.of(GROUNDS, reduced({each.id: wall for each in GROUNDS}))
    found.matcher.shows_outdoors = np.arange(len(found)) % 2 == 0
    return found


def asked(library, probability, **known):
    seen, allowed = subject(paint(50), oval()), np.ones(len(library), bool)
    match = library.matcher(Query.of(seen, 1850), allowed)
    return replace(match, outdoors=probability, **{"still": 0.0} | known), seen, library, allowed


@pytest.mark.parametrize("probability", [0.1, 0.9])
def test_what_is_outdoors_comes_last_for_a_subject_indoors(library, probability):
    found = ranked(*asked(library, probability))
    order = [library.matcher.shows_outdoors[each.index] for each in found if not each.plain]
    assert len(order) == len(library)
    assert (order == sorted(order)) is (probability == 0.1)


def test_more_finalists_follow_the_others(library, monkeypatch):
    monkeypatch.setattr(ranking, "FINALISTS", 4)
    match, seen, *_ = asked(library, 0.5)
    costs = np.arange(12, dtype=np.float32)[::-1]
    hidden = replace(match, cover=2 * costs)  # once placed, what was dearest is cheapest
    few, more = (finalists(hidden, seen, library, costs, most) for most in (4, 9))
    assert more[:4] == few
    assert {each.index for each in few} == {8, 9, 10, 11}
    assert {each.index for each in more[4:]} == {3, 4, 5, 6, 7}


def test_each_subject_has_a_probability(library):
    for each in GROUNDS:
        found = library.matcher(Query.like(each), np.ones(len(library), bool))
        assert 0 <= found.outdoors <= 1


def test_the_tone_of_the_old_ground_tells_a_sky_from_a_room():
    even, falling = (0.0, 0.0, 0.0), (-30.0, 0.0, 20.0)
    sky = GroundTone((65, -2, -12), (70, -3, -15), even, falling, (0.5, 0.5), (40, 0, 20))
    room = GroundTone((12, 3, 8), (10, 3, 8), even, even, (0.5, 0.5))
    alone, above, within = (
        Query.of(replace(subject(paint(50), oval()), beside=each), 1850).likely_outdoors
        for each in (None, sky, room)
    )
    assert 0 < alone < 1
    assert within / (1 - within) < 0.2 * above / (1 - above)


@pytest.mark.parametrize(("kind", "still"), [("still", 1), ("figure", 0)])
def test_what_the_catalogue_says_of_a_still_life_goes_before_a_guess(library, kind, still):
    allowed = np.ones(len(library), bool)
    query = Query.of(subject(paint(50), oval()), 1850, kind)
    assert library.matcher(query, allowed).still == still


@pytest.mark.parametrize(("kind", "outdoors"), [("landscape", 1), ("interior", 0)])
def test_what_the_catalogue_says_of_the_setting_goes_before_a_guess(library, kind, outdoors):
    allowed = np.ones(len(library), bool)
    query = Query.of(subject(paint(50), oval()), 1850, kind)
    assert library.matcher(query, allowed).outdoors == outdoors
    assert 0 < library.matcher(replace(query, kind="figure"), allowed).outdoors < 1


@pytest.mark.parametrize(
    ("title", "outdoors", "afloat"),
    [
        ("The Harvesters", 1, 0),
        ("INTERIOR with a Lady", -1, 0),
        ("Ships in a Calm Sea", 1, 1),
        ("A Letter from the Garden", 0, 0),
        ("Portrait of Mrs Fielding-Seaton", 0, 0),
        ("", 0, 0),
    ],
)
def test_words_of_a_title_move_the_guess_of_the_setting(title, outdoors, afloat):
    for guess in (0.1, 0.5, 0.9):
        found = titles.outdoors(title, guess), titles.afloat(title, guess)
        assert all(0 < each < 1 for each in found)
        assert tuple(np.sign(np.round(np.array(found) - guess, 9))) == (outdoors, afloat)
    assert titles.outdoors(title, 0.0) == 0
    assert titles.outdoors(title, 1.0) == pytest.approx(1)


def test_a_title_reaches_the_match(library):
    allowed = np.ones(len(library), bool)
    plain, told = (
        library.matcher(Query.of(subject(paint(50), oval()), 1850, title=each), allowed)
        for each in ("Untitled", "A Ship at Sea")
    )
    assert plain.outdoors < told.outdoors
    assert plain.afloat < told.afloat


@pytest.mark.parametrize("probability", [0.1, 0.9])
def test_a_ship_gets_water_first_and_stands_on_no_floor(library, probability):
    library.matcher.water = np.where(np.arange(len(library)) % 3 == 1, 0.95, 0.05)
    match, *others = asked(library, probability, afloat=0.6)
    found = ranked(match, *others)
    assert not any(each.plain for each in found)
    order = [library.matcher.water[each.index] > 0.5 for each in found]
    wet = sum(order[:4])
    dry = ranked(replace(match, afloat=0.1), *others)
    assert wet > sum(library.matcher.water[each.index] > 0.5 for each in dry[:4])
    best = choice_of(found[0], match, others[0], library)
    assert best.rest is None
    assert best.terms["ashore"] == pytest.approx(0.3, abs=1e-3)


def test_the_contrary_of_a_ship_is_what_it_would_get_otherwise(library):
    match, *others = asked(library, 0.7, afloat=0.6)
    other = otherwise(match, *others)
    assert [each.index for each in other] == [
        each.index for each in ranked(replace(match, afloat=0.0), *others)
    ]
    assert otherwise(replace(match, afloat=0.9), *others) == []


@pytest.mark.parametrize("probability", [0.3, 0.7])
def test_the_contrary_of_a_guess_is_at_hand(library, probability):
    library.matcher.plain[:] = 0.3
    found = [each.index for each in otherwise(*asked(library, probability))]
    assert found
    assert {bool(library.matcher.shows_outdoors[each]) for each in found} == {probability == 0.3}


@pytest.mark.parametrize(("probability", "still"), [(0.02, 0), (0.99, 0), (0.4, 1)])
def test_where_the_guess_is_sure_there_is_no_contrary(library, probability, still):
    assert otherwise(*asked(library, probability, still=still)) == []


def test_a_body_that_is_continued_has_a_wall(library):
    library.matcher.plain[:] = np.where(library.matcher.shows_outdoors, 1.0, 0.3)
    bust = oval(centre=(0.9, 0.5), radii=(0.5, 0.3))
    bust[230:] = False
    match, _, *others = asked(library, 0.7, cut=0.9)
    found = ranked(match, subject(paint(50), bust), *others)
    assert found[0].plain
    assert not library.matcher.shows_outdoors[found[0].index]
    assert otherwise(match, subject(paint(50), bust), *others) == []


@pytest.mark.parametrize("is_lively", [True, False])
def test_a_still_life_has_a_wall_where_the_ground_of_another_is_lively(is_lively):
    picture = paint(3) if is_lively else np.full((256, 200, 3), 90, np.uint8)
    stills = [replace(each, kind="still") for each in GROUNDS]
    library = GroundLibrary.of(stills, reduced({each.id: picture for each in stills}))
    library.best = library.best[:0]  # whatever it costs, it fits
    library.matcher.plain[:] = 0.3
    assert ranked(*asked(library, 0.2, still=1.0))[0].plain is is_lively


def test_three_choices_differ_and_the_others_follow_in_their_order(library):
    library.matcher.plain[:] = 0.3
    for each in library.grounds:
        each.tones[1, 0, 0] = 30
    library.grounds[7].tones[1, 0, 0] = 45
    best = [Finalist(each, None, each / 10) for each in (1, 3, 5, 7, 9)]
    contrary = [Finalist(each, None, float(each)) for each in (2, 4)]

    def order(other):
        taken, seen = [], set()
        while found := next_choice(best, other, taken, seen, library):
            taken.append(found)
            seen.add(library.grounds[found.index].id)
        return [each.index for each in taken]

    assert order(contrary) == [1, 2, 7, 3, 5, 9]
    assert order([]) == [1, 7, 3, 5, 9]
