"""What a step tells Dagster of each painting, and of nothing that Dagster knows already.

An output that is reused is reported only if the latest materialization of its partition says
something else: other versions, or none. A painting that a stage leaves out on purpose is
materialized with the reason, so that its partition counts as made.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import dagster as dg

from deepart_assets import asset_names
from deepart_assets.dagster_internals.data_versions import (
    step_versions,
    version_tags,
    versions_in,
)
from deepart_assets.dagster_internals.event_log_edits import unfulfilled_plans, withdraw_plans
from deepart_assets.orchestration.asset_spec import PaintingAssetSpec
from deepart_assets.orchestration.context import StageContext
from deepart_assets.orchestration.events import (
    covering,
    latest_materializations,
    latest_versions,
    left_out_version,
    reported_versions,
)
from deepart_assets.orchestration.metadata import MetadataDict, metadata_of
from deepart_assets.orchestration.tags import asks_for_events
from deepart_assets.storage import MaterializationRecord
from deepart_assets.storage.desk_address import desk_page
from deepart_assets.wikiart.left_out import split_remedy

Event = dg.AssetMaterialization | dg.AssetObservation


class Reporter:
    """Events of the paintings of one step.

    Args:
        step: The step's context.
        spec: Its asset.
        context: Settings, records, and all paintings on the list.
        keys: The partitions of the step's run.
        observed: The observed assets that the outputs depend on.
    """

    def __init__(
        self,
        step: dg.AssetExecutionContext,
        spec: PaintingAssetSpec,
        context: StageContext,
        keys: Sequence[str],
        observed: Collection[str],
    ) -> None:
        instance = step.instance
        self._step, self._spec = step, spec
        self._code_version = spec.dagster_code_version(context.settings)
        self._store, self._paintings = context.store, context.paintings
        # Read before the data: a later materialization of an upstream must count as newer.
        self._inputs = {
            **{dep: latest_versions(instance, dep, None) for dep in spec.deps},
            **{name: latest_versions(instance, name, keys, observed=True) for name in observed},
            **{
                dep: latest_versions(instance, dep, keys)
                for dep in spec.edges
                if dep not in observed
            },
        }
        self._covered = {
            asset: {key: each.version for key, each in context.paintings.items()}
            if asset == asset_names.PAINTINGS
            else reported_versions(instance, asset, keys)
            for asset in spec.covered
        }
        self._known = latest_materializations(instance, spec.name, keys)
        self._is_asked = asks_for_events(step.run.tags)
        self._began = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._unsaid: dict[str, Callable[[], Event | None]] = {}
        self._said: set[str] = set()

    def made(self, record: MaterializationRecord, *, computed: bool) -> Event | None:
        """Report an output that was computed or is reused."""
        return self._event(
            record.key,
            record.data_version,
            lambda: metadata_of(self._store.whole(record), self._store.lake, computed=computed),
            again=None if computed else partial(self._reused, record.key),
            # Another run has made it meanwhile, and reports it.
            elsewhere=not computed and record.made_at >= self._began,
        )

    def skipped(self, key: str, reason: str, *, computed: bool = False) -> Event | None:
        """Report a painting that the stage leaves out on purpose, as done with its reason."""
        why, remedy = split_remedy(reason)
        return self._event(
            key,
            left_out_version(reason),
            lambda: {"skipped": why, **({"remedy": remedy} if remedy else {})},
            again=None if computed else partial(self.skipped, key, reason, computed=True),
        )

    def unwanted(self, key: str) -> Event | None:
        """Report a painting without the file of a curator that the stage follows from."""
        paths = " or ".join(folder.path(key) for folder in self._spec.observed)
        return self.skipped(key, f"not asked for: there is no {paths}")

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
            if (event := self._unsaid[key]()) is not None:
                yield event

    def _reused(self, key: str) -> Event | None:
        record = self._store.done(self._spec.name, key)
        if record is None:
            return None
        return self._materialization(
            key, record.data_version, metadata_of(record, self._store.lake, computed=False)
        )

    def _event(
        self,
        key: str,
        data_version: str,
        metadata: Callable[[], MetadataDict],
        *,
        again: Callable[[], Event | None] | None,
        elsewhere: bool = False,
    ) -> Event | None:
        """Return the event, or None if it is known; `again`, for what is not new, returns it."""
        if again is not None and not self._is_asked:
            versions = versions_in(self._materialization(key, data_version, {}).tags or {})
            if (
                elsewhere
                or versions == versions_in(self._known.get(key, {}))
                or versions == self._said_since(key)
            ):
                self._unsaid[key] = again
                return None
        self._said.add(key)
        return self._materialization(key, data_version, metadata())

    def _said_since(self, key: str) -> Mapping[str, str]:
        """Return the versions that Dagster has now: another run may have reported since we began.

        Its record was there before this step read Dagster's history, its event was not.
        """
        latest = latest_materializations(self._step.instance, self._spec.name, [key])
        return versions_in(latest.get(key, {}))

    def _materialization(
        self, key: str, data_version: str, metadata: MetadataDict
    ) -> dg.AssetMaterialization:
        named = self._named(key)
        if metadata and (page := desk_page(self._store.lake, key)):
            named["desk"] = dg.MetadataValue.url(page)
        covered = {name: versions.get(key) for name, versions in self._covered.items()}
        inputs = {
            dep: (version.storage_id, version.data_version)
            for dep, versions in self._inputs.items()
            if (version := versions.get("" if dep in self._spec.deps else key)) is not None
        }
        tags = version_tags(self._code_version, covering(data_version, covered), inputs)
        return dg.AssetMaterialization(
            self._spec.name, partition=key, metadata={**named, **metadata}, tags=tags
        )

    def _observation(self, key: str, **metadata: str) -> dg.AssetObservation:
        named = self._named(key)
        return dg.AssetObservation(self._spec.name, partition=key, metadata={**named, **metadata})

    def _named(self, key: str) -> MetadataDict:
        """Return the metadata that says which painting a partition is."""
        return {"painting": self._paintings[key].heading} if key in self._paintings else {}


def is_known(
    step: dg.AssetExecutionContext, asset: str, code_version: str, data_version: str
) -> bool:
    """Return whether Dagster knows the output of an unpartitioned asset, which is reused.

    It then no longer expects the run to materialize it.
    """
    instance, key = step.instance, dg.AssetKey(asset)
    found = instance.fetch_materializations(key, limit=1).records
    known = found[0].asset_materialization if found else None
    if known is None or asks_for_events(step.run.tags):
        return False
    if versions_in(known.tags or {}) != step_versions(step, asset, code_version, data_version):
        return False
    withdraw_plans(instance, step.run.run_id, asset, None)
    planned = instance.get_latest_planned_materialization_info(key)
    # Of another run, which failed or goes on.
    return planned is None or planned.storage_id < found[0].storage_id
