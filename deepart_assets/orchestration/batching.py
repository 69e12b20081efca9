"""The paintings of one step: each is computed or reused and reported; none stops the others."""

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import dagster as dg

from deepart_assets import asset_names
from deepart_assets.errors import described
from deepart_assets.orchestration.asset_spec import PaintingAssetSpec
from deepart_assets.orchestration.checks import painting_results
from deepart_assets.orchestration.context import BatchedPrediction, Painting, StageContext
from deepart_assets.orchestration.metadata import duration
from deepart_assets.orchestration.observable_assets import report_observed, versions_of
from deepart_assets.orchestration.predicting import Failed, Predicted, run_batches
from deepart_assets.orchestration.reporting import Event, Reporter
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
from deepart_assets.orchestration.step_resources import threads_of
from deepart_assets.orchestration.tags import policy_of, wanted_keys
from deepart_assets.storage import (
    MaterializationRecord,
    MaterializationStore,
    compute_and_record,
)
from deepart_assets.storage.records import RecordSummary
from deepart_assets.work import in_parallel

ALWAYS_REPORTED = 100
"""Each of the first paintings of a step gets a line in the log; after those, at most one a second
does, and each that failed: a line is an event in Dagster's event log."""


@dataclass(frozen=True)
class Computed:
    """The record of an output that was stale, whether it was computed now, and why."""

    record: MaterializationRecord
    is_new: bool
    reason: str


Outcome = OutputStatus | Computed | Failed | None
"""None: nobody has asked for the output (`StalenessChecker.is_wanted`)."""


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
        self._fresh = 0
        """Paintings that need no line in the log: nothing about them is new."""
        self._start = self._last_reported = time.perf_counter()
        self._reported = 0

    def run(self) -> Iterator[Event]:
        """Compute or reuse each painting's output and yield its events."""
        spec = self._spec
        self._store.sweep(spec.name)
        policy = policy_of(self._dagster.run.tags)
        checker = StalenessChecker(spec, self._context, self.keys, policy)
        observed = self._observed(checker)
        for name, versions in observed.items():
            report_observed(self._dagster, name, versions)
        self._reporter = Reporter(self._dagster, spec, self._context, self.keys, observed.keys())
        threads = threads_of(self._context.settings.execution, spec.name, spec.pool)
        with closing(
            compute_stale(spec.name, checker, self._store, self.keys, threads)
        ) as outcomes:
            for key, outcome in outcomes:
                yield from self._report(key, outcome)
        yield from self._reporter.end()
        if self._fresh:
            self._dagster.log.info(
                f"{spec.name}: {self._fresh} of {len(self.keys)} paintings are unchanged"
            )

    def caption_of(self, key: str) -> str:
        """Return artist, title and date of a painting, or "" if it is not on the list."""
        painting = self._context.paintings.get(key)
        return "" if painting is None else painting.caption

    def check_results(self) -> Iterator[dg.AssetCheckResult]:
        """Judge all paintings of the list, also those that the step does not cover."""
        spec, listed = self._spec, self._context.paintings
        return painting_results(spec.name, spec.all_checks, self._store, listed)

    def _observed(self, checker: StalenessChecker) -> dict[str, dict[str, str]]:
        """Return the version of each painting's original and files, by observed asset."""
        listed, observed = self._context.paintings, dict[str, dict[str, str]]()
        if (paintings := asset_names.PAINTINGS) in self._spec.edges:
            observed[paintings] = {key: listed[key].version for key in self.keys if key in listed}
        for name, files in checker.files.items():
            observed[name] = versions_of(files, self.keys)
        return observed

    def _said(
        self, key: str, outcome: OutputStatus | Computed | Failed
    ) -> tuple[str, Event | None]:
        """Return the log line of a painting, "" where nothing is new, and its event."""
        said: tuple[str, Event | None]
        match outcome:
            case Failed(error):
                reason = self.failed[key] = described(error)
                self._dagster.log.error(f"{self._spec.name} {key} failed", exc_info=error)
                said = f"failed, {reason}", self._reporter.failed(key, reason)
            case Computed(record, is_new, reason):
                line, event = self._outcome(record, computed=is_new)
                said = line and f"{line} ({reason})", event
            case Fresh(record):
                said = self._outcome(record, computed=False)
            case MissingUpstream(upstream, record):
                said = self._without_upstream(key, upstream, record)
            case FailedUnchanged(record):
                reason = str(record.reason)
                line = f"left out: it failed before and nothing has changed since: {reason}"
                said = line, self._reporter.left_out(key, reason, has_failed=True)
            case Delisted() if self._spec.painting_deps:  # the first asset says it
                said = "left out: not on the list of paintings", None
            case Delisted():
                reason = self.failed[key] = (
                    f"no painting {key!r} is on the list ({asset_names.STYLED_PAINTINGS}): put its"
                    " picture into the inbox, or choose it in the profile, and delete this"
                    " partition, as the list makes one by itself"
                )
                said = reason, self._reporter.failed(key, reason)
        return said

    def _report(self, key: str, outcome: Outcome) -> Iterator[Event]:
        """Yield the event of a painting, and write its line to the log."""
        if outcome is None:
            if (event := self._reporter.unwanted(key)) is not None:
                yield event
            return
        line, event = self._said(key, outcome)
        if event is not None:
            yield event
        self._reported += 1
        if not line:
            self._fresh += 1
            return
        now = time.perf_counter()
        too_soon = self._reported > ALWAYS_REPORTED and now < self._last_reported + 1
        if too_soon and key not in self.failed and self._reported < len(self.keys):
            return
        self._last_reported = now
        listed = self._context.paintings
        name = listed[key].heading if key in listed else key
        seconds = (now - self._start) / self._reported * (len(self.keys) - self._reported)
        remaining = f"; about {seconds:.0f} s left" if seconds >= 1 else ""
        self._dagster.log.info(
            f"{self._spec.name} {self._reported}/{len(self.keys)} {name}: {line}{remaining}"
        )

    def _outcome(
        self, record: MaterializationRecord, *, computed: bool
    ) -> tuple[str, Event | None]:
        """Return the log line, "" where nothing is new, and the event of an output."""
        if record.status == "skipped":
            return self._skipped(record.key, str(record.reason), computed=computed)
        event = self._reporter.made(record, computed=computed)
        return "" if event is None else duration(record, computed), event

    def _skipped(
        self, key: str, reason: str, *, computed: bool = False
    ) -> tuple[str, Event | None]:
        event = self._reporter.skipped(key, reason, computed=computed)
        return "" if event is None else f"skipped, {reason}", event

    def _without_upstream(
        self, key: str, dep: str, record: MaterializationRecord | None
    ) -> tuple[str, Event | None]:
        """Pass a skip on; leave out, without a fault of its own, what lacks an upstream result."""
        if record is not None and record.status == "skipped":
            skip = replace(record, asset=self._spec.name, files=(), figures={}, seconds=0.0)
            if self._store.get(self._spec.name, key) != skip:
                self._store.put(skip)
            return self._skipped(key, str(record.reason))
        if record is None:
            return f"left out: {dep} has no result yet", None
        return f"left out: {dep} failed", self._reporter.left_out(key, f"{dep} failed")


