"""The tags and events by which one step gives each of its partitions a data version of its own."""

from collections.abc import Iterable, Mapping

import dagster as dg

from deepart_assets.dagster_internals import private_names

with private_names():
    from dagster._core.definitions.data_version import (
        CODE_VERSION_TAG,
        DATA_VERSION_IS_USER_PROVIDED_TAG,
        DATA_VERSION_TAG,
        get_input_data_version_tag,
        get_input_event_pointer_tag,
    )
    from dagster._core.definitions.source_asset import (
        SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION,
    )
    from dagster._core.events import DagsterEventBatchMetadata, generate_event_batch_id

__all__ = [
    "DATA_VERSION_TAG",
    "log_observation_batch",
    "output_without_materialization",
    "version_tags",
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


def log_observation_batch(
    context: dg.AssetExecutionContext, observations: Iterable[dg.AssetObservation]
) -> None:
    """Log observations as `context.log_event` does, but store them as one batch."""
    step = context.get_step_execution_context()
    batch = generate_event_batch_id()
    pending = list(observations)
    for number, observation in enumerate(pending, start=1):
        place = DagsterEventBatchMetadata(batch, is_end=number == len(pending))
        dg.DagsterEvent.asset_observation(step, observation, place)


def output_without_materialization() -> dg.Output[None]:
    """Return the output that lets downstream steps of the same run start and records nothing.

    Without an output Dagster skips those steps. With an ordinary output it records every partition
    of the run as materialized, including those that failed.
    """
    return dg.Output(None, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})
