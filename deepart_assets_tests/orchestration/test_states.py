"""What Dagster's pages say of a painting: made, left out with a reason, failed, or nothing new."""

import logging

import dagster as dg
import numpy as np
import pytest
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from deepart_assets.asset_names import RESTORATION_PLAN
from deepart_assets.assets.restoration_plan import PlanConfig, refusal
from deepart_assets.build import asset_specs
from deepart_assets.errors import UnknownPaintingError
from deepart_assets.imaging import decode_grey, encode_png
from deepart_assets.orchestration import reporting
from deepart_assets.orchestration.asset_spec import PaintingAssetSpec
from deepart_assets.orchestration.context import StageContext
from deepart_assets.orchestration.partitions import PAINTINGS
from deepart_assets.orchestration.planner import make_plan
from deepart_assets.orchestration.staleness import RunPolicy
from deepart_assets.orchestration.step_failures import was_caused_by
from deepart_assets.orchestration.tags import INTERACTIVE
from deepart_assets.settings import load_settings
from deepart_assets.storage.desk_address import desk_at
from deepart_assets_tests.orchestration.test_staleness import CHAIN, KEYS, stale

CHOSEN = "chosen_restorations"


def partitions(instance, asset):
    """The partitions that the UI shows as made, and as failed."""
    status = get_and_update_asset_status_cache_value(instance, dg.AssetKey(asset), PAINTINGS)
    if status is None:  # there has never been anything
        return set(), set()
    return tuple(
        set(subset.get_partition_keys())
        for subset in (
            status.deserialize_materialized_partition_subsets(PAINTINGS),
            status.deserialize_failed_partition_subsets(PAINTINGS),
        )
    )


def latest(instance, asset, key):
    """The metadata of the latest materialization of a partition."""
    asked = dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[key])
    [record] = instance.fetch_materializations(asked, limit=1).records
    return {name: each.value for name, each in record.asset_materialization.metadata.items()}


def planned(project, instance):
    """What a plan would compute or report: (painting, asset)."""
    settings = load_settings(str(project.write_profile()))
    restoration = asset_specs(settings)["restoration"]
    specs = [each for each in restoration if isinstance(each, PaintingAssetSpec)]
    context = StageContext(settings, project.store, logging.getLogger())
    plan = make_plan(instance, specs, context, KEYS, RunPolicy())
    return {(each.painting, each.asset) for each in plan.stale}


def partition_events(instance, run_id):
    kinds = (dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION)
    return [
        (entry.dagster_event.asset_key.to_user_string(), entry.dagster_event.partition)
        for kind in kinds
        for entry in instance.all_logs(run_id, of_type=kind)
        if entry.dagster_event.partition is not None
    ]


