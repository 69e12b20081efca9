"""The whole way, with the networks: from pictures to outpaintings."""

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import decode_rgb, resize, working_size
from deepart_assets.outpainting import GroundTone, composed, request_for, subject_difference
from deepart_assets.outpainting.scene_completion import (
    Choice,
    GroundLibrary,
    SceneCompletionOutpainter,
    describe_ground,
)
from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.outpainting.scene_completion.drawn import oval, reduced

pytestmark = pytest.mark.slow

FOLDER = PROJECT / "data" / "sample" / "paintings"


def read_sample():
    with (FOLDER / "paintings.csv").open(encoding="utf8", newline="") as file:
        for row in csv.DictReader(file):
            names = (row["source"], row["new_filename"])
            path = next(FOLDER / each for each in names if (FOLDER / each).is_file())
            picture = decode_rgb(path.read_bytes(), path.name)
            height, width = working_size(picture.shape[0], picture.shape[1], 256)
            yield row, resize(picture, height, width)


ROWS, PAINTINGS = zip(*read_sample(), strict=True)
PICTURES = {row["title"]: picture for row, picture in zip(ROWS, PAINTINGS, strict=True)}
FIRST, SECOND = sorted(PICTURES)[:2]
PICTURES |= {"mirrored": np.ascontiguousarray(PICTURES[FIRST][:, ::-1])}


def mask_of(name):
    return oval(*PICTURES[name].shape[:2], radii=(0.35, 0.28))


@pytest.fixture(scope="module")
def grounds():
    labels = {row["title"]: row for row in ROWS} | {"mirrored": {}}
    return {
        name: describe_ground(picture, mask_of(name), None, id=name, labels=labels[name])
        for name, picture in PICTURES.items()
    }


@pytest.fixture(scope="module")
def library(grounds):
    return GroundLibrary.of(grounds.values(), reduced(PICTURES))


@pytest.fixture(scope="module")
def outpainter(library):
    return SceneCompletionOutpainter(lambda: library)


def unfinished(name):
    return np.dstack([PICTURES[name], mask_of(name) * np.uint8(255)])


def asked(name, **more):
    return request_for(unfinished(name), labels={"id": "new"}, **more)


def test_what_is_told_of_the_old_ground_is_in_the_choice_and_the_same_at_any_size(outpainter):
    tone = GroundTone((60, 0, 5), (60, 0, 5), (20, 0, 3), (-30, 0, 0), (0.5, 0.4))
    choices = outpainter.choose(asked(SECOND, ground=tone), count=20)
    walls = [each for each in choices if each.wall]
    assert walls and all(each.light == tone for each in choices)
    kept = Choice.from_dict(json.loads(json.dumps(walls[0].to_dict())))
    assert kept == walls[0]
    request = asked(SECOND)
    assert np.array_equal(outpainter.render(request, kept), outpainter.render(request, walls[0]))
    assert not np.array_equal(
        outpainter.render(request, kept), outpainter.render(request, replace(kept, light=None))
    )


def test_a_painting_never_gets_its_own_ground(outpainter, library):
    choices = outpainter.choose(asked(FIRST), count=20)
    usable = {each.id for each in library.grounds}
    assert {FIRST, "mirrored"} <= usable
    assert {each.ground for each in choices} == usable - {FIRST, "mirrored"}


def test_equal_requests_give_equal_results(outpainter, library):
    again = GroundLibrary.from_bytes(library.to_bytes(), library.picture, "library")
    other = SceneCompletionOutpainter(lambda: again)
    request = asked(FIRST)
    assert outpainter.choose(request) == other.choose(request)
    assert outpainter([request])[0].tobytes() == other([request])[0].tobytes()
    assert outpainter.weights_hash() == other.weights_hash()


def test_the_best_of_several_grounds_is_laid(outpainter):
    first, second = outpainter.choose(asked(SECOND), count=2)
    assert first.ground != second.ground
    [result] = outpainter([asked(SECOND)])
    assert np.array_equal(result, outpainter.render(asked(SECOND), first))
    assert not np.array_equal(result, outpainter.render(asked(SECOND), second))


def test_grounds_that_are_passed_over_are_followed_by_the_next(outpainter):
    choices = outpainter.choose(asked(SECOND), count=4)
    [first, *others] = [each.ground for each in choices]
    assert outpainter.choose(asked(SECOND), count=3, excluded=[first, "gone"]) == choices[1:]
    [named] = outpainter.choose(asked(SECOND), count=1, first=others[1], excluded=others)
    assert named == choices[2]
    again = outpainter.choose(asked(SECOND), count=3, first=others[1])
    assert [each.ground for each in again] == [others[1], first, others[0]]


def test_a_ground_with_a_strangers_face_comes_last_unless_it_is_named(outpainter, library):
    everything = [each.ground for each in outpainter.choose(asked(SECOND), count=20)]
    strange = library.picture(everything[0], 512)

    looked = []

    def find(picture):
        looked.append(picture.shape)
        if not np.array_equal(picture, strange):
            return []
        return [SimpleNamespace(x=x, y=y, side=40.0) for x in range(20, 256, 40) for y in (20, 60)]

    wary = SceneCompletionOutpainter(lambda: library, find)
    found = [each.ground for each in wary.choose(asked(SECOND), count=20)]
    assert found == [*everything[1:], everything[0]]
    [named] = wary.choose(asked(SECOND), count=1, first=everything[0])
    assert named.ground == everything[0]
    assert len(looked) <= len(everything) + 2  # once in each ground, and in the subject


def test_grounds_that_cannot_be_had_are_told(outpainter, library):
    for wanted in (FIRST, "mirrored"):
        with pytest.raises(PaintingError, match="shows the painting itself"):
            outpainter.choose(asked(FIRST), first=wanted)
    with pytest.raises(PaintingError, match="there is no ground 'gone' in the library"):
        outpainter.choose(asked(FIRST), first="gone")
    everything = [each.id for each in library.grounds]
    with pytest.raises(PaintingError, match="exclude fewer grounds"):
        outpainter.choose(asked(FIRST), excluded=everything)


def test_the_subject_is_unchanged(outpainter):
    result = composed(outpainter([asked(SECOND)])[0], unfinished(SECOND), outpainter.descriptor)
    assert subject_difference(unfinished(SECOND), result) == 0


def test_a_choice_survives_json_and_names_a_ground_that_is_gone(outpainter):
    [choice] = outpainter.choose(asked(SECOND), count=1)
    assert Choice.from_dict(json.loads(json.dumps(choice.to_dict()))) == choice
    gone = Choice.from_dict({**choice.to_dict(), "ground": "gone"})
    with pytest.raises(PaintingError, match="gone is no longer in the library"):
        outpainter.render(asked(SECOND), gone)


def test_a_painting_that_is_all_subject_is_no_ground():
    picture = PICTURES[FIRST]
    mask = np.ones(picture.shape[:2], bool)
    assert not describe_ground(picture, mask, None, id="full", labels={}).usable
