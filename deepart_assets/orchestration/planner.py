"""What is stale, painting by painting, and the runs that restore it.

Sensors, jobs and the command line plan here alike. How a single output stands is decided in
`staleness`.
"""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import dagster as dg

from deepart_assets.asset_names import GALLERY, PAINTINGS, RESTORATION_PLAN
from deepart_assets.errors import (
    DeepArtError,
    NotFetchedError,
    UnavailableError,
    described,
)
from deepart_assets.orchestration.asset_spec import DataAssetSpec, PaintingAssetSpec
from deepart_assets.orchestration.context import StageContext
from deepart_assets.orchestration.events import (
    metadata_made_in,
    reported_version,
    reported_versions,
)
from deepart_assets.orchestration.partitions import painting_keys, partition_ranges
from deepart_assets.orchestration.staleness import (
    Fresh,
    MissingUpstream,
    OutputStatus,
    Records,
    RunPolicy,
    Stale,
    StalenessChecker,
    provenance_of,
)
from deepart_assets.orchestration.tags import Tags, only_tags, range_tags
from deepart_assets.settings.automation import Automation
from deepart_assets.storage import MaterializationRecord, RecordIndex, staleness_reason

RESTORE, RESTORE_PART, PUBLISH = "restore", "restore_part", "publish"
"""The jobs that restore paintings and make the gallery; restore alone; make the gallery alone."""

EVALUATE = "evaluate"
"""The job that makes the evaluations, after the paintings are in the gallery."""

RENEW_GROUND_LIBRARY = "renew_ground_library"
"""The job that renews the library of grounds, where the profile has one."""

PLANNING_JOBS = ("restore_stale", "restore_style", "restore_again", RENEW_GROUND_LIBRARY)
"""The jobs that make a plan, after which what is stale in it is restored."""

RUNS = "runs"
"""Metadata of a plan: the partitions of each run it asks for."""

ONLY = "only"
"""Metadata of a plan: the paintings that it was narrowed to; none if it was not."""

UNPUBLISHED = "unpublished"
"""Metadata of a plan: the evaluations, or the gallery, that are stale though no painting is."""

UNAVAILABLE = "unavailable"
"""Metadata of a plan: the assets that cannot be computed, and why."""

UNREPORTED = "missing in Dagster's event log"
"""Why an output is in a plan that exists already: a run will reuse and report it."""


@dataclass(frozen=True)
class StaleOutput:
    """An output that a run would compute."""

    painting: str
    asset: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What is stale, and the partitions of each run that would restore it."""

    stale: Sequence[StaleOutput]
    ranges: Sequence[Sequence[str]]
    unavailable: Mapping[str, str]
    """The assets that lack a model or a package, and why."""
    blocked: Mapping[str, str]
    """The assets of which something that they are made from failed, and what."""
    not_fetched: Mapping[str, str]
    """The assets whose models are not on this machine, where nothing is fetched, and which."""
    checked: int
    """Paintings that were checked."""
    seconds: float

    @property
    def unchecked(self) -> Mapping[str, str]:
        """The assets whose outputs may be stale, whatever the painting, and why."""
        return {**self.blocked, **self.unavailable, **self.not_fetched}

    @property
    def paintings(self) -> int:
        """The number of paintings with a stale output."""
        return len({each.painting for each in self.stale})

    def reasons(self) -> list[tuple[str, str, int]]:
        """Return asset, reason and number of paintings, the most frequent first."""
        counts = Counter((each.asset, each.reason) for each in self.stale)
        return [(asset, reason, count) for (asset, reason), count in counts.most_common()]


@dataclass(frozen=True)
class PlannedRun:
    """A run of a job over some partitions; none where the job has none."""

    job: str
    keys: Sequence[str] = ()
    tags: Tags = field(default_factory=dict)

    def request(self, run_key: str) -> dg.RunRequest:
        """Return the run as a sensor asks for it."""
        tags = {**self.tags, **range_tags(self.keys)}
        return dg.RunRequest(run_key=run_key, job_name=self.job, tags=tags)


def restore_runs(
    ranges: Sequence[Sequence[str]],
    tags: Tags,
    *,
    only: Collection[str] | None = None,
    publish: bool = False,
    evaluate: bool = False,
) -> list[PlannedRun]:
    """Return a run for each range of partitions.

    The gallery, which is of all paintings, is left to the last run.

    Args:
        ranges: The partitions of each run.
        tags: Of each run.
        only: The paintings of the ranges to restore; by default all.
        publish: Return a run of `publish` if there is nothing to restore.
        evaluate: Return a run of `evaluate` as the last.
    """
    jobs = [RESTORE_PART] * (len(ranges) - 1) + [RESTORE] * bool(ranges)
    runs = [
        PlannedRun(job, keys, {**tags, **only_tags(keys, only)})
        for job, keys in zip(jobs, ranges, strict=True)
    ]
    if publish and not ranges:
        runs.append(PlannedRun(PUBLISH, tags=tags))
    return [*runs, PlannedRun(EVALUATE, tags=tags)] if evaluate else runs


def ranges_of(
    instance: dg.DagsterInstance, keys: Sequence[str], settings: Automation
) -> list[list[str]]:
    """Group paintings into ranges of partitions, as the profile's `automation` says."""
    return partition_ranges(
        keys,
        painting_keys(instance),
        max_gap=settings.max_partition_gap,
        max_size=settings.max_partitions_per_run,
    )