def compute_stale(
    asset: str,
    checker: StalenessChecker,
    store: MaterializationStore,
    keys: Sequence[str],
    threads: int,
) -> Generator[tuple[str, Outcome]]:
    """Compute the stale outputs of an asset.

    The thread that asks for the next outcome checks statuses and predicts batches. Beside it,
    others read the paintings of the next batch, and finish those of the last; or compute the output
    of one painting each where the stage predicts none.

    Yields:
        Each key with what came of it. What is not computed is in the order of the keys, and what is
        likewise; of the two, what takes no time may come first.
    """
    make = checker.stage.make
    stale, others = dict[str, Stale](), deque[tuple[str, Outcome]]()

    def paintings() -> Iterator[Painting]:
        for key in keys:
            status = _status(checker, store, key)
            if isinstance(status, Stale):
                stale[key] = status
                yield status.painting
            else:
                if isinstance(status, Fresh):  # many may wait here: without their previews
                    status = Fresh(RecordSummary.of(status.record))
                others.append((key, status))

    def compute(given: Predicted) -> tuple[str, Outcome]:
        each = stale.pop(given.painting.id)
        return each.painting.id, _computed(asset, store, each, given)

    if isinstance(make, BatchedPrediction):
        ready = run_batches(make, paintings(), threads)
        # While the next batch is predicted, the last one may wait to be finished.
        ahead = threads + make.size - 1
    else:
        ready = (Predicted(each, partial(make, each), 0.0) for each in paintings())
        ahead = threads
    with closing(in_parallel(compute, ready, threads, ahead)) as outcomes:
        for outcome in outcomes:
            while others:
                yield others.popleft()
            yield outcome
    yield from others


def _status(
    checker: StalenessChecker, store: MaterializationStore, key: str
) -> OutputStatus | Failed | None:
    if not checker.is_wanted(key):
        return None
    try:
        return checker.status(key, store.get)
    except Exception as error:
        return Failed(error)


def _computed(
    asset: str, store: MaterializationStore, stale: Stale, given: Predicted
) -> Computed | Failed:
    try:
        record, is_new = compute_and_record(
            store,
            asset,
            stale.provenance,
            given.finish,
            key=stale.painting.id,
            known=stale.record,
            spent=given.seconds,
        )
    except Exception as error:  # one bad painting never stops the others
        return Failed(error)
    return Computed(record, is_new, stale.reason)
