"""The paintings of one step: make or reuse each, tell Dagster of each, let none stop the others.

Belongs here: the loop over a batch and what becomes of each painting. Does not belong here: how an
output stands (`standing`), how a stage becomes an asset (`factory`), how events are written
(`events`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from deepart_assets.orchestration.batching import run_batch
from deepart_assets.orchestration.context import BatchedPrediction, PaintingStageSpec, StageContext
from deepart_assets.orchestration.events import (
    Version,
    latest_versions,
    log_together,
    painting_materialization,
)
from deepart_assets.orchestration.metadata import metadata_of, took
from deepart_assets.orchestration.observable_assets import ABSENT, ORIGINALS, changed_observations
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.staleness import (
    Delisted,
    FailedUnchanged,
    Fresh,
    MissingUpstream,
    OutputStatus,
    Stale,
    StalenessChecker,
)
from deepart_assets.orchestration.tags import policy_of
from deepart_assets.storage import MaterializationRecord, compute_and_record

if TYPE_CHECKING:
    from deepart_assets.orchestration.asset_factory import PaintingAsset

Event = dg.AssetMaterialization | dg.AssetObservation


ALWAYS_TOLD = 100
"""Paintings of a step that have a line in the log each. Of more, at most one a second has, and each
that failed: a line is an event in Dagster's history."""


