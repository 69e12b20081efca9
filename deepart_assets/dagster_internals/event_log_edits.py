"""What the event log says of partitions that a run leaves as they are.

Dagster plans to materialize every partition of a run, and shows those as failed that a failed run
did not materialize, whatever the reason. It has no way of taking a plan or a partition back.
"""

from collections.abc import Collection, Iterator, Sequence

import dagster as dg
from sqlalchemy import ColumnElement, delete, select

from deepart_assets.dagster_internals import private_names
from deepart_assets.dagster_internals.event_log_storage import own_storage

with private_names():
    from dagster._core.storage.event_log.schema import AssetEventTagsTable, SqlEventLogStorageTable

EVENTS = SqlEventLogStorageTable.c
CHUNK = 500
"""Most partitions named in a statement."""


def withdraw_plans(
    instance: dg.DagsterInstance, run_id: str, asset: str, keys: Collection[str] | None
) -> None:
    """Delete the events that say that a run intends to materialize some partitions of an asset.

    `keys` None is for an asset without partitions.
    """
    planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    _delete(instance, asset, planned, keys, EVENTS.run_id == run_id)


def forget_materializations(instance: dg.DagsterInstance, asset: str, keys: Sequence[str]) -> None:
    """Delete the materializations of some partitions, which then count as missing."""
    if keys:
        _delete(instance, asset, dg.DagsterEventType.ASSET_MATERIALIZATION, keys)
        instance.event_log_storage.wipe_asset_cached_status(dg.AssetKey(asset))


def unfulfilled_plans(instance: dg.DagsterInstance, asset: str) -> set[str]:
    """Return the partitions that Dagster shows as failed, or as in progress in some run."""
    storage = instance.event_log_storage
    return set(
        storage.get_latest_asset_partition_materialization_attempts_without_materializations(
            dg.AssetKey(asset)
        )
    )


def _delete(
    instance: dg.DagsterInstance,
    asset: str,
    event_type: dg.DagsterEventType,
    keys: Collection[str] | None,
    *more: ColumnElement[bool],
) -> None:
    with own_storage(instance).index_transaction() as connection:
        for partitions in _conditions(keys):
            where = [
                EVENTS.asset_key == dg.AssetKey(asset).to_string(),
                EVENTS.dagster_event_type == event_type.value,
                partitions,
                *more,
            ]
            chosen = select(EVENTS.id).where(*where)
            tags = AssetEventTagsTable
            connection.execute(delete(tags).where(tags.c.event_id.in_(chosen)))
            connection.execute(delete(SqlEventLogStorageTable).where(*where))


def _conditions(keys: Collection[str] | None) -> Iterator[ColumnElement[bool]]:
    if keys is None:
        yield EVENTS.partition.is_(None)
        return
    named = sorted(keys)
    for start in range(0, len(named), CHUNK):
        yield EVENTS.partition.in_(named[start : start + CHUNK])