def make_plan(
    instance: dg.DagsterInstance,
    specs: Sequence[PaintingAssetSpec],
    context: StageContext,
    keys: Sequence[str],
    policy: RunPolicy,
) -> Plan:
    """Check all outputs of some paintings.

    Args:
        instance: Dagster's, for the partitions and for what its event log knows.
        specs: The assets of a painting, each after those it depends on.
        context: Settings, lake, the list of paintings.
        keys: The paintings.
        policy: Which outputs count as stale.
    """
    start = time.perf_counter()
    reported = {
        PAINTINGS: {key: each.version for key, each in context.paintings.items()},
        **{spec.name: reported_versions(instance, spec.name, keys) for spec in specs},
    }
    checkers: list[tuple[PaintingAssetSpec, _Checker]] = []
    unavailable, blocked, not_fetched = dict[str, str](), dict[str, str](), dict[str, str]()
    for spec in specs:
        try:
            checkers.append((spec, StalenessChecker(spec, context, keys, policy)))
        except NotFetchedError as error:
            not_fetched[spec.name] = str(error)
            checkers.append((spec, error))
        except DeepArtError as error:
            new = next((dep for dep in spec.deps if context.store.get(dep) is None), None)
            if new is None:
                why = unavailable if isinstance(error, UnavailableError) else blocked
                why[spec.name] = str(error)
            else:  # the run makes it before
                checkers.append((spec, f"{new} is new"))
    index = cache(partial(RecordIndex, context.store))
    stale = [
        output
        for key in keys
        for output in _stale_outputs(key, checkers, lambda asset, k: index(asset).get(k), reported)
    ]
    ranges = ranges_of(instance, [each.painting for each in stale], context.settings.automation)
    seconds = time.perf_counter() - start
    return Plan(stale, ranges, unavailable, blocked, not_fetched, len(keys), seconds)


_Checker = StalenessChecker | NotFetchedError | str
"""Checks the outputs of an asset; or why it cannot: its model is not here, or what is new first."""


