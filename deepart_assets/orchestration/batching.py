"""The paintings of one step: each is computed or reused and reported; none stops the others."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import dagster as dg

from deepart_assets import asset_names
from deepart_assets.compute.memory import predict_in_halves
from deepart_assets.dagster_internals.data_versions import log_observation_batch
from deepart_assets.orchestration.asset_spec import PaintingAssetSpec
from deepart_assets.orchestration.checks import painting_results
from deepart_assets.orchestration.context import (
    BatchedPrediction,
    Painting,
    PaintingStageSpec,
    StageContext,
)
from deepart_assets.orchestration.events import (
    Version,
    latest_versions,
    painting_materialization,
)
from deepart_assets.orchestration.metadata import duration, metadata_of
from deepart_assets.orchestration.observable_assets import ABSENT, changed_observations
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
from deepart_assets.orchestration.tags import policy_of, wanted_keys
from deepart_assets.storage import MaterializationRecord, StageResult, compute_and_record
from deepart_assets.work import in_parallel

Event = dg.AssetMaterialization | dg.AssetObservation

ALWAYS_REPORTED = 100
"""Each of the first paintings of a step gets a line in the log; after those, at most one a second
does, and each that failed: a line is an event in Dagster's event log."""

READERS = 4
"""Pictures decoded at once. Each may take a gigabyte."""


