"""The two kinds of asset of the pipeline: of the whole data set, and of one painting.

Belongs here: turning a function that describes a stage into a Dagster asset that reuses what is
current, records what happened and tells how far it is. Does not belong here: what a stage does.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import dagster as dg

from deepart_assets.orchestration.batch import Batch
from deepart_assets.orchestration.checks import Check, check_results, check_specs
from deepart_assets.orchestration.context import PaintingStageSpec, StageContext, StageSpec
from deepart_assets.orchestration.events import batch_finished
from deepart_assets.orchestration.metadata import markdown_table, metadata_of, took
from deepart_assets.orchestration.needs import at_work
from deepart_assets.orchestration.observable_assets import ORIGINALS, ObservableFolder
from deepart_assets.orchestration.resources import Profile
from deepart_assets.settings import Settings
from deepart_assets.storage import Provenance, RecordIndex, materialize_if_stale, sha256_of_json

PAINTINGS = dg.DynamicPartitionsDefinition(name="paintings")
"""One key for each painting to restore; `styled_paintings` adds and withdraws them."""

SettingsOf = Callable[[Settings], Mapping[str, Any]]
"""Picks the settings that a stage's results depend on: plain JSON."""


@dataclass(frozen=True)
class DataAsset:
    """An unpartitioned asset: `data_asset` has what the fields mean."""

    name: str
    describe: Callable[[StageContext], StageSpec]
    group: str
    settings: SettingsOf
    deps: Sequence[str]
    painting_deps: Sequence[str]
    kinds: set[str]
    code_version: str
    checks: Sequence[Check]
    after: Callable[[dg.AssetExecutionContext, StageContext], None] | None = None
    pool: str | None = None

    def definition(self, settings: Settings) -> dg.AssetsDefinition:
        """Return Dagster's asset for a profile.

        Its code version says both the stage's code and the settings that it depends on, so that
        Dagster sees what either makes stale.
        """

        @dg.asset(
            name=self.name,
            description=inspect.getdoc(self.describe),
            group_name=self.group,
            deps=[*self.deps, *self.painting_deps],
            kinds=self.kinds,
            code_version=dagster_code_version(self.code_version, self.settings(settings)),
            check_specs=check_specs(self.name, self.checks),
            pool=self.pool,
        )
        def asset(context: dg.AssetExecutionContext, profile: Profile) -> dg.MaterializeResult:  # type: ignore[type-arg]
            with at_work(context, profile.settings.execution, self.name, self.pool):
                return self._run(context, profile)

        return asset

    def provenance(self, stage_context: StageContext, stage: StageSpec) -> Provenance:
        """Return all that the result is made from.

        Raises:
            DeepArtError: Something that it depends on has no result.
        """
        return Provenance(
            code_version=self.code_version,
            settings=self.settings(stage_context.settings),
            inputs={
                **_upstream_versions(stage_context, self.deps, self.painting_deps),
                **stage.inputs,
            },
            weights=stage.weights,
        )

    def _run(self, context: dg.AssetExecutionContext, profile: Profile) -> dg.MaterializeResult:  # type: ignore[type-arg]
        stage_context = StageContext(profile.settings, profile.store, context.log)
        stage = self.describe(stage_context)
        provenance = self.provenance(stage_context, stage)
        profile.store.sweep(self.name)
        record, computed = materialize_if_stale(profile.store, self.name, provenance, stage.make)
        if self.after is not None:
            self.after(context, stage_context)
        context.log.info(f"{self.name}: {took(record, computed)}")
        return dg.MaterializeResult(
            metadata=metadata_of(record, profile.lake, computed=computed),
            data_version=dg.DataVersion(record.data_version),
            check_results=list(check_results(self.name, self.checks, {"": record})),
        )


