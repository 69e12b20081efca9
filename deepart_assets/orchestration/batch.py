"""The paintings of one step: make or reuse each, tell Dagster of each, let none stop the others.

Belongs here: the loop over a batch and what becomes of each painting. Does not belong here: how a
stage becomes an asset (`factory`), how events are written (`events`).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import dagster as dg

from deepart_assets.orchestration.events import Version, latest_versions, painting_materialization
from deepart_assets.orchestration.metadata import metadata_of
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.studio import Painting, PaintingStage, Studio
from deepart_assets.storage import Recipe, Record, make_or_reuse

CATALOGUE = "styled_paintings"
"""The asset that lists the paintings. Of it, a painting's stage depends on its own row alone."""


class Batch:
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
        return took(record, computed), event

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


def took(record: Record, computed: bool) -> str:
    """Say in words how long an output took, or since when it is there."""
    return f"{record.seconds:.1f} s" if computed else f"up to date, made {record.made_at}"
