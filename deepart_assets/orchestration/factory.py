"""The two kinds of asset of the pipeline: of the whole data set, and of one painting.

Belongs here: turning a function that describes a stage into a Dagster asset that reuses what is
current, records what happened and tells how far it is. Does not belong here: what a stage does.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import dagster as dg

from deepart_assets.errors import DeepArtError
from deepart_assets.orchestration.events import (
    Version,
    batch_finished,
    latest_versions,
    painting_materialization,
)
from deepart_assets.orchestration.metadata import MetadataDict, markdown_table, metadata_of
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.studio import Painting, PaintingStage, Stage, Studio
from deepart_assets.storage import Recipe, Record, make_or_reuse

PAINTINGS = dg.DynamicPartitionsDefinition(name="paintings")
"""One key for each painting to restore; `styled_paintings` adds and withdraws them."""

CATALOGUE = "styled_paintings"
"""The asset that lists the paintings. Of it, a painting's stage depends on its own row alone."""


@dataclass(frozen=True)
class Check:
    """A statement about every record of an asset, shown in the UI as an asset check."""

    name: str
    description: str
    fault: Callable[[Record], str | None]
    """Returns what is wrong with a record, or None."""
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR


def data_asset(
    *,
    group: str,
    deps: Sequence[str] = (),
    painting_deps: Sequence[str] = (),
    kinds: set[str],
    code_version: str = "1",
    checks: Sequence[Check] = (),
    after: Callable[[dg.AssetExecutionContext, Studio], None] | None = None,
) -> Callable[[Callable[[Studio], Stage]], dg.AssetsDefinition]:
    """Make an unpartitioned asset of a function that describes its stage.

    It depends on whole data sets (`deps`) and on every painting of others (`painting_deps`).
    `after` runs once the result is recorded, whether it was computed or reused.
    """

    def decorate(describe: Callable[[Studio], Stage]) -> dg.AssetsDefinition:
        name = describe.__name__

        @dg.asset(
            name=name,
            description=describe.__doc__,
            group_name=group,
            deps=[*deps, *painting_deps],
            kinds=kinds,
            code_version=code_version,
            check_specs=_specs(name, checks),
        )
        def asset(context: dg.AssetExecutionContext, profile: Profile) -> dg.MaterializeResult:  # type: ignore[type-arg]
            try:
                studio = Studio(profile.settings, profile.ledger, context.log)
                stage = describe(studio)
                recipe = Recipe(
                    code_version=code_version,
                    settings=stage.settings,
                    inputs={**_upstream_versions(studio, deps, painting_deps), **stage.inputs},
                    weights=stage.weights,
                )
                record, computed = make_or_reuse(profile.ledger, name, recipe, stage.make)
                if after is not None:
                    after(context, studio)
            except DeepArtError as error:
                raise dg.Failure(str(error), allow_retries=False) from error
            context.log.info(f"{name}: {_took(record, computed)}")
            return dg.MaterializeResult(
                metadata=metadata_of(record, profile.lake, computed=computed),
                data_version=dg.DataVersion(record.data_version),
                check_results=list(_results(name, checks, {"": record})),
            )

        return asset

    return decorate


def painting_asset(
    *,
    painting_deps: Sequence[str] = (),
    deps: Sequence[str] = (CATALOGUE,),
    kinds: set[str],
    name: str | None = None,
    group: str = "restoration",
    code_version: str = "1",
    checks: Sequence[Check] = (),
    pool: str | None = None,
) -> Callable[[Callable[[Studio], PaintingStage]], dg.AssetsDefinition]:
    """Make an asset with a partition for each painting of a function that describes its stage.

    A painting's output depends on the same painting in `painting_deps` and on the whole of `deps`.
    A run handles any number of paintings in one step, so that models are loaded once. A painting
    that fails is recorded with its reason, the others go on, and the step fails at the end; what
    is downstream still runs for the others.
    """

    def decorate(describe: Callable[[Studio], PaintingStage]) -> dg.AssetsDefinition:
        asset_name = name or describe.__name__

        @dg.asset(
            name=asset_name,
            description=describe.__doc__,
            group_name=group,
            deps=[*deps, *painting_deps],
            kinds=kinds,
            code_version=code_version,
            partitions_def=PAINTINGS,
            backfill_policy=dg.BackfillPolicy.single_run(),
            check_specs=_specs(asset_name, checks),
            pool=pool,
            dagster_type=cast(dg.DagsterType, dg.Nothing),
        )
        def asset(context: dg.AssetExecutionContext, profile: Profile) -> Iterator[Any]:
            try:
                batch = _Batch(
                    context,
                    profile,
                    asset_name,
                    code_version=code_version,
                    deps=deps,
                    painting_deps=painting_deps,
                )
                yield from batch.run(describe)
            except DeepArtError as error:
                raise dg.Failure(str(error), allow_retries=False) from error
            yield from _results(asset_name, checks, batch.done)
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