def _stale_outputs(
    key: str,
    checkers: Sequence[tuple[PaintingAssetSpec, _Checker]],
    read: Records,
    reported: Mapping[str, Mapping[str, str]],
) -> Iterator[StaleOutput]:
    records = cache(read)
    stale: set[str] = set()
    for spec, checker in checkers:
        if isinstance(checker, StalenessChecker) and not checker.is_wanted(key):
            continue
        upstream = next((dep for dep in spec.painting_deps if dep in stale), None)
        reason: str | None
        if upstream is not None:
            is_new = records(spec.name, key) is None
            reason = "new" if is_new else f"{upstream} is made again"
        elif isinstance(checker, NotFetchedError):
            reason = str(checker) if records(spec.name, key) is None else None
        elif isinstance(checker, str):
            made = (records(dep, key) for dep in spec.painting_deps)
            reason = checker if all(each and each.status == "done" for each in made) else None
        else:
            try:
                status = checker.status(key, records)
                own, reported_as = records(spec.name, key), reported[spec.name].get(key)
                covered = {name: reported[name].get(key) for name in spec.covered}
                reason = _reason(status, own, reported_as, covered)
            except Exception as error:  # the run will report it
                reason = described(error)
        if reason is not None:
            stale.add(spec.name)
            yield StaleOutput(key, spec.name, reason)


def _reason(
    status: OutputStatus,
    own: MaterializationRecord | None,
    reported: str | None,
    covered: Mapping[str, str | None],
) -> str | None:
    """Return why an output would be computed or reported, or None if it would not."""
    match status:
        case Stale(reason=reason):
            return reason
        case Fresh(record) if reported != reported_version(record, covered):
            return UNREPORTED
        case MissingUpstream(upstream, record) if record is not None:
            if record.status != "skipped":
                return None
            if own is None or own.status != "skipped":
                return f"{upstream} was skipped"
            if reported != reported_version(record, covered):
                return UNREPORTED
    return None


def unavailable_in(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, str]:
    """Return the assets that a plan could not check, and why, from the plan's metadata."""
    return dict(metadata[UNAVAILABLE].value or {}) if UNAVAILABLE in metadata else {}


def stale_data(specs: Sequence[DataAssetSpec], context: StageContext) -> dict[str, str]:
    """Return why unpartitioned assets are stale, by the names of those that are."""
    reasons = {}
    for spec in specs:
        try:
            with context.fetching():
                provenance = provenance_of(spec, context, spec.stage(context))
            reason = staleness_reason(context.store, context.store.get(spec.name), provenance)
        except NotFetchedError as error:  # of what was made before, a look cannot know
            reason = str(error) if context.store.get(spec.name) is None else None
        except DeepArtError as error:  # the run will report it
            reason = str(error)
        if reason is not None:
            reasons[spec.name] = reason
    return reasons


def planned_runs(
    instance: dg.DagsterInstance,
    metadata: Mapping[str, dg.MetadataValue[Any]],
    tags: Tags,
    *,
    evaluate: bool = False,
) -> list[PlannedRun]:
    """Return the runs that a plan asks for, from the plan's metadata.

    Args:
        instance: Dagster's, for the partitions.
        metadata: The plan's.
        tags: Of each run.
        evaluate: Let a run of evaluations follow the restorations, for where runs are started one
            after the other. Without a restoration, stale evaluations are made in any case.
    """
    if not metadata:
        return []
    order = painting_keys(instance)
    asked: Any = metadata[RUNS].value
    ranges = [  # of those that have not left the list since
        range_
        for keys in asked
        for range_ in partition_ranges(keys, order, max_gap=0, max_size=len(keys))
    ]
    # Plans of an earlier version are without the two.
    only: Any = (metadata[ONLY].value if ONLY in metadata else None) or None
    stale: Any = metadata[UNPUBLISHED].value if UNPUBLISHED in metadata else {GALLERY: ""}
    evaluate = evaluate if ranges else bool(stale.keys() - {GALLERY})
    return restore_runs(ranges, tags, only=only, publish=GALLERY in stale, evaluate=evaluate)


def runs_planned_in(instance: dg.DagsterInstance, run_id: str, tags: Tags) -> list[PlannedRun]:
    """Return the runs that the plan made in a run asks for, evaluations last."""
    made = metadata_made_in(instance, run_id, RESTORATION_PLAN)
    return planned_runs(instance, made, tags, evaluate=True)
