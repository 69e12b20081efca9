"""Asset checks of paintings: a fault is shown until it is mended, whatever the runs cover."""

import logging
from dataclasses import replace

import dagster as dg
import numpy as np

from deepart_assets.imaging import decode_grey, encode_png
from deepart_assets.orchestration.checks import Check, painting_results, whole_results
from deepart_assets.orchestration.context import StageContext
from deepart_assets.settings import load_settings
from deepart_assets.storage import MaterializationRecord
from deepart_assets_tests.orchestration.test_staleness import KEYS

MASKS = [dg.AssetKey("subject_masks")]


def checks_after(project, instance, keys, *, succeeds=True):
    """The results of a run over the masks of some paintings, by name of the check."""
    with project.run("restore", instance, keys, asset_selection=MASKS) as result:
        assert result.success == succeeds
        return {each.check_name: each for each in result.get_asset_check_evaluations()}


def curated_mask(project, key):
    """A mask that keeps the lower half, as a curator saves it."""
    size = decode_grey(project.lake.read(f"predicted_masks/{key}.png"), "").shape
    levels = np.zeros(size, np.uint8)
    levels[size[0] // 2 :, 20:-20] = 255
    return encode_png(levels)


def faults(result):
    return str(result.metadata["faults"].value) if "faults" in result.metadata else ""


def test_a_painting_without_subject_is_warned_of_until_it_has_a_mask(done, instance):
    shares = {key: done.store.get("subject_masks", key).figures["subject_share"] for key in KEYS}
    low, *others = sorted(KEYS[:3], key=shares.__getitem__)
    done.content["segmentation"]["minimal_share"] = (shares[low] + shares[others[0]]) / 2

    found = checks_after(done, instance, KEYS[:3])["neither_empty_nor_full"]
    assert not found.passed and found.metadata["checked"].value == len(KEYS)
    others_alone = checks_after(done, instance, others[:1])["neither_empty_nor_full"]
    assert not others_alone.passed and others_alone.metadata["checked"].value == len(KEYS)
    assert low in others_alone.description and "no subject" in faults(others_alone)
    assert others[0] not in others_alone.description

    done.lake.write(f"masks/{low}.png", curated_mask(done, low))
    mended = checks_after(done, instance, [low])["neither_empty_nor_full"]
    assert mended.passed and mended.description is None


def test_a_failed_painting_is_named_until_it_is_mended(done, instance):
    done.lake.write("masks/p1.png", b"no picture")
    failed = checks_after(done, instance, KEYS[:3], succeeds=False)
    assert not failed["none_left_failed_or_doubtful"].passed
    other = checks_after(done, instance, ["p3"])["none_left_failed_or_doubtful"]
    assert not other.passed and other.description == "1 of 5: p1"
    assert "masks/p1.png" in faults(other) and "| p1 |" in faults(other)
    done.lake.write("masks/p1.png", curated_mask(done, "p1"))
    mended = checks_after(done, instance, ["p1"])["none_left_failed_or_doubtful"]
    assert mended.passed and mended.description is None


def test_results_name_paintings_by_artist_and_title_and_say_what_is_wrong_with_a_whole(done):
    settings = load_settings(str(done.write_profile()))
    listed = StageContext(settings, done.store, logging.getLogger()).paintings
    labels = {"artist": "Redon", "title": "Vase of Flowers"}
    titled = {key: replace(each, labels=each.labels | labels) for key, each in listed.items()}
    bad = Check("good", "All is good.", lambda record: "is bad")
    [found] = painting_results("telea_upscaled", [bad], done.store, titled)
    first = "; ".join(f"{key} Redon, Vase of Flowers" for key in KEYS[:3])
    assert found.description == f"5 of 5: {first}; and 2 more"
    [whole] = whole_results("gallery", [bad], done.store.get("gallery"))
    assert whole.description == "is bad"


def test_a_record_without_a_figure_is_a_fault_and_no_crash(done, instance):
    """Records of earlier versions may lack what a check reads."""
    record = done.store.get("telea_upscaled", "p0")
    content = {**vars(record), "figures": {}}
    done.store.put(MaterializationRecord(**content))
    selection = [dg.AssetKey("telea_upscaled")]
    with done.run("restore", instance, ["p4"], asset_selection=selection) as result:
        assert result.success
        checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert "restore it again" in faults(checks["four_times_larger"])