def curated_mask(project, key):
    size = decode_grey(project.lake.read(f"predicted_masks/{key}.png"), "").shape
    levels = np.zeros(size, np.uint8)
    levels[size[0] // 2 :, 20:-20] = 255
    return encode_png(levels)


def test_everything_is_filled_and_a_run_over_what_is_fresh_says_nothing(done, instance):
    for asset in ["paintings", "predicted_masks", "subject_masks", *CHAIN, CHOSEN]:
        assert partitions(instance, asset) == (set(KEYS), set()), asset
    assert partitions(instance, "curated_masks")[0] == set()
    assert "there is no choices/p0.json" in str(latest(instance, CHOSEN, "p0"))
    masks = [dg.AssetKey(name) for name in ("predicted_masks", "subject_masks", CHOSEN)]
    with done.run("restore", instance, asset_selection=masks) as result:
        assert result.success
        assert partition_events(instance, result.run_id) == []
    assert stale(done, instance) == set()


def test_what_another_run_reports_meanwhile_is_not_reported_again(done, instance, monkeypatch):
    # Its records are there when this run begins, its events come while this run is at work.
    read, begun = reporting.latest_materializations, set()

    def too_early(instance, asset, keys):
        is_first = asset not in begun
        begun.add(asset)
        return {} if is_first else read(instance, asset, keys)

    monkeypatch.setattr(reporting, "latest_materializations", too_early)
    masks = [dg.AssetKey(name) for name in ("predicted_masks", "subject_masks")]
    with done.run("restore", instance, asset_selection=masks) as result:
        assert result.success
        assert partition_events(instance, result.run_id) == []
    assert begun == {"predicted_masks", "subject_masks"}


@pytest.mark.slow
def test_a_painting_without_subject_is_done_with_its_reason_until_it_has_a_mask(done, instance):
    shares = {key: done.store.get("subject_masks", key).figures["subject_share"] for key in KEYS}
    low, high = min(KEYS, key=shares.__getitem__), max(KEYS, key=shares.__getitem__)
    done.content["segmentation"]["minimal_share"] = (shares[low] + shares[high]) / 2
    with done.run("restore", instance) as result:
        assert result.success
    assert stale(done, instance) == set() and planned(done, instance) == set()
    for asset in CHAIN:
        assert partitions(instance, asset) == (set(KEYS), set())
        shown = latest(instance, asset, low)
        assert shown["skipped"].startswith("no subject: only")
        assert shown["remedy"].endswith(f"in masks/{low}.png")
        assert "preview" in latest(instance, asset, high)
    with done.run("restore", instance) as result:
        assert result.success
        assert partition_events(instance, result.run_id) == []

    done.lake.write(f"masks/{low}.png", curated_mask(done, low))
    assert planned(done, instance) == {(low, asset) for asset in ("subject_masks", *CHAIN)}
    with done.run("restore", instance, [low]) as result:
        assert result.success
    assert stale(done, instance) == set() and planned(done, instance) == set()
    assert "preview" in latest(instance, "telea_upscaled", low)
    assert partitions(instance, "curated_masks")[0] == {low}

    done.lake.remove(f"masks/{low}.png")
    with done.run("restore", instance, [low]) as result:
        assert result.success
    assert partitions(instance, "curated_masks")[0] == set()
    assert "skipped" in latest(instance, "restoration_sheets", low)


def test_the_folders_job_shows_who_has_a_mask(done, instance):
    done.lake.write("masks/p2.png", curated_mask(done, "p2"))
    for expected in ({"p2"}, set()):
        with done.run("observe_masks", instance) as result:
            assert result.success
        assert partitions(instance, "curated_masks")[0] == expected
        done.lake.remove("masks/p2.png")
    assert {key for _, key in stale(done, instance)} == set()


def test_only_what_fails_is_shown_as_failed_and_until_it_is_mended(done, instance):
    selection = [dg.AssetKey(name) for name in ("predicted_masks", "subject_masks", CHAIN[0])]
    done.lake.write("masks/p2.png", b"no picture")
    with done.run("restore", instance, asset_selection=selection) as result:
        assert not result.success
    failed = {name: partitions(instance, name.path[0])[1] for name in selection}
    assert list(failed.values()) == [set(), {"p2"}, set()]
    done.lake.remove("masks/p2.png")
    with (
        desk_at(done.lake, "http://127.0.0.1:3001/"),
        done.run("restore", instance, ["p2"], asset_selection=selection[1:2]) as result,
    ):
        assert result.success
    assert partitions(instance, "subject_masks") == (set(KEYS), set())
    assert latest(instance, "subject_masks", "p2")["desk"] == "http://127.0.0.1:3001/p/p2"
    assert not done.lake.exists("registers/desk.txt")


def test_an_unknown_partition_fails_once_and_says_why(done, instance):
    instance.add_dynamic_partitions("paintings", ["vermeer"])
    selection = [dg.AssetKey(name) for name in ("predicted_masks", "subject_masks", *CHAIN[:1])]
    with done.run("restore", instance, ["vermeer"], asset_selection=selection) as result:
        assert not result.success
        failures = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    assert [each.step_key for each in failures] == ["predicted_masks"]
    table = failures[0].event_specific_data.user_failure_data.metadata["failed"].value
    assert "no painting 'vermeer' is on the list" in table and "delete this partition" in table
    # Its partition says so, too.
    asked = dg.AssetRecordsFilter(dg.AssetKey("predicted_masks"), asset_partitions=["vermeer"])
    [said] = instance.fetch_observations(asked, limit=9).records
    assert "delete this partition" in said.asset_observation.metadata["failed"].value


@pytest.mark.parametrize(
    ("config", "tags", "refused"),
    [
        ({"force": True}, {}, True),
        ({"force": True, "confirm": "yes"}, {}, True),
        ({"force": True, "confirm": "everything"}, {}, False),
        ({"force": True, "paintings": ["p0"]}, {}, False),
        ({"force": True}, {INTERACTIVE: "true"}, False),
        ({}, {}, False),
    ],
)
def test_to_compute_everything_again_is_confirmed(config, tags, refused):
    reason = refusal(PlanConfig(**config), tags)
    assert (reason is not None) == refused
    assert reason is None or "type everything at ops.restoration_plan.config.confirm" in reason


def test_a_plan_before_any_list_says_what_is_missing(unrestored, instance):
    plan = [dg.AssetKey(RESTORATION_PLAN)]
    for path in unrestored.lake.list("records/styled_paintings"):
        unrestored.lake.remove(path)
    with unrestored.run("restore_stale", instance, asset_selection=plan) as result:
        [failed] = [each for each in result.all_events if each.is_step_failure]
    assert "has no result yet" in failed.step_failure_data.user_failure_data.description
    assert not was_caused_by(failed, UnknownPaintingError)


def test_an_unpartitioned_output_that_is_reused_is_not_reported_again(done, instance):
    key = dg.AssetKey("lr_hr_pairs")
    before = instance.fetch_materializations(key, limit=9).records
    for broken in (False, True):
        if broken:  # a run that failed before it came to this asset
            done.content["wikiart"]["sources"]["pictures"]["path"] = "/nowhere"
        selection = [dg.AssetKey("wikiart_paintings"), key] if broken else [key]
        job = "data_set" if broken else "restore"
        with done.run(job, instance, asset_selection=selection) as result:
            assert result.success != broken
        assert instance.fetch_materializations(key, limit=9).records == before
    assert stale(done, instance) == set()
