"""Dagster's own staleness agrees with what the project recomputes, painting by painting.

This test fails when a version of Dagster changes the private tags of
`dagster_internals.data_versions`.
"""

import shutil

import dagster as dg
import numpy as np
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deepart_assets.imaging import decode_grey, encode_png
from deepart_assets.orchestration.tags import AUTOMATED
from deepart_assets.storage import sha256_of

KEYS = [f"p{number}" for number in range(5)]
CHAIN = ["unfinished_paintings", "telea_outpaintings", "telea_upscaled", "restoration_sheets"]


def stale(project, instance):
    """The stale and missing (asset, painting) pairs, as the UI shows them."""
    graph = project.defs().resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    found = set()
    for asset in ["predicted_masks", "subject_masks", *CHAIN]:
        for key in KEYS:
            status = resolver.get_status(dg.AssetKey(asset), key)
            if status != StaleStatus.FRESH:
                found.add((asset, key))
    return found


def test_everything_is_fresh_after_a_run_and_after_partial_batches(done, instance):
    assert stale(done, instance) == set()
    for keys in (KEYS[1:3], KEYS[3:4]):
        with done.run("restore", instance, keys) as result:
            assert result.success
    assert stale(done, instance) == set()


def test_a_changed_mask_makes_one_paintings_outputs_stale_and_no_other(done, instance):
    mask = decode_grey(done.lake.read("subject_masks/p2.png"), "").copy()
    mask[: len(mask) // 2] = 0
    done.lake.write("masks/p2.png", encode_png(mask))
    before = done.store.get("subject_masks", "p2").data_version
    with done.run(
        "restore", instance, ["p2"], asset_selection=[dg.AssetKey("subject_masks")]
    ) as result:
        assert result.success
    changed = done.store.get("subject_masks", "p2").data_version != before
    expected = {("unfinished_paintings", "p2")} if changed else set()
    found = stale(done, instance)
    assert {pair for pair in found if pair[0] == "unfinished_paintings"} == expected
    assert {key for _, key in found} <= {"p2"}
    assert changed, "the curator's mask was meant to be another"


@pytest.mark.slow
def test_a_setting_makes_stale_what_depends_on_it_and_nothing_else(done, instance):
    done.content["outpainters"]["telea"]["radius"] = 9
    found = stale(done, instance)
    assert found == {("telea_outpaintings", key) for key in KEYS}
    with done.run("restore", instance) as result:
        assert result.success
    assert stale(done, instance) == set()


@pytest.mark.slow
def test_other_bytes_of_the_same_picture_reach_all_that_reads_it(done, instance):
    """Though the masks stay as they are, and `paintings` has an edge to the first asset alone."""
    source = done.content["wikiart"]["sources"]["pictures"]
    source["path"] = str(shutil.copytree(source["path"], done.folder / "copies"))
    file, same = done.folder / "copies" / "p2.png", PngInfo()
    same.add_text("note", "other bytes")
    Image.open(file).save(file, pnginfo=same)
    with done.run("catalogue", instance) as result:
        assert result.success
    assert stale(done, instance) == {("predicted_masks", "p2")}
    first = [dg.AssetKey("predicted_masks")]
    before = done.store.get("predicted_masks", "p2").data_version
    with done.run("restore", instance, ["p2"], asset_selection=first) as result:
        assert result.success
    assert done.store.get("predicted_masks", "p2").data_version == before
    assert stale(done, instance) == {("subject_masks", "p2")}, "which cannot know that yet"
    with done.run("restore", instance, ["p2"]) as result:
        assert result.success
    assert stale(done, instance) == set()
    original = sha256_of(file.read_bytes())
    for asset in ("unfinished_paintings", "telea_upscaled"):
        assert done.store.get(asset, "p2").provenance["inputs"]["original"] == original


def test_a_setting_that_only_changes_speed_makes_nothing_stale(done, instance):
    upscaling = done.content["super_resolution"]["upscaling"]
    upscaling["batch"] = 7
    assert stale(done, instance) == set()
    upscaling["backend"] = "openvino"  # rounds otherwise
    assert stale(done, instance) == {("telea_upscaled", key) for key in KEYS}


def test_equal_bytes_keep_what_is_downstream_fresh(done, instance):
    with done.run(
        "restore", instance, KEYS, asset_selection=[dg.AssetKey("unfinished_paintings")]
    ) as result:
        assert result.success
    assert stale(done, instance) == set()


@pytest.mark.slow
def test_after_a_partial_failure_the_failed_painting_alone_is_stale(done, instance):
    """The others of its run are fresh; what follows from the failed one is what it was before."""
    size = decode_grey(done.lake.read("predicted_masks/p2.png"), "").shape
    levels = np.zeros(size, np.uint8)
    levels[size[0] // 2 :, 20:-20] = 255
    done.lake.write("masks/p1.png", encode_png(levels))
    done.lake.write("masks/p2.png", b"no picture")
    with done.run("restore", instance) as result:
        assert not result.success
    assert done.store.get("subject_masks", "p1").figures["mask_from"] == "curator"
    assert stale(done, instance) == {("subject_masks", "p2")}
    with done.run("restore", instance, KEYS[2:4], tags={AUTOMATED: "true"}) as result:
        assert result.success, "a night's run leaves it alone"
    assert stale(done, instance) == {("subject_masks", "p2")}
    done.lake.write("masks/p2.png", encode_png(levels))
    with done.run("restore", instance, ["p2"], tags={AUTOMATED: "true"}) as result:
        assert result.success
    assert stale(done, instance) == set()


@pytest.mark.slow
def test_ranges_of_paintings_with_other_settings_leave_the_others_stale(done, instance):
    """As a backfill of single runs over {p1, p2, p4} makes them."""
    done.content["outpainters"]["telea"]["radius"] = 9
    for keys in (KEYS[1:3], KEYS[4:]):
        with done.run("restore", instance, keys) as result:
            assert result.success
    assert stale(done, instance) == {("telea_outpaintings", key) for key in ("p0", "p3")}
