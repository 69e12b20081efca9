"""What a step tells Dagster of each painting, and of nothing that Dagster knows already.

An output that is reused is reported only if the latest materialization of its partition says
something else: other versions, or none. A painting that a stage leaves out on purpose is
materialized with the reason, so that its partition counts as made.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from deepart_assets.dagster_internals.data_versions import versions_in
from deepart_assets.dagster_internals.event_log_edits import unfulfilled_plans, withdraw_plans
from deepart_assets.orchestration.asset_spec import PaintingAssetSpec
from deepart_assets.orchestration.context import Painting
from deepart_assets.orchestration.events import (
    latest_materializations,
    latest_versions,
    left_out_version,
    painting_materialization,
)
from deepart_assets.orchestration.metadata import MetadataDict, metadata_of
from deepart_assets.orchestration.tags import asks_for_events
from deepart_assets.storage import Lake, MaterializationRecord
from deepart_assets.wikiart.left_out import split_remedy

Event = dg.AssetMaterialization | dg.AssetObservation


class Reporter:
    """Events of the paintings of one step.

    Args:
        step: The step's context.
        spec: Its asset.
        code_version: The asset's, as Dagster compares it.
        lake: The data lake.
        paintings: All paintings on the list.
        keys: The partitions of the step's run.
        observed: The observed assets that the outputs depend on.
    """

    def __init__(
        self,
        step: dg.AssetExecutionContext,
        spec: PaintingAssetSpec,
        *,
        code_version: str,
        lake: Lake,
        paintings: Mapping[str, Painting],
        keys: Sequence[str],
        observed: Sequence[str],
    ) -> None:
        instance = step.instance
        self._step, self._spec, self._code_version = step, spec, code_version
        self._lake, self._paintings, self._keys = lake, paintings, keys
        # Read before the data: a later materialization of an upstream must count as newer.
        self._inputs = {
            **{dep: latest_versions(instance, dep, None) for dep in spec.deps},
            **{dep: latest_versions(instance, dep, keys) for dep in spec.painting_deps},
            **{name: latest_versions(instance, name, keys, observed=True) for name in observed},
        }
        self._known = latest_materializations(instance, spec.name, keys)
        self._is_asked = asks_for_events(step.run.tags)
        self._unsaid: dict[str, dg.AssetMaterialization] = {}
        self._said: set[str] = set()

    def made(self, record: MaterializationRecord, *, computed: bool) -> Event | None:
        """Report an output that was computed or is reused."""
        metadata = metadata_of(record, self._lake, computed=computed)
        return self._event(record.key, record.data_version, metadata, is_new=computed)

    def skipped(self, key: str, reason: str, *, computed: bool = False) -> Event | None:
        """Report a painting that the stage leaves out on purpose, as done with its reason."""
        why, remedy = split_remedy(reason)
        metadata: MetadataDict = {"skipped": dg.MetadataValue.text(why)}
        if remedy:
            metadata["remedy"] = dg.MetadataValue.text(remedy)
        return self._event(key, left_out_version(reason), metadata, is_new=computed)

    def unwanted(self, key: str) -> Event | None:
        """Report a painting without the file of a curator that the stage follows from."""
        paths = " or ".join(folder.path(key) for folder in self._spec.observed)
        return self.skipped(key, f"nobody has asked for it: there is no {paths}")

    def failed(self, key: str, reason: str) -> Event:
        """Say at a painting's partition why it failed."""
        self._said.add(key)
        return self._observation(key, failed=reason)

    def left_out(self, key: str, reason: str, *, has_failed: bool = False) -> Event:
        """Say at a painting's partition why there is nothing new."""
        return self._observation(key, **{"failed" if has_failed else "left_out": reason})

    def end(self) -> Iterator[Event]:
        """Report what Dagster would otherwise show as failed if the run fails, or shows already."""
        instance, asset = self._step.instance, self._spec.name
        if not self._is_asked:
            rest = set(self._step.partition_keys) - self._said
            withdraw_plans(instance, self._step.run.run_id, asset, rest)
        for key in sorted(unfulfilled_plans(instance, asset) & self._unsaid.keys()):
            yield self._unsaid.pop(key)

    def _event(
        self, key: str, data_version: str, metadata: MetadataDict, *, is_new: bool
    ) -> Event | None:
        painting = self._paintings.get(key)
        named = {"painting": dg.MetadataValue.text(painting.heading)} if painting else {}
        event = painting_materialization(
            self._spec.name,
            key,
            code_version=self._code_version,
            data_version=data_version,
            inputs={
                dep: version
                for dep, versions in self._inputs.items()
                if (version := versions.get("" if dep in self._spec.deps else key)) is not None
            },
            metadata={**named, **metadata},
        )
        is_known = versions_in(event.tags or {}) == versions_in(self._known.get(key, {}))
        if is_known and not is_new and not self._is_asked:
            self._unsaid[key] = event
            return None
        self._said.add(key)
        return event

    def _observation(self, key: str, **metadata: str) -> dg.AssetObservation:
        return dg.AssetObservation(self._spec.name, partition=key, metadata=metadata)
