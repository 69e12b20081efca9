"""Dagster's events for one painting at a time inside a run of many.

Dagster gives all partitions of a step one data version, so staleness is wrong as soon as one
painting of a batch changes. A materialization that carries its own versions in tags is exact. The
tags are private to Dagster (`dagster_internals.data_versions`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from deepart_assets.dagster_internals.data_versions import DATA_VERSION_TAG
from deepart_assets.storage import MaterializationRecord, sha256_of, sha256_of_json

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"

MAX_NAMED_PARTITIONS = 10_000
"""Most partitions named in a query of the event log; for more, all are queried. SQLite accepts
32,766 values or more."""


READ_AT_ONCE = 200
"""Events read at a time: they carry previews."""


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
    asked = wanted if len(wanted) <= MAX_NAMED_PARTITIONS else None
    identifiers = storage.get_latest_storage_id_by_partition(
        asset_key, kind, None if asked is None else set(asked)
    )
    tags_of = storage.get_latest_tags_by_partition(asset_key, kind, [DATA_VERSION_TAG], asked)
    return {
        key: Version(identifiers[key], tags_of[key][DATA_VERSION_TAG])
        for key in wanted
        if key in identifiers and DATA_VERSION_TAG in tags_of.get(key, {})
    }


def latest_materializations(
    instance: dg.DagsterInstance, asset: str, keys: Iterable[str]
) -> Mapping[str, Mapping[str, str]]:
    """Return the tags of the latest materialization of each partition that has one."""
    asset_key, kind = dg.AssetKey(asset), dg.DagsterEventType.ASSET_MATERIALIZATION
    wanted = set(keys)
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        asset_key, kind, wanted if len(wanted) <= MAX_NAMED_PARTITIONS else None
    )
    identifiers = sorted(latest[key] for key in wanted & latest.keys())
    return dict(_tags_of(instance, asset_key, identifiers))


def _tags_of(
    instance: dg.DagsterInstance, asset_key: dg.AssetKey, identifiers: list[int]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    for start in range(0, len(identifiers), READ_AT_ONCE):
        asked = identifiers[start : start + READ_AT_ONCE]
        found = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key, storage_ids=asked), limit=len(asked)
        )
        for record in found.records:
            made = record.asset_materialization
            if made is not None and made.partition is not None:
                yield made.partition, made.tags or {}


def reported_versions(
    instance: dg.DagsterInstance, asset: str, keys: Iterable[str], *, observed: bool = False
) -> Mapping[str, str]:
    """Return the data version of each partition's latest materialization, or observation."""
    found = latest_versions(instance, asset, keys, observed=observed)
    return {key: version.data_version for key, version in found.items()}


def left_out_version(reason: str) -> str:
    """Return the data version of an output that does not exist on purpose."""
    return f"none {sha256_of(reason.encode())[:16]}"


def reported_version(
    record: MaterializationRecord, covered: Mapping[str, str | None]
) -> str | None:
    """Return the data version by which Dagster knows an output; None if it failed.

    Args:
        record: The output's.
        covered: The versions of what its asset covers (`PaintingAssetSpec.covered`).
    """
    match record.status:
        case "done":
            return covering(record.data_version, covered)
        case "skipped":
            return covering(left_out_version(str(record.reason)), covered)
    return None


def covering(data_version: str, covered: Mapping[str, str | None]) -> str:
    """Return a data version that is another one, too, if one of those that it covers is.

    What those cover themselves does not count.
    """
    if not covered:
        return data_version
    own = {asset: version and version.partition(".")[0] for asset, version in covered.items()}
    return f"{data_version}.{sha256_of_json(own)[:8]}"


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
