"""A curator's mask wins; adding, changing or removing it concerns that painting alone."""

import logging

import numpy as np
import pytest

from deepart_assets.assets.subjects import subject_masks
from deepart_assets.imaging import decode_grey, encode_png
from deepart_assets.orchestration.context import Painting, StageContext
from deepart_assets.settings import load_settings
from deepart_assets.storage import Provenance, StageResult, materialize_if_stale
from deepart_assets.storage.records import RecordSummary
from deepart_assets_tests.orchestration.test_pipeline import made_at
from deepart_assets_tests.orchestration.test_staleness import CHAIN, KEYS, stale


def draw(project, key, top, inverted=False):
    """Lay the curator's mask of a painting: its lower part, from `top` on, is the subject."""
    size = decode_grey(project.lake.read(f"predicted_masks/{key}.png"), key).shape
    levels = np.zeros(size, np.uint8)
    levels[top:, 20:-20] = 255
    project.lake.write(f"masks/{key}.png", encode_png(255 - levels if inverted else levels))


def observe(project, instance):
    with project.run("observe_masks", instance) as result:
        assert result.success


def changed(before, after):
    return {pair for pair in after if after[pair] != before[pair]}


@pytest.mark.slow
def test_the_ui_marks_exactly_that_painting_and_a_run_makes_exactly_it_again(done, instance):
    observe(done, instance)
    assert stale(done, instance) == set()
    predicted = done.lake.read("subject_masks/p1.png")
    after = made_at(done)

    def step(expected_bytes):
        """Observe, see p1 alone stale, restore, see p1 alone made again and nothing stale."""
        nonlocal after
        before = after
        observe(done, instance)
        found = stale(done, instance)
        assert ("subject_masks", "p1") in found
        assert {key for _, key in found} == {"p1"} and "predicted_masks" not in dict(found)
        with done.run("restore", instance) as result:
            assert result.success
        after = made_at(done)
        chain = {("subject_masks", "p1"), *((stage, "p1") for stage in CHAIN)}
        assert changed(before, after) - {("gallery", "_whole")} == chain
        assert stale(done, instance) == set()
        if expected_bytes is not None:
            assert done.lake.read("subject_masks/p1.png") == expected_bytes

    draw(done, "p1", 100)
    step(done.lake.read("masks/p1.png"))
    assert done.store.get("subject_masks", "p1").figures["mask_from"] == "curator"
    draw(done, "p1", 60)
    step(done.lake.read("masks/p1.png"))
    done.lake.remove("masks/p1.png")
    step(predicted)
    assert done.store.get("subject_masks", "p1").figures["mask_from"] == "salient (u2netp)"


@pytest.mark.slow
def test_a_run_sees_a_mask_that_nobody_has_observed(done, instance):
    draw(done, "p2", 100)
    with done.run("restore", instance, ["p2"]) as result:
        assert result.success
    assert done.lake.read("subject_masks/p2.png") == done.lake.read("masks/p2.png")
    assert stale(done, instance) == set()
    observe(done, instance)
    assert stale(done, instance) == set()


@pytest.mark.slow
def test_a_scribble_corrects_its_painting_alone(done, instance):
    observe(done, instance)
    mask = decode_grey(done.lake.read("subject_masks/p1.png"), "") > 0
    strokes = np.zeros((*mask.shape, 4), np.uint8)
    keep, drop = np.argwhere(~mask)[0], np.argwhere(mask)[0]
    for (row, column), colour in ((keep, (0, 255, 0, 255)), (drop, (255, 0, 0, 255))):
        strokes[row : row + 3, column : column + 3] = colour
    done.lake.write("masks/p1.png", encode_png(strokes))
    observe(done, instance)
    assert {key for _, key in stale(done, instance)} == {"p1"}
    with done.run("restore", instance) as result:
        assert result.success
    found = decode_grey(done.lake.read("subject_masks/p1.png"), "") > 0
    assert found[strokes[..., 1] > 0].all() and not found[strokes[..., 0] > 0].any()
    figures = done.store.get("subject_masks", "p1").figures
    assert figures["mask_from"] == "salient (u2netp), corrected by the curator"
    assert stale(done, instance) == set()


def test_a_mask_for_a_painting_without_subject(done, instance):
    """The prediction is not good enough; the curator's mask is."""
    done.content["segmentation"]["minimal_share"] = 0.9999
    draw(done, "p0", 100)
    with done.run("restore", instance) as result:
        assert result.success
    assert done.store.get("unfinished_paintings", "p0").status == "done"
    assert done.store.get("unfinished_paintings", "p1").status == "skipped"


def test_a_plan_knows_the_weights_that_follow_strokes(project):
    """It reads summaries of records, which have no provenance."""
    project.content["segmentation"]["segmenter"] = {"kind": "described", "strokes": "sam"}
    settings = load_settings(str(project.write_profile()))
    provenance, result = Provenance("1", weights="those"), StageResult({"predicted/p1.png": b""})
    predicted, _ = materialize_if_stale(
        project.store, "predicted_masks", provenance, lambda: result, key="p1"
    )
    painting = Painting(
        *("p1", "p1.png", "", {}, project.store),
        inputs={"predicted_masks": RecordSummary.of(predicted)},
        observed={"curated_masks": ("masks/p1.png", "")},
    )
    stage = subject_masks.stage(StageContext(settings, project.store, logging.getLogger()))
    assert stage.details(painting) == {"stroke_weights": "those"}


@pytest.mark.slow
def test_a_bad_mask_fails_its_painting_alone_and_an_empty_one_leaves_it_out(done, instance):
    draw(done, "p1", 100, inverted=True)
    done.lake.write("masks/p2.png", b"not a picture")
    size = decode_grey(done.lake.read("predicted_masks/p3.png"), "").shape
    done.lake.write("masks/p3.png", encode_png(np.zeros(size, np.uint8)))
    before = made_at(done)
    with done.run("restore", instance) as result:
        assert not result.success
    reasons = {key: done.store.get("subject_masks", key).reason for key in KEYS}
    assert reasons["p0"] is None and reasons["p4"] is None
    assert "masks/p2.png cannot be read as a picture" in reasons["p2"]
    assert "masks/p3.png is all black" in reasons["p3"]
    assert done.store.get("restoration_sheets", "p3").status == "skipped"
    after = made_at(done)
    assert not {key for stage, key in changed(before, after) if key in ("p0", "p4")}
    page = done.lake.read("gallery/index.html").decode()
    assert (
        "masks/p2.png cannot be read as a picture" in page and "masks/p3.png is all black" in page
    )


@pytest.mark.slow
def test_an_inverted_mask_is_refused_unless_it_is_meant(done, instance):
    levels = decode_grey(done.lake.read("subject_masks/p1.png"), "")
    done.lake.write("masks/p1.png", encode_png(255 - levels))
    with done.run("restore", instance, ["p1"]) as result:
        assert not result.success
    assert "masks/p1.png looks inverted" in done.store.get("subject_masks", "p1").reason
    done.content["segmentation"]["check_polarity"] = False
    with done.run("restore", instance, ["p1"]) as result:
        assert result.success
    assert done.lake.read("subject_masks/p1.png") == done.lake.read("masks/p1.png")


def test_files_that_belong_to_no_painting_are_reported(done, instance, capsys):
    done.lake.write("masks/p99.png", b"")
    done.lake.write("masks/p1.gif", b"")
    observe(done, instance)
    reported = capsys.readouterr()
    for words in ("p99.png belongs to no painting", "p1.gif is not read, by its suffix"):
        assert f"masks/{words}" in reported.out + reported.err