class Batch:
    """The paintings of one step: which are done, which failed and why.

    Args:
        context: The step's.
        profile: Settings and lake.
        asset: The asset whose step it is.
        made_by: The code version that Dagster is told.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        profile: Profile,
        asset: PaintingAsset,
        made_by: str,
    ) -> None:
        self.context = context
        self.store = profile.store
        self.stage_context = StageContext(profile.settings, profile.store, context.log)
        self.asset = asset
        self.made_by = made_by
        self.keys = list(context.partition_keys)
        self.done: dict[str, MaterializationRecord] = {}
        self.failed: dict[str, str] = {}
        self._start = time.perf_counter()
        self._told = 0
        self._last_told = self._start

    def run(self) -> Iterator[Event]:
        """Make or reuse each painting's output and yield its events."""
        instance, asset = self.context.instance, self.asset
        self.store.sweep(asset.name)
        demand = policy_of(self.context.run.tags)
        checker = StalenessChecker(asset, self.stage_context, self.keys, demand)
        seen = self._seen(checker)
        for name, versions in seen.items():
            log_together(self.context, changed_observations(instance, name, versions))
        # Read before the data: a later materialization of an upstream must count as newer.
        self._versions: Mapping[str, Mapping[str, Version]] = {
            **{dep: latest_versions(instance, dep, None) for dep in asset.deps},
            **{dep: latest_versions(instance, dep, self.keys) for dep in asset.painting_deps},
            **{name: latest_versions(instance, name, self.keys, observed=True) for name in seen},
        }
        stage = checker.stage
        size = stage.make.size if isinstance(stage.make, BatchedPrediction) else 1
        due: list[Stale] = []
        for key in self.keys:
            try:
                standing = checker.stand(key, self.store.get)
            except Exception as error:
                yield from self._tell(key, *self._failure(key, error))
                continue
            if isinstance(standing, Stale):
                due.append(standing)
            else:
                yield from self._tell(key, *self._nothing_due(key, standing))
            if len(due) == size:
                yield from self._work(stage, due)
                due = []
        yield from self._work(stage, due)

    def _seen(self, checker: StalenessChecker) -> dict[str, dict[str, str]]:
        """Return the version of each painting's original and files, by observed asset."""
        listed = self.stage_context.paintings
        return {
            ORIGINALS: {key: listed[key].version for key in self.keys if key in listed},
            **{
                name: {key: hashes.get(key, ABSENT) for key in self.keys}
                for name, hashes in checker.files.items()
            },
        }

    def _nothing_due(self, key: str, standing: OutputStatus) -> tuple[str, Event | None]:
        """Say what to tell of a painting of which nothing has to be made."""
        match standing:
            case Fresh(record):
                return self._outcome(record, computed=False)
            case MissingUpstream(upstream, record):
                return self._left_out(key, upstream, record)
            case FailedUnchanged(record):
                reason = str(record.reason)
                told = f"left out: it failed, and nothing has changed: {reason}"
                return told, self._observation(key, failed=reason)
            case Delisted():
                self.failed[key] = "not among styled_paintings any more: withdraw its partition"
                return self.failed[key], None
        raise AssertionError(standing)

    def _work(self, stage: PaintingStageSpec, due: Sequence[Stale]) -> Iterator[Event]:
        """Make what is due, together if the stage can, and tell of each painting."""
        start = time.perf_counter()
        if isinstance(stage.make, BatchedPrediction):
            makes = run_batch(stage.make, [each.painting for each in due])
        else:
            makes = [partial(stage.make, each.painting) for each in due]
        spent = (time.perf_counter() - start) / max(1, len(due))
        for each, make in zip(due, makes, strict=True):
            key = each.painting.id
            try:
                record = compute_and_record(
                    self.store, self.asset.name, each.provenance, make, key=key, spent=spent
                )
            except Exception as error:  # one bad painting never stops the others
                yield from self._tell(key, *self._failure(key, error))
            else:
                told, event = self._outcome(record, computed=True)
                yield from self._tell(key, f"{told} ({each.because})", event)

    def _tell(self, key: str, told: str, event: Event | None) -> Iterator[Event]:
        if event is not None:
            yield event
        self._told += 1
        now = time.perf_counter()
        often = self._told > ALWAYS_TOLD and now < self._last_told + 1
        if often and key not in self.failed and self._told < len(self.keys):
            return
        self._last_told = now
        left = len(self.keys) - self._told
        seconds = (now - self._start) / self._told * left
        remaining = f"; about {seconds:.0f} s left" if seconds >= 1 else ""
        self.context.log.info(
            f"{self.asset.name} {self._told}/{len(self.keys)} {key}: {told}{remaining}"
        )

    def _outcome(self, record: MaterializationRecord, *, computed: bool) -> tuple[str, Event]:
        key = record.key
        if record.status == "skipped":
            return f"skipped, {record.reason}", self._observation(key, skipped=str(record.reason))
        self.done[key] = record
        event = painting_materialization(
            self.asset.name,
            key,
            code_version=self.made_by,
            data_version=record.data_version,
            inputs={
                dep: version
                for dep, known in self._versions.items()
                if (version := known.get("" if dep in self.asset.deps else key)) is not None
            },
            metadata=metadata_of(record, self.store.lake, computed=computed),
        )
        return took(record, computed), event

    def _failure(self, key: str, error: Exception) -> tuple[str, Event]:
        reason = self.failed[key] = f"{type(error).__name__}: {error}"
        self.context.log.error(f"{self.asset.name} {key} failed", exc_info=error)
        return f"failed, {reason}", self._observation(key, failed=reason)

    def _left_out(
        self, key: str, dep: str, record: MaterializationRecord | None
    ) -> tuple[str, Event | None]:
        """Pass on a skip; wait, without a fault of its own, for what failed or is missing."""
        if record is not None and record.status == "skipped":
            skip = replace(record, asset=self.asset.name, files=(), figures={}, seconds=0.0)
            self.store.put(skip)
            return f"skipped, {record.reason}", self._observation(key, skipped=str(record.reason))
        if record is None:
            return f"left out: {dep} has no result yet", None
        return f"left out: {dep} failed", self._observation(key, left_out=f"{dep} failed")

    def _observation(self, key: str, **said: str) -> dg.AssetObservation:
        """Say of a painting why there is nothing new: the UI shows it at its partition."""
        return dg.AssetObservation(self.asset.name, partition=key, metadata=said)