@dataclass(frozen=True)
class PaintingAsset:
    """An asset with a partition for each painting: `painting_asset` has what the fields mean."""

    name: str
    describe: Callable[[StageContext], PaintingStageSpec]
    group: str
    settings: SettingsOf
    deps: Sequence[str]
    painting_deps: Sequence[str]
    observed: Sequence[ObservableFolder]
    reads_original: bool
    kinds: set[str]
    code_version: str
    checks: Sequence[Check] = field(default=())
    pool: str | None = None

    def definition(self, settings: Settings) -> dg.AssetsDefinition:
        """Return Dagster's asset for a profile, as `DataAsset.definition` does."""

        @dg.asset(
            name=self.name,
            description=inspect.getdoc(self.describe),
            group_name=self.group,
            deps=[
                ORIGINALS,
                *self.deps,
                *self.painting_deps,
                *(each.asset for each in self.observed),
            ],
            kinds=self.kinds,
            code_version=dagster_code_version(self.code_version, self.settings(settings)),
            partitions_def=PAINTINGS,
            backfill_policy=dg.BackfillPolicy.single_run(),
            check_specs=check_specs(self.name, self.checks),
            pool=self.pool,
            dagster_type=cast(dg.DagsterType, dg.Nothing),
        )
        def asset(context: dg.AssetExecutionContext, profile: Profile) -> Iterator[Any]:
            made_by = dagster_code_version(self.code_version, self.settings(profile.settings))
            with at_work(context, profile.settings.execution, self.name, self.pool):
                batch = Batch(context, profile, self, made_by)
                yield from batch.run()
            yield from check_results(self.name, self.checks, batch.done)
            yield batch_finished()
            if batch.failed:
                raise dg.Failure(
                    f"{len(batch.failed)} of {len(batch.keys)} paintings failed in {self.name};"
                    " the others are done.",
                    metadata={
                        "failed": dg.MetadataValue.md(
                            markdown_table(
                                [{"painting": k, "reason": r} for k, r in batch.failed.items()]
                            )
                        )
                    },
                    allow_retries=False,
                )

        return asset


AssetTemplate = DataAsset | PaintingAsset
"""An asset of the pipeline before its profile is known."""


def nothing_of(settings: Settings) -> Mapping[str, Any]:
    """Pick no settings: for stages whose results depend on none."""
    return {}


def data_asset(
    *,
    group: str,
    name: str | None = None,
    settings: SettingsOf = nothing_of,
    deps: Sequence[str] = (),
    painting_deps: Sequence[str] = (),
    kinds: set[str],
    code_version: str = "1",
    checks: Sequence[Check] = (),
    after: Callable[[dg.AssetExecutionContext, StageContext], None] | None = None,
    pool: str | None = None,
) -> Callable[[Callable[[StageContext], StageSpec]], DataAsset]:
    """Make an unpartitioned asset of a function that describes its stage.

    It depends on whole data sets (`deps`), on every painting of others (`painting_deps`), and on
    the `settings` picked. `after` runs once the result is recorded, computed or reused.
    """

    def decorate(describe: Callable[[StageContext], StageSpec]) -> DataAsset:
        return DataAsset(
            name or describe.__name__,
            describe,
            group,
            settings,
            deps,
            painting_deps,
            kinds,
            code_version,
            checks,
            after,
            pool,
        )

    return decorate


def painting_asset(
    *,
    settings: SettingsOf = nothing_of,
    painting_deps: Sequence[str] = (),
    deps: Sequence[str] = (),
    observed: Sequence[ObservableFolder] = (),
    reads_original: bool = True,
    kinds: set[str],
    name: str | None = None,
    group: str = "restoration",
    code_version: str = "1",
    checks: Sequence[Check] = (),
    pool: str | None = None,
) -> Callable[[Callable[[StageContext], PaintingStageSpec]], PaintingAsset]:
    """Make an asset with a partition for each painting of a function that describes its stage.

    A painting's output depends on its original, unless `reads_original` is off and only its labels
    count, on the same painting in `painting_deps`, on the whole of `deps`, on its own file of each
    of `observed`, and on the `settings` picked. A run handles any number of paintings in one step,
    so that models are loaded once. A painting that fails is recorded with its reason, the others go
    on, and the step fails at the end; what is downstream still runs for the others.
    """

    def decorate(describe: Callable[[StageContext], PaintingStageSpec]) -> PaintingAsset:
        return PaintingAsset(
            name or describe.__name__,
            describe,
            group,
            settings,
            deps,
            painting_deps,
            observed,
            reads_original,
            kinds,
            code_version,
            checks,
            pool,
        )

    return decorate


def dagster_code_version(code_version: str, settings: Mapping[str, Any]) -> str:
    """Return what Dagster compares: the stage's code version and a hash of its settings."""
    return f"{code_version}.{sha256_of_json(settings)[:8]}"


def _upstream_versions(
    stage_context: StageContext, deps: Sequence[str], painting_deps: Sequence[str]
) -> dict[str, str]:
    versions = {dep: stage_context.upstream(dep).data_version for dep in deps}
    for dep in painting_deps:
        register = RecordIndex(stage_context.store, dep)
        for key in stage_context.paintings:
            record = register.get(key)
            state = record.data_version if record and record.status == "done" else None
            reason = (record.reason if record else None) or "no result yet"
            versions[f"{dep}/{key}"] = state or reason
    return versions
