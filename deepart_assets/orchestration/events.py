"""Dagster's events for one painting at a time inside a batch run.

Belongs here: the internal tags and the one internal metadata key by which a step that handles many
partitions records each with a data version of its own. Does not belong here: anything that is not
about Dagster's event log.

Dagster gives all partitions of a step one data version, so staleness is wrong as soon as one
painting of a batch changes. A materialization that carries its own versions in tags is exact. The
names are internal to Dagster: its version is pinned, and test_staleness.py fails if they change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.events import (
    DagsterEvent,
    DagsterEventBatchMetadata,
    generate_event_batch_id,
)

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"

MOST_NAMED = 10_000
"""Partitions named in a question to the event log; for more, all are asked for. sqlite takes 32,766
values at least."""


@dataclass(frozen=True)
class Version:
    """The latest materialization of an asset or a partition, as the event log knows it."""

    storage_id: int
    data_version: str


def latest_versions(
    instance: dg.DagsterInstance,
    asset: str,
    keys: Iterable[str] | None,
    *,
    observed: bool = False,
) -> Mapping[str, Version]:
    """Return the latest version of each partition that has one; with `keys` None, under "".

    `observed` is for assets that are not made but observed; they have partitions.
    """
    asset_key = dg.AssetKey(asset)
    if keys is None:
        record = instance.get_latest_data_version_record(asset_key)
        if record is None or record.asset_materialization is None:
            return {}
        tags = record.asset_materialization.tags or {}
        return {"": Version(record.storage_id, tags.get(DATA_VERSION_TAG, ""))}
    storage = instance.event_log_storage
    events = dg.DagsterEventType
    kind = events.ASSET_OBSERVATION if observed else events.ASSET_MATERIALIZATION
    wanted = list(keys)
    asked = wanted if len(wanted) <= MOST_NAMED else None
    identifiers = storage.get_latest_storage_id_by_partition(
        asset_key, kind, None if asked is None else set(asked)
    )
    tags_of = storage.get_latest_tags_by_partition(asset_key, kind, [DATA_VERSION_TAG], asked)
    return {
        key: Version(identifiers[key], tags_of[key][DATA_VERSION_TAG])
        for key in wanted
        if key in identifiers and DATA_VERSION_TAG in tags_of.get(key, {})
    }


def painting_materialization(
    asset: str,
    key: str,
    *,
    code_version: str,
    data_version: str,
    inputs: Mapping[str, Version],
    metadata: Mapping[str, dg.MetadataValue],
) -> dg.AssetMaterialization:
    """Return the materialization of one partition with its exact provenance."""
    tags = {
        DATA_VERSION_TAG: data_version,
        DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
        CODE_VERSION_TAG: code_version,
    }
    for upstream, version in inputs.items():
        upstream_key = dg.AssetKey(upstream)
        tags[get_input_event_pointer_tag(upstream_key)] = str(version.storage_id)
        tags[get_input_data_version_tag(upstream_key)] = version.data_version
    return dg.AssetMaterialization(asset, partition=key, metadata=metadata, tags=tags)


def painting_observation(asset: str, key: str, data_version: str) -> dg.AssetObservation:
    """Return the observation of one partition of an asset that is not made here."""
    return dg.AssetObservation(asset, partition=key, tags={DATA_VERSION_TAG: data_version})


def log_together(context: dg.AssetExecutionContext, seen: Iterable[dg.AssetObservation]) -> None:
    """Log observations of one asset as `log_event` does, but stored at once: there may be many."""
    step = context.get_step_execution_context()
    batch = generate_event_batch_id()
    observations = list(seen)
    for number, each in enumerate(observations, start=1):
        place = DagsterEventBatchMetadata(batch, is_end=number == len(observations))
        DagsterEvent.asset_observation(step, each, place)


def batch_finished() -> dg.Output[None]:
    """Return the output that lets downstream steps of the same run start.

    Without an output they would be skipped; with an ordinary one Dagster would record every
    partition of the batch as materialized, the failed ones too. An output marked in this way
    records nothing.
    """
    return dg.Output(None, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})


def metadata_made_in(
    instance: dg.DagsterInstance, run_id: str, asset: str
) -> Mapping[str, dg.MetadataValue[Any]]:
    """Return the metadata of what a run made of an asset; nothing if it made none."""
    records = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    for record in records.records:
        made = record.asset_materialization
        if made is not None and made.asset_key == dg.AssetKey(asset):
            return made.metadata
    return {}
