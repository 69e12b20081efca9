"""The library of grounds that ships with the project: its pictures, credits and size."""

import csv

import numpy as np
import pytest
from PIL import Image

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.imaging import PictureFile, hamming, perceptual_hash
from deepart_assets.outpainting import composed, request_for, subject_difference
from deepart_assets.outpainting.scene_completion import GroundLibrary, SceneCompletionOutpainter
from deepart_assets.outpainting.scene_completion.shipped import (
    INDEX,
    find_library,
    shipped_library,
)
from deepart_assets.settings.grounds import BundledLibrary, FolderLibrary
from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.outpainting.scene_completion.drawn import oval, paint

SHIPPED = find_library(BundledLibrary(kind="bundled", name="cc0"))


def sample(name):
    file = PROJECT / "data" / "sample" / "paintings" / f"{name}.jpg"
    return PictureFile(file.read_bytes(), file.name).reduced(256).picture


def test_it_is_small_and_every_ground_has_a_picture_a_credit_and_a_free_licence():
    files = list(SHIPPED.folder.iterdir())
    assert sum(file.stat().st_size for file in files) <= 8_000_000
    grounds = shipped_library().grounds
    assert len(grounds) >= 60
    assert {ground.kind for ground in grounds} == {"figure", "still", "landscape", "interior"}
    with (SHIPPED.folder / "paintings.csv").open(encoding="utf-8") as table:
        rows = {row["id"]: row for row in csv.DictReader(table)}
    credits_ = (SHIPPED.folder / "CREDITS.md").read_text(encoding="utf-8")
    assert set(rows) == {ground.id for ground in grounds}
    assert {file.stem for file in files if file.suffix == ".webp"} == set(rows)
    for ground in grounds:
        row = rows[ground.id]
        assert (ground.title, ground.artist, ground.source) == (
            row["title"],
            row["artist"],
            row["source"],
        )
        assert ground.licence == row["licence"] == "CC0-1.0"
        assert f"`{ground.id}.webp`" in credits_ and row["source"] in credits_
        with Image.open(SHIPPED.file(ground.id)) as header:
            width, height = header.size
            assert 500 <= min(width, height) <= 768
            assert abs(width / height - ground.shape[1] / ground.shape[0]) < 0.01


def test_its_statistics_come_out_again():
    """A golden: they were computed with all vectors in float32 at once."""
    again = GroundLibrary.of(SHIPPED.library.grounds, SHIPPED.library.picture)
    np.testing.assert_allclose(again.hubs, SHIPPED.library.hubs, atol=1e-4)
    np.testing.assert_allclose(again.best, SHIPPED.library.best, atol=1e-4)


@pytest.mark.parametrize("name", ["", "436122", "643540"])
def test_a_candidate_that_a_curator_asks_for_is_laid_as_it_was_shown(name):
    picture = sample(name) if name else paint(1)
    request = request_for(np.dstack([picture, oval(*picture.shape[:2]) * np.uint8(255)]))
    outpainter = SceneCompletionOutpainter(shipped_library)
    shown = outpainter.choose(request, 4)
    assert any(each.wall for each in shown)
    for each in shown:
        assert outpainter.choose(request, 1, first=each.ground) == [each]


def without(gone):
    """Return an outpainter, and the shipped library, of which some pictures cannot be read."""
    shipped = shipped_library()

    def picture(ground, side):
        if ground in gone:
            raise PaintingError(f"{ground} is gone")
        return shipped.picture(ground, side)

    library = GroundLibrary(shipped.grounds, shipped.hubs, shipped.best, picture)
    return SceneCompletionOutpainter(lambda: library)


def test_a_ground_that_cannot_be_read_is_passed_over():
    request = request_for(np.dstack([paint(1), oval() * np.uint8(255)]))
    shipped = shipped_library()
    [first] = without(()).choose(request, 1)
    outpainter = without({first.ground})
    [other] = outpainter.choose(request, 1)
    assert other.ground != first.ground
    with pytest.raises(PaintingError, match=f"{first.ground} is gone"):
        outpainter.choose(request, 1, first=first.ground)

    outdoors = shipped.matcher.shows_outdoors
    away = {each.id for each, is_it in zip(shipped.grounds, outdoors, strict=True) if is_it}
    chosen = {each.ground for each in without(away).choose(request, 4)}
    assert chosen and not chosen & away
    with pytest.raises(PaintingError, match="is gone"):
        without({each.id for each in shipped.grounds}).choose(request, 1)


def test_none_is_a_copy_of_a_sample_painting():
    for file in (PROJECT / "data" / "sample" / "paintings").glob("*.jpg"):
        seen = perceptual_hash(PictureFile(file.read_bytes(), file.name).reduced(64).picture)
        nearest = min(hamming(seen, ground.hash) for ground in shipped_library().grounds)
        assert nearest > 10, file.name


def test_a_subject_is_laid_on_one_of_its_grounds():
    picture = sample("643540")
    known = oval(*picture.shape[:2])
    unfinished = np.dstack([picture * known[..., None], known.astype(np.uint8) * 255])
    outpainter = SceneCompletionOutpainter(shipped_library)
    request = request_for(unfinished, labels={"id": "643540", "date": "ca. 1670s"})
    first, second = outpainter.choose(request, 2)
    assert first.cost <= second.cost or not first.fits
    assert len({first.ground, second.ground}) == 2
    painted = composed(outpainter.render(request, first), unfinished, outpainter.descriptor)
    assert subject_difference(unfinished, painted) == 0
    assert painted[~known].std(axis=0).min() > 1


@pytest.mark.slow
def test_grounds_that_are_passed_over_take_no_place_from_others():
    subject = np.dstack([paint(1), oval() * np.uint8(255)])
    outpainter = SceneCompletionOutpainter(shipped_library)
    first = {each.ground for each in outpainter.choose(request_for(subject), 100)}
    assert len(first) < len(shipped_library())
    others = {each.ground for each in outpainter.choose(request_for(subject), 5, excluded=first)}
    assert others and not others & first


def test_a_library_that_is_missing_or_damaged_is_named(tmp_path):
    with pytest.raises(UnavailableError, match=r"none.*grounds\.libraries to cc0"):
        find_library(BundledLibrary(kind="bundled", name="none"))
    with pytest.raises(UnavailableError, match="recipes/ground_library"):
        find_library(FolderLibrary(kind="folder", path=str(tmp_path)))
    (tmp_path / INDEX).write_bytes(b"nothing")
    found = find_library(FolderLibrary(kind="folder", path=str(tmp_path)))
    with pytest.raises(UnavailableError, match=INDEX):
        _ = found.library
    with pytest.raises(UnavailableError, match=r"a\.webp is missing"):
        found.picture("a", 64)
