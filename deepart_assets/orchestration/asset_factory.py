"""The decorators of the functions in `assets`, and the Dagster assets built from them."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import dagster as dg

from deepart_assets.dagster_internals.data_versions import output_without_materialization
from deepart_assets.orchestration.asset_spec import (
    DataAssetSpec,
    PaintingAssetSpec,
    PipelineAssetSpec,
)
from deepart_assets.orchestration.batching import PaintingBatch
from deepart_assets.orchestration.checks import check_specs, whole_results
from deepart_assets.orchestration.context import StageContext
from deepart_assets.orchestration.metadata import duration, markdown_table, metadata_of
from deepart_assets.orchestration.partitions import PAINTINGS
from deepart_assets.orchestration.reporting import is_known
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.staleness import provenance_of
from deepart_assets.orchestration.step_resources import at_work
from deepart_assets.orchestration.tags import RENEW
from deepart_assets.settings import Settings
from deepart_assets.storage import materialize_if_stale

P = ParamSpec("P")
Function = TypeVar("Function")
Spec = TypeVar("Spec")


def _decorator_of(
    spec_class: Callable[Concatenate[Function, P], Spec],
) -> Callable[P, Callable[[Function], Spec]]:
    def decorator(*args: P.args, **kwargs: P.kwargs) -> Callable[[Function], Spec]:
        return lambda function: spec_class(function, *args, **kwargs)

    return decorator


data_asset = _decorator_of(DataAssetSpec)
"""Declare an unpartitioned asset; the arguments are the fields of `DataAssetSpec`."""

painting_asset = _decorator_of(PaintingAssetSpec)
"""Declare an asset with a partition for each painting; see `PaintingAssetSpec`.

A run handles any number of paintings in one step, so that models are loaded once. A painting that
fails is recorded with its reason, the others go on, and the step fails at the end; what is
downstream still runs for the others.
"""


def build_asset(spec: PipelineAssetSpec, settings: Settings) -> dg.AssetsDefinition:
    """Return Dagster's asset for a profile.

    Its code version covers both the stage's code and the settings it depends on, so that Dagster
    sees what either makes stale.
    """
    if isinstance(spec, DataAssetSpec):
        return _data_asset(spec, settings)
    return _painting_asset(spec, settings)


def _common_arguments(spec: PipelineAssetSpec, settings: Settings) -> dict[str, Any]:
    return {
        "name": spec.name,
        "description": inspect.getdoc(spec.stage),
        "group_name": spec.group,
        "kinds": spec.kinds,
        "code_version": spec.dagster_code_version(settings),
        "check_specs": check_specs(spec.name, spec.all_checks),
        "pool": spec.pool,
        # Also of unpartitioned assets, or `dg launch --partition-range` refuses a job with both.
        "backfill_policy": dg.BackfillPolicy.single_run(),
    }


def _data_asset(spec: DataAssetSpec, settings: Settings) -> dg.AssetsDefinition:
    # Without partitions, so that Dagster does not take a change in one for a reason to renew it.
    nothing = dg.SpecificPartitionsPartitionMapping([])
    snapshots = [dg.AssetDep(each, partition_mapping=nothing) for each in spec.snapshot_of]

    @dg.asset(
        deps=[*spec.deps, *spec.edges, *snapshots],
        dagster_type=cast(dg.DagsterType, dg.Nothing),
        **_common_arguments(spec, settings),
    )
    def asset(
        context: dg.AssetExecutionContext, profile: dg.ResourceParam[Profile]
    ) -> Iterator[Any]:
        try:
            with at_work(context, profile.settings.execution, spec.name, spec.pool):
                stage_context = StageContext(profile.settings, profile.store, context.log)
                with stage_context.fetching():
                    stage = spec.stage(stage_context)
                    profile.store.sweep(spec.name)
                    record, computed = materialize_if_stale(
                        profile.store,
                        spec.name,
                        provenance_of(spec, stage_context, stage),
                        stage.make,
                        force=bool(spec.snapshot_of) and _renews(context),
                    )
                if spec.after is not None:
                    spec.after(context, stage_context)
                context.log.info(f"{spec.name}: {duration(record, computed)}")
                results = list(whole_results(spec.name, spec.all_checks, record))
                code_version = spec.dagster_code_version(profile.settings)
                is_new = computed or spec.is_followed
                if not is_new and is_known(context, spec.name, code_version, record.data_version):
                    yield from results
                    yield output_without_materialization()
                    return
                yield dg.MaterializeResult(
                    metadata=metadata_of(record, profile.lake, computed=computed),
                    data_version=dg.DataVersion(record.data_version),
                    check_results=results,
                )
        except dg.Failure:
            yield output_without_materialization()  # what is downstream runs, or says what it lacks
            raise

    return asset


def _renews(context: dg.AssetExecutionContext) -> bool:
    """Whether the run is meant to renew frozen assets, or has this one asset alone."""
    return context.run.tags.get(RENEW) == "true" or len(context.run.asset_selection or ()) == 1


def _painting_asset(spec: PaintingAssetSpec, settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        deps=[*spec.deps, *spec.edges, *(folder.asset for folder in spec.observed)],
        partitions_def=PAINTINGS,
        dagster_type=cast(dg.DagsterType, dg.Nothing),
        **_common_arguments(spec, settings),
    )
    def asset(
        context: dg.AssetExecutionContext, profile: dg.ResourceParam[Profile]
    ) -> Iterator[Any]:
        try:
            with at_work(context, profile.settings.execution, spec.name, spec.pool):
                batch = PaintingBatch(context, profile, spec)
                yield from batch.run()
                yield from batch.check_results()
        except dg.Failure:
            yield output_without_materialization()  # as in `_data_asset`
            raise
        yield output_without_materialization()
        if batch.failed:
            rows = [
                {"painting": key, "title": batch.caption_of(key), "reason": text}
                for key, text in batch.failed.items()
            ]
            reasons = set(batch.failed.values())
            why = f" ({reasons.pop().rstrip('.')})" if len(reasons) == 1 else ""
            rest = "; the others are done" if len(rows) < len(batch.keys) else ""
            raise dg.Failure(
                f"{len(rows)} of {len(batch.keys)} paintings failed in {spec.name}{why}{rest}.",
                metadata={"failed": dg.MetadataValue.md(markdown_table(rows))},
                allow_retries=False,
            )

    return asset
