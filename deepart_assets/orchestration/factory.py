"""The two kinds of asset of the pipeline: of the whole data set, and of one painting.

Belongs here: turning a function that describes a stage into a Dagster asset that reuses what is
current, records what happened and tells how far it is. Does not belong here: what a stage does.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import dagster as dg

from deepart_assets.orchestration.batch import Batch, took
from deepart_assets.orchestration.checks import Check, check_results, check_specs
from deepart_assets.orchestration.events import batch_finished
from deepart_assets.orchestration.metadata import markdown_table, metadata_of
from deepart_assets.orchestration.needs import at_work
from deepart_assets.orchestration.observed import ORIGINALS, Observed
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.studio import PaintingStage, Stage, Studio
from deepart_assets.storage import Recipe, make_or_reuse

PAINTINGS = dg.DynamicPartitionsDefinition(name="paintings")
"""One key for each painting to restore; `styled_paintings` adds and withdraws them."""


def data_asset(
    *,
    group: str,
    name: str | None = None,
    deps: Sequence[str] = (),
    painting_deps: Sequence[str] = (),
    kinds: set[str],
    code_version: str = "1",
    checks: Sequence[Check] = (),
    after: Callable[[dg.AssetExecutionContext, Studio], None] | None = None,
    pool: str | None = None,
) -> Callable[[Callable[[Studio], Stage]], dg.AssetsDefinition]:
    """Make an unpartitioned asset of a function that describes its stage.

    It depends on whole data sets (`deps`) and on every painting of others (`painting_deps`).
    `after` runs once the result is recorded, whether it was computed or reused.
    """

    def decorate(describe: Callable[[Studio], Stage]) -> dg.AssetsDefinition:
        asset_name = name or describe.__name__

        @dg.asset(
            name=asset_name,
            description=inspect.getdoc(describe),
            group_name=group,
            deps=[*deps, *painting_deps],
            kinds=kinds,
            code_version=code_version,
            check_specs=check_specs(asset_name, checks),
            pool=pool,
        )
        def asset(context: dg.AssetExecutionContext, profile: Profile) -> dg.MaterializeResult:  # type: ignore[type-arg]
            with at_work(context, profile.settings.execution, asset_name, pool):
                studio = Studio(profile.settings, profile.ledger, context.log)
                stage = describe(studio)
                recipe = Recipe(
                    code_version=code_version,
                    settings=stage.settings,
                    inputs={**_upstream_versions(studio, deps, painting_deps), **stage.inputs},
                    weights=stage.weights,
                )
                record, computed = make_or_reuse(profile.ledger, asset_name, recipe, stage.make)
                if after is not None:
                    after(context, studio)
            context.log.info(f"{asset_name}: {took(record, computed)}")
            return dg.MaterializeResult(
                metadata=metadata_of(record, profile.lake, computed=computed),
                data_version=dg.DataVersion(record.data_version),
                check_results=list(check_results(asset_name, checks, {"": record})),
            )

        return asset

    return decorate


def painting_asset(
    *,
    painting_deps: Sequence[str] = (),
    deps: Sequence[str] = (),
    observed: Sequence[Observed] = (),
    reads_original: bool = True,
    kinds: set[str],
    name: str | None = None,
    group: str = "restoration",
    code_version: str = "1",
    checks: Sequence[Check] = (),
    pool: str | None = None,
) -> Callable[[Callable[[Studio], PaintingStage]], dg.AssetsDefinition]:
    """Make an asset with a partition for each painting of a function that describes its stage.

    A painting's output depends on its original, unless `reads_original` is off and only its labels
    count, on the same painting in `painting_deps`, on the whole of `deps`, and on its own file of
    each of `observed`. A run handles any number of paintings in one step, so
    that models are loaded once. A painting that fails is recorded with its reason, the others go
    on, and the step fails at the end; what is downstream still runs for the others.
    """

    def decorate(describe: Callable[[Studio], PaintingStage]) -> dg.AssetsDefinition:
        asset_name = name or describe.__name__

        @dg.asset(
            name=asset_name,
            description=inspect.getdoc(describe),
            group_name=group,
            deps=[ORIGINALS, *deps, *painting_deps, *(each.asset for each in observed)],
            kinds=kinds,
            code_version=code_version,
            partitions_def=PAINTINGS,
            backfill_policy=dg.BackfillPolicy.single_run(),
            check_specs=check_specs(asset_name, checks),
            pool=pool,
            dagster_type=cast(dg.DagsterType, dg.Nothing),
        )
        def asset(context: dg.AssetExecutionContext, profile: Profile) -> Iterator[Any]:
            with at_work(context, profile.settings.execution, asset_name, pool):
                batch = Batch(
                    context,
                    profile,
                    asset_name,
                    code_version=code_version,
                    deps=deps,
                    painting_deps=painting_deps,
                    observed=observed,
                    reads_original=reads_original,
                )
                yield from batch.run(describe)
            yield from check_results(asset_name, checks, batch.done)
            yield batch_finished()
            if batch.failed:
                raise dg.Failure(
                    f"{len(batch.failed)} of {len(batch.keys)} paintings failed in {asset_name};"
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

    return decorate


def _upstream_versions(
    studio: Studio, deps: Sequence[str], painting_deps: Sequence[str]
) -> dict[str, str]:
    versions = {dep: studio.upstream(dep).data_version for dep in deps}
    for dep in painting_deps:
        for key in studio.paintings:
            record = studio.ledger.get(dep, key)
            state = record.data_version if record and record.status == "done" else None
            reason = (record.reason if record else None) or "no result yet"
            versions[f"{dep}/{key}"] = state or reason
    return versions
