"""The tags and events by which one step gives each of its partitions a data version of its own.

Dagster 1.13 has no public way. `Output` and `MaterializeResult` take one `data_version`, and
Dagster notes one set of input versions, for all partitions of a step; only metadata may differ
(`add_asset_metadata(partition_key=...)`). `DataVersionsByPartition` is for observations; what Pipes
reports has no partition, and what the web API reports has no inputs.
"""

from collections.abc import Iterable, Mapping

import dagster as dg

from deepart_assets.dagster_internals import private_names

with private_names():
    from dagster._core.definitions.data_version import (
        CODE_VERSION_TAG,
        DATA_VERSION_IS_USER_PROVIDED_TAG,
        DATA_VERSION_TAG,
        INPUT_DATA_VERSION_TAG_PREFIX,
        get_input_data_version_tag,
        get_input_event_pointer_tag,
    )
    from dagster._core.definitions.source_asset import (
        SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION,
    )
    from dagster._core.events import DagsterEventBatchMetadata, generate_event_batch_id
    from dagster._core.execution.plan.execute_step import _get_input_provenance_data

__all__ = [
    "DATA_VERSION_TAG",
    "log_event_batch",
    "output_without_materialization",
    "step_versions",
    "version_tags",
    "versions_in",
]


def version_tags(
    code_version: str, data_version: str, inputs: Mapping[str, tuple[int, str]]
) -> dict[str, str]:
    """Return the tags of a materialization that carries its own versions.

    Args:
        code_version: Of the code that computed it.
        data_version: Of the data.
        inputs: For each upstream asset, the storage id and the data version of the event used.
    """
    tags = {
        DATA_VERSION_TAG: data_version,
        DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
        CODE_VERSION_TAG: code_version,
    }
    for upstream, (storage_id, version) in inputs.items():
        upstream_key = dg.AssetKey(upstream)
        tags[get_input_event_pointer_tag(upstream_key)] = str(storage_id)
        tags[get_input_data_version_tag(upstream_key)] = version
    return tags


def versions_in(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a materialization that say what was made of what, by which code.

    Those that point at events are left out: of two events with equal versions either will do.
    """
    return {
        name: value
        for name, value in tags.items()
        if name in (DATA_VERSION_TAG, CODE_VERSION_TAG)
        or name.startswith(f"{INPUT_DATA_VERSION_TAG_PREFIX}/")
    }


def step_versions(
    context: dg.AssetExecutionContext, asset: str, code_version: str, data_version: str
) -> dict[str, str]:
    """Return the `versions_in` the materialization that Dagster would record of this step."""
    step = context.get_step_execution_context()
    inputs = _get_input_provenance_data(dg.AssetKey(asset), step)
    used = {key.to_user_string(): (0, each["data_version"].value) for key, each in inputs.items()}
    return versions_in(version_tags(code_version, data_version, used))


def log_event_batch(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    events: Iterable[dg.AssetObservation | dg.AssetMaterialization],
) -> None:
    """Log events as `context.log_event` does, but store them as one batch."""
    step = context.get_step_execution_context()
    batch = generate_event_batch_id()
    pending = list(events)
    for number, event in enumerate(pending, start=1):
        place = DagsterEventBatchMetadata(batch, is_end=number == len(pending))
        if isinstance(event, dg.AssetObservation):
            dg.DagsterEvent.asset_observation(step, event, place)
        else:
            dg.DagsterEvent.asset_materialization(step, event, place)


def output_without_materialization() -> dg.Output[None]:
    """Return the output that lets downstream steps of the same run start and records nothing.

    Without an output Dagster skips those steps. With an ordinary output it records every partition
    of the run as materialized, including those that failed.
    """
    return dg.Output(None, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})
