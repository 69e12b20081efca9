"""One bad painting in a hundred is shown where it failed and left alone; the others are done."""

import dagster as dg
import pytest
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from deepart_assets.orchestration.asset_factory import PAINTINGS
from deepart_assets.orchestration.tags import AUTOMATED
from deepart_assets.wikiart.naming import WIKIART
from deepart_assets_tests.orchestration.test_pipeline import STAGES, failed_steps, materialized

COUNT = 100
BAD = "p041"


@pytest.fixture
def hundred(project, monkeypatch, tmp_path):
    """Five paintings to train on, and tiny ones; sheets are as small."""
    monkeypatch.setattr("deepart_assets.assets.restoration.SHEET_HEIGHT", 96)
    project.content["restoration"]["evaluated"] = 2
    for number in range(COUNT - 5):
        project.add_painting(f"p{number:03}", number, 64, 48)
    return project


def observations(instance, run_id):
    """What a run said of single paintings, by asset and painting."""
    found = {}
    for record in instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION
    ).records:
        event = record.event_log_entry.dagster_event
        said = event.asset_observation_data.asset_observation
        if said.metadata:
            [word] = said.metadata.keys() - {"painting"}
            key = (said.asset_key.to_user_string(), said.partition)
            found[key] = (word, said.metadata[word].value)
    return found


def failed_partitions(instance, asset):
    """The partitions that the UI shows as failed."""
    status = get_and_update_asset_status_cache_value(instance, dg.AssetKey(asset), PAINTINGS)
    return set(status.deserialize_failed_partition_subsets(PAINTINGS).get_partition_keys())


@pytest.mark.slow
def test_ninety_nine_are_done_and_one_is_left_alone_until_it_changes(hundred, instance):
    store, lake = hundred.store, hundred.lake
    path = f"{WIKIART.folder}/{BAD}.png"
    with hundred.run("catalogue", instance) as result:
        assert result.success
    keys = instance.get_dynamic_partitions("paintings")
    assert len(keys) == COUNT
    lake.write(path, b"no picture any more")

    # A night's run: ninety-nine are done, one failed, and it says so where it failed.
    night = {AUTOMATED: "true"}
    with hundred.run("restore", instance, tags=night) as result:
        assert failed_steps(result) == {STAGES[0]}
        made, said = materialized(result), observations(instance, result.run_id)
        [failure] = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    for stage in STAGES:
        done = {key for key in keys if store.done(stage, key)}
        assert done == set(keys) - {BAD}
        assert {key for asset, key in made if asset == stage} == done
        assert failed_partitions(instance, stage) == ({BAD} if stage == STAGES[0] else set())
    reason = store.get(STAGES[0], BAD).reason
    assert f"{path} is a text: replace the file" in reason
    table = failure.event_specific_data.user_failure_data.metadata["failed"].value
    assert BAD in table and path in table
    assert said[STAGES[0], BAD] == ("failed", reason)
    assert said[STAGES[1], BAD] == ("left_out", f"{STAGES[0]} failed")
    assert {key for _, key in said} == {BAD}

    # The next night nothing has changed: it is not tried again, and still said to have failed.
    record = store.get(STAGES[0], BAD)
    some = keys[keys.index(BAD) - 1 : keys.index(BAD) + 2]
    with hundred.run("restore", instance, some, tags=night) as result:
        assert result.success
        assert observations(instance, result.run_id)[STAGES[0], BAD] == ("failed", reason)
    assert store.get(STAGES[0], BAD) == record
    assert failed_partitions(instance, STAGES[0]) == {BAD}

    # Asked for, it is tried again.
    with hundred.run("restore", instance, [BAD]) as result:
        assert failed_steps(result) == {STAGES[0]}
    assert store.get(STAGES[0], BAD) != record

    # Its bytes change: the night's run takes it, and it alone.
    before = {key: store.get(STAGES[-1], key) for key in keys}
    hundred.add_painting(BAD, 12345, 64, 48)
    with hundred.run("catalogue", instance) as result:
        assert result.success
    with hundred.run("restore", instance, some, tags=night) as result:
        assert result.success
    after = {key: store.get(STAGES[-1], key) for key in keys}
    assert {key for key in keys if before[key] != after[key]} == {BAD}
    assert not failed_partitions(instance, STAGES[0])
