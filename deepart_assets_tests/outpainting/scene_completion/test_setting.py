"""A subject that may be indoors is not put outdoors."""

from dataclasses import replace

import numpy as np
import pytest

from deepart_assets.outpainting.scene_completion import GroundLibrary, SceneCompletionOutpainter
from deepart_assets.outpainting.scene_completion.matching import Query
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


@pytest.mark.parametrize("probability", [0.1, 0.9])
def test_what_is_outdoors_comes_last_for_a_subject_indoors(library, probability):
    seen = subject(paint(50), oval())
    allowed = np.ones(len(library), bool)
    match = replace(library.matcher(Query.of(seen, 1850), allowed), outdoors=probability)
    ranked = SceneCompletionOutpainter(lambda: library)._ranked(match, seen, allowed)
    order = [library.matcher.shows_outdoors[each.index] for each in ranked if not each.plain]
    assert len(order) == len(library)
    assert (order == sorted(order)) is (probability == 0.1)


def test_each_subject_has_a_probability(library):
    for each in GROUNDS:
        found = library.matcher(Query.like(each), np.ones(len(library), bool))
        assert 0 <= found.outdoors <= 1


@pytest.mark.parametrize(("kind", "still"), [("still", 1), ("figure", 0)])
def test_what_the_catalogue_says_of_a_still_life_goes_before_a_guess(library, kind, still):
    allowed = np.ones(len(library), bool)
    query = Query.of(subject(paint(50), oval()), 1850, kind)
    assert library.matcher(query, allowed).still == still
