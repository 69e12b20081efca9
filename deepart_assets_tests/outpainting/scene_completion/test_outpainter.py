"""The whole way, with the networks: from pictures to outpaintings."""

import csv
import json

import numpy as np
import pytest

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import decode_rgb, resize, working_size
from deepart_assets.outpainting import composed, request_for, subject_difference
from deepart_assets.outpainting.scene_completion import (
    Choice,
    GroundLibrary,
    SceneCompletionOutpainter,
    describe_ground,
)
from deepart_assets.outpainting.scene_completion.matching import Matcher, Query
from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.outpainting.scene_completion.drawn import oval, paint, reduced

pytestmark = pytest.mark.slow

PICTURES = {f"p{seed}": paint(seed) for seed in range(8)}
PICTURES |= {"mirrored": np.ascontiguousarray(PICTURES["p0"][:, ::-1])}
MASK = oval(radii=(0.3, 0.3))


@pytest.fixture(scope="module")
def library():
    grounds = [
        describe_ground(picture, MASK, None, id=name, labels={"title": name, "genre": "portrait"})
        for name, picture in PICTURES.items()
    ]
    return GroundLibrary.of(grounds, reduced(PICTURES))


@pytest.fixture(scope="module")
def outpainter(library):
    return SceneCompletionOutpainter(lambda: library)


def unfinished(name):
    return np.dstack([PICTURES[name], MASK * np.uint8(255)])


def asked(name, **more):
    return request_for(unfinished(name), labels={"id": "new"}, **more)


def test_a_painting_never_gets_its_own_ground(outpainter):
    choices = outpainter.choose(asked("p0"), count=20)
    assert {each.ground for each in choices} == set(PICTURES) - {"p0", "mirrored"}


def test_equal_requests_give_equal_results(outpainter, library):
    again = GroundLibrary.from_bytes(library.to_bytes(), library.picture, "library")
    request = asked("p1")
    other = SceneCompletionOutpainter(lambda: again)
    assert outpainter.choose(request) == other.choose(request)
    assert outpainter([request])[0].tobytes() == other([request])[0].tobytes()
    assert outpainter.weights_hash() == other.weights_hash()


def test_candidates_are_the_next_best_grounds(outpainter):
    choices = outpainter.choose(asked("p2"), count=2)
    results = outpainter([asked("p2", candidate=each) for each in (0, 1)])
    assert choices[0].ground != choices[1].ground
    for choice, result in zip(choices, results, strict=True):
        assert np.array_equal(result, outpainter.render(asked("p2"), choice))


def test_the_subject_is_unchanged(outpainter):
    result = composed(outpainter([asked("p3")])[0], unfinished("p3"), outpainter.descriptor)
    assert subject_difference(unfinished("p3"), result) == 0


def test_a_choice_survives_json(outpainter):
    [choice] = outpainter.choose(asked("p4"), count=1)
    assert Choice.from_dict(json.loads(json.dumps(choice.to_dict()))) == choice


def test_a_ground_that_is_gone_is_named(outpainter):
    [choice] = outpainter.choose(asked("p4"), count=1)
    gone = Choice.from_dict({**choice.to_dict(), "ground": "gone"})
    with pytest.raises(PaintingError, match="gone is no longer in the library"):
        outpainter.render(asked("p4"), gone)


def test_a_painting_that_is_all_subject_is_no_ground():
    full = describe_ground(PICTURES["p5"], ~np.zeros_like(MASK), None, id="full", labels={})
    assert not full.usable


def test_subjects_find_their_own_grounds_better_than_chance():
    folder = PROJECT / "data" / "sample" / "paintings"
    grounds = []
    with (folder / "paintings.csv").open(encoding="utf8", newline="") as file:
        for row in csv.DictReader(file):
            path = next(folder / row[key] for key in ("source", "new_filename") if row[key])
            picture = decode_rgb(path.read_bytes(), path.name)
            picture = resize(picture, *working_size(*picture.shape[:2], 256))
            mask = oval(*picture.shape[:2], radii=(0.35, 0.28))
            grounds.append(describe_ground(picture, mask, None, id=row["source"], labels=row))
    matcher, ranks = Matcher(grounds), []
    for index, each in enumerate(grounds):
        others = np.arange(len(grounds)) != index
        terms = matcher(Query.like(each), others).terms
        costs = terms["ground"] + terms["tone"]
        ranks.append(float((costs[others] < costs[index]).mean()))
    assert np.mean(ranks) < 0.45