class PaintingBatch:
    """The paintings of one step.

    Args:
        context: The step's.
        profile: Settings and lake.
        spec: The asset whose step it is.
    """

    def __init__(
        self, context: dg.AssetExecutionContext, profile: Profile, spec: PaintingAssetSpec
    ) -> None:
        self.keys = wanted_keys(context.run.tags, context.partition_keys)
        self.failed: dict[str, str] = {}
        """Why each painting failed that did."""
        self._dagster, self._spec = context, spec
        self._store = profile.store
        self._context = StageContext(profile.settings, profile.store, context.log)
        self._code_version = spec.dagster_code_version(profile.settings)
        self._start = self._last_reported = time.perf_counter()
        self._reported = 0

    def run(self) -> Iterator[Event]:
        """Compute or reuse each painting's output and yield its events."""
        instance, spec = self._dagster.instance, self._spec
        self._store.sweep(spec.name)
        policy = policy_of(self._dagster.run.tags)
        checker = StalenessChecker(spec, self._context, self.keys, policy)
        observed = self._observed(checker)
        for name, versions in observed.items():
            log_observation_batch(self._dagster, changed_observations(instance, name, versions))
        # Read before the data: a later materialization of an upstream must count as newer.
        self._versions: Mapping[str, Mapping[str, Version]] = {
            **{dep: latest_versions(instance, dep, None) for dep in spec.deps},
            **{dep: latest_versions(instance, dep, self.keys) for dep in spec.painting_deps},
            **{n: latest_versions(instance, n, self.keys, observed=True) for n in observed},
        }
        make = checker.stage.make
        size = make.size if isinstance(make, BatchedPrediction) else 1
        stale: list[Stale] = []
        for key in filter(checker.is_wanted, self.keys):
            try:
                status = checker.status(key, self._store.get)
            except Exception as error:
                yield from self._report(key, *self._failure(key, error))
                continue
            if isinstance(status, Stale):
                stale.append(status)
            else:
                yield from self._report(key, *self._not_computed(key, status))
            if len(stale) == size:
                yield from self._compute(checker.stage, stale)
                stale = []
        yield from self._compute(checker.stage, stale)

    def check_results(self) -> Iterator[dg.AssetCheckResult]:
        """Judge all paintings of the list, also those that the step does not cover."""
        spec, listed = self._spec, self._context.paintings
        return painting_results(spec.name, spec.all_checks, self._store, listed)

    def _observed(self, checker: StalenessChecker) -> dict[str, dict[str, str]]:
        """Return the version of each painting's original and files, by observed asset."""
        listed = self._context.paintings
        return {
            asset_names.PAINTINGS: {k: listed[k].version for k in self.keys if k in listed},
            **{
                name: {key: hashes.get(key, ABSENT) for key in self.keys}
                for name, hashes in checker.files.items()
            },
        }

    def _not_computed(self, key: str, status: OutputStatus) -> tuple[str, Event | None]:
        """Return the log line and the event of a painting whose output is not computed."""
        match status:
            case Fresh(record):
                return self._outcome(record, computed=False)
            case MissingUpstream(upstream, record):
                return self._without_upstream(key, upstream, record)
            case FailedUnchanged(record):
                reason = str(record.reason)
                line = f"left out: it failed before and nothing has changed since: {reason}"
                return line, self._observation(key, failed=reason)
            case Delisted():
                self.failed[key] = (
                    f"no longer in {asset_names.STYLED_PAINTINGS}: delete its partition"
                )
                return self.failed[key], None
        raise AssertionError(status)

    def _compute(self, stage: PaintingStageSpec, stale: Sequence[Stale]) -> Iterator[Event]:
        """Compute stale outputs, at once if the stage can, and report each painting."""
        start = time.perf_counter()
        if isinstance(stage.make, BatchedPrediction):
            makes = run_batch(stage.make, [each.painting for each in stale])
        else:
            makes = [partial(stage.make, each.painting) for each in stale]
        spent = (time.perf_counter() - start) / max(1, len(stale))
        for each, make in zip(stale, makes, strict=True):
            key = each.painting.id
            try:
                record = compute_and_record(
                    self._store, self._spec.name, each.provenance, make, key=key, spent=spent
                )
            except Exception as error:  # one bad painting never stops the others
                yield from self._report(key, *self._failure(key, error))
            else:
                line, event = self._outcome(record, computed=True)
                yield from self._report(key, f"{line} ({each.reason})", event)

    def _report(self, key: str, line: str, event: Event | None) -> Iterator[Event]:
        if event is not None:
            yield event
        self._reported += 1
        now = time.perf_counter()
        too_soon = self._reported > ALWAYS_REPORTED and now < self._last_reported + 1
        if too_soon and key not in self.failed and self._reported < len(self.keys):
            return
        self._last_reported = now
        seconds = (now - self._start) / self._reported * (len(self.keys) - self._reported)
        remaining = f"; about {seconds:.0f} s left" if seconds >= 1 else ""
        self._dagster.log.info(
            f"{self._spec.name} {self._reported}/{len(self.keys)} {key}: {line}{remaining}"
        )

    def _outcome(self, record: MaterializationRecord, *, computed: bool) -> tuple[str, Event]:
        key = record.key
        if record.status == "skipped":
            return f"skipped, {record.reason}", self._observation(key, skipped=str(record.reason))
        event = painting_materialization(
            self._spec.name,
            key,
            code_version=self._code_version,
            data_version=record.data_version,
            inputs={
                dep: version
                for dep, known in self._versions.items()
                if (version := known.get("" if dep in self._spec.deps else key)) is not None
            },
            metadata=metadata_of(record, self._store.lake, computed=computed),
        )
        return duration(record, computed), event

    def _failure(self, key: str, error: Exception) -> tuple[str, Event]:
        reason = self.failed[key] = f"{type(error).__name__}: {error}"
        self._dagster.log.error(f"{self._spec.name} {key} failed", exc_info=error)
        return f"failed, {reason}", self._observation(key, failed=reason)

    def _without_upstream(
        self, key: str, dep: str, record: MaterializationRecord | None
    ) -> tuple[str, Event | None]:
        """Pass a skip on; leave out, without a fault of its own, what lacks an upstream result."""
        if record is not None and record.status == "skipped":
            skip = replace(record, asset=self._spec.name, files=(), figures={}, seconds=0.0)
            self._store.put(skip)
            return f"skipped, {record.reason}", self._observation(key, skipped=str(record.reason))
        if record is None:
            return f"left out: {dep} has no result yet", None
        return f"left out: {dep} failed", self._observation(key, left_out=f"{dep} failed")

    def _observation(self, key: str, **metadata: str) -> dg.AssetObservation:
        """Say at a painting's partition in the UI why there is nothing new."""
        return dg.AssetObservation(self._spec.name, partition=key, metadata=metadata)


def run_batch(
    prediction: BatchedPrediction[Any, Any], paintings: Sequence[Painting]
) -> list[Callable[[], StageResult]]:
    """Read the paintings and predict them at once.

    Returns:
        For each painting what finishes its work, or raises its own error.
    """

    def read(painting: Painting) -> Any:
        try:
            return prediction.read(painting)
        except Exception as error:
            return _Failure(error)

    items = list(in_parallel(read, paintings, READERS))
    good = [item for item in items if not isinstance(item, _Failure)]
    results = predict_in_halves(prediction.predict, good, on_failure=_Failure)
    found = [item if isinstance(item, _Failure) else next(results) for item in items]
    return [
        partial(_finish, prediction, painting, item, result)
        for painting, item, result in zip(paintings, items, found, strict=True)
    ]


def _finish(
    prediction: BatchedPrediction[Any, Any], painting: Painting, item: Any, result: Any
) -> StageResult:
    for each in (item, result):
        if isinstance(each, _Failure):
            raise each.error
    return prediction.finish(painting, item, result)


class _Failure:
    """An exception in place of an item or a result."""

    def __init__(self, error: Exception) -> None:
        self.error = error