class _Batch:
    """The paintings of one step: which are done, which failed and why."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        profile: Profile,
        asset: str,
        *,
        code_version: str,
        deps: Sequence[str],
        painting_deps: Sequence[str],
    ) -> None:
        self.context = context
        self.ledger = profile.ledger
        self.studio = Studio(profile.settings, profile.ledger, context.log)
        self.asset = asset
        self.code_version = code_version
        self.keys = list(context.partition_keys)
        self.deps = deps
        self.painting_deps = painting_deps
        self.done: dict[str, Record] = {}
        self.failed: dict[str, str] = {}

    def run(
        self, describe: Callable[[Studio], PaintingStage]
    ) -> Iterator[dg.AssetMaterialization | dg.AssetObservation]:
        """Make or reuse each painting's output and yield its events."""
        instance = self.context.instance
        # Read before the data: a later materialization of an upstream must count as newer.
        versions = {
            **{dep: latest_versions(instance, dep, None) for dep in self.deps},
            **{dep: latest_versions(instance, dep, self.keys) for dep in self.painting_deps},
        }
        stage = describe(self.studio)
        shared = {
            dep: self.studio.upstream(dep).data_version for dep in self.deps if dep != CATALOGUE
        }
        start = time.perf_counter()
        for number, key in enumerate(self.keys, start=1):
            told, event = self._one(stage, key, shared, versions)
            if event is not None:
                yield event
            left = (time.perf_counter() - start) / number * (len(self.keys) - number)
            remaining = f"; about {left:.0f} s left" if left >= 1 else ""
            self.context.log.info(
                f"{self.asset} {number}/{len(self.keys)} {key}: {told}{remaining}"
            )

    def _one(
        self,
        stage: PaintingStage,
        key: str,
        shared: Mapping[str, str],
        versions: Mapping[str, Mapping[str, Version]],
    ) -> tuple[str, dg.AssetMaterialization | dg.AssetObservation | None]:
        painting = self.studio.paintings.get(key)
        if painting is None:
            self.failed[key] = "not among styled_paintings any more: withdraw its partition"
            return self.failed[key], None
        found = {dep: self.ledger.get(dep, key) for dep in self.painting_deps}
        inputs = {
            dep: record for dep, record in found.items() if record and record.status == "done"
        }
        for dep, record in found.items():
            if dep not in inputs:
                return self._left_out(key, dep, record)
        painting = replace(painting, inputs=inputs)
        try:
            record, computed = make_or_reuse(
                self.ledger,
                self.asset,
                self._recipe(stage, painting, shared),
                lambda: stage.make(painting),
                key=key,
            )
        except Exception as error:  # one bad painting never stops the others
            self.failed[key] = f"{type(error).__name__}: {error}"
            self.context.log.error(f"{self.asset} {key} failed", exc_info=True)
            return f"failed, {self.failed[key]}", None
        if record.status == "skipped":
            return f"skipped, {record.reason}", self._observation(key, str(record.reason))
        self.done[key] = record
        event = painting_materialization(
            self.asset,
            key,
            code_version=self.code_version,
            data_version=record.data_version,
            inputs={
                dep: version
                for dep, known in versions.items()
                if (version := known.get(key if dep in self.painting_deps else "")) is not None
            },
            metadata=metadata_of(record, self.ledger.lake, computed=computed),
        )
        return _took(record, computed), event

    def _recipe(
        self, stage: PaintingStage, painting: Painting, shared: Mapping[str, str]
    ) -> Recipe:
        inputs = {dep: record.data_version for dep, record in painting.inputs.items()}
        if CATALOGUE in self.deps:
            inputs["original"] = painting.sha256
        return Recipe(
            code_version=self.code_version,
            settings={**stage.settings, **stage.details(painting)},
            inputs={**inputs, **shared},
            weights=stage.weights,
        )

    def _left_out(
        self, key: str, dep: str, record: Record | None
    ) -> tuple[str, dg.AssetObservation | None]:
        """Pass on a skip; wait, without a fault of its own, for what failed or is missing."""
        if record is not None and record.status == "skipped":
            skip = replace(record, asset=self.asset, files=(), figures={}, seconds=0.0)
            self.ledger.put(skip)
            return f"skipped, {record.reason}", self._observation(key, str(record.reason))
        state = "failed" if record is not None else "has no result yet"
        return f"left out: {dep} {state}", None

    def _observation(self, key: str, reason: str) -> dg.AssetObservation:
        return dg.AssetObservation(self.asset, partition=key, metadata={"skipped": reason})


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


def _took(record: Record, computed: bool) -> str:
    return f"{record.seconds:.1f} s" if computed else f"up to date, made {record.made_at}"


def _specs(asset: str, checks: Sequence[Check]) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(check.name, asset=asset, description=check.description)
        for check in checks
    ]


def _results(
    asset: str, checks: Sequence[Check], records: Mapping[str, Record]
) -> Iterator[dg.AssetCheckResult]:
    for check in checks:
        faults = [
            {"painting": key or asset, "fault": fault}
            for key, record in records.items()
            if (fault := check.fault(record)) is not None
        ]
        metadata: MetadataDict = {"checked": dg.MetadataValue.int(len(records))}
        if faults:
            metadata["faults"] = dg.MetadataValue.md(markdown_table(faults))
        yield dg.AssetCheckResult(
            asset_key=asset,
            check_name=check.name,
            passed=not faults,
            severity=check.severity,
            metadata=metadata,
        )
