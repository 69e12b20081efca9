"""How paintings, networks and runs stand: what `status`, `paintings` and `show` print.

Whether an output is stale is decided in `orchestration.planner`, as for the runs.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import dagster as dg

from deepart_assets import asset_names
from deepart_assets.assets.restoration_plan import selected
from deepart_assets.build import asset_specs, data_specs
from deepart_assets.dagster_internals.orphaned_runs import was_killed
from deepart_assets.errors import DeepArtError
from deepart_assets.orchestration.asset_spec import PaintingAssetSpec
from deepart_assets.orchestration.context import Painting, StageContext
from deepart_assets.orchestration.leaving import UNFINISHED
from deepart_assets.orchestration.partitions import painting_keys
from deepart_assets.orchestration.planner import Plan, make_plan, stale_data
from deepart_assets.orchestration.staleness import RunPolicy
from deepart_assets.orchestration.tags import REASON
from deepart_assets.settings import Settings
from deepart_assets.storage import MaterializationRecord, MaterializationStore, RecordIndex
from deepart_assets.wikiart.left_out import LeftOut
from deepart_assets.wikiart.naming import folder_id, painting_id
from deepart_assets.wikiart.sources.inbox import open_inbox

UP_TO_DATE, STALE, NEW, FAILED, LEFT_OUT = "up to date", "stale", "new", "failed", "left out"
"""The states of a painting, and of one of its outputs."""

NOT_CHECKED = "not checked"
"""The state of an output whose asset lacks a model, so that it may be stale."""

DOING = {"not_started": "queued", "started": "running", "canceling": "running"}
"""What a run does, where Dagster's name of its status does not say it."""

COMPUTE_STALE = RunPolicy()
"""What a run computes that somebody started, if nothing else is said."""


@dataclass(frozen=True)
class State:
    """How a painting stands, or one of its outputs."""

    state: str
    reason: str = ""


@dataclass(frozen=True)
class RunningRun:
    """A run that is queued or in progress."""

    job: str
    status: str
    since: float
    """Unix time at which it started; of one that has not, at which it was created."""
    reason: str
    """The tag `deepart/reason`; what somebody materializes in the UI has none."""
    run_id: str

    def __str__(self) -> str:
        of_assets = self.job.startswith("__ASSET_JOB")  # Dagster's own, for which it shows no name
        name = "a materialization in Dagster" if of_assets else self.job
        at = time.strftime("%H:%M", time.localtime(self.since))
        doing = DOING.get(self.status, self.status)
        why = f" ({self.reason})" if self.reason else ""
        return f"{name} has been {doing} since {at}{why}"


class Overview:
    """How the paintings on the list stand.

    Args:
        instance: Dagster's.
        settings: The profile.
        store: The records of the lake.
        ids: The paintings wanted; by default all.
        style: The style wanted; by default any.
        policy: Which outputs count as stale.

    Raises:
        UnknownPaintingError: There is no painting with an id.
        DeepArtError: There is no list of paintings yet.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        settings: Settings,
        store: MaterializationStore,
        ids: Sequence[str] = (),
        *,
        style: str = "",
        policy: RunPolicy = COMPUTE_STALE,
    ) -> None:
        self._instance, self._policy = instance, policy
        self._context = StageContext(settings, store, dg.get_dagster_logger(), may_fetch=False)
        if store.done(asset_names.STYLED_PAINTINGS) is None:
            raise DeepArtError(
                "There is no list of paintings yet: `deepart restore` makes it and restores them"
            )
        self._keys = selected(self._context.paintings, ids, style)
        self.specs = asset_specs(settings)
        """The assets by part of the pipeline."""
        self._painting_specs = [
            spec for spec in self.specs["restoration"] if isinstance(spec, PaintingAssetSpec)
        ]

    @property
    def paintings(self) -> Mapping[str, Painting]:
        """The paintings by id, in the list's order."""
        return {key: self._context.paintings[key] for key in self._keys}

    @cached_property
    def plan(self) -> Plan:
        """What a run would compute of the paintings."""
        return make_plan(
            self._instance, self._painting_specs, self._context, self._keys, self._policy
        )

    @cached_property
    def stale_data(self) -> dict[str, str]:
        """Why networks, evaluations and the gallery are stale, by the names of those that are.

        The sources are not looked at: that is a run's first step, and may take long.
        """
        parts = ("super_resolution", "weights", "restoration", "evaluation", "gallery")
        return stale_data(
            data_specs([s for part in parts for s in self.specs[part]]), self._context
        )

    @cached_property
    def states(self) -> dict[str, State]:
        """How each painting stands."""
        reasons: dict[str, str] = {}
        for each in self.plan.stale:
            reasons.setdefault(each.painting, f"{each.asset}: {each.reason}")
        indexes = {
            spec.name: RecordIndex(self._context.store, spec.name) for spec in self._painting_specs
        }

        def state(key: str) -> State:
            records = {
                asset: record
                for asset, index in indexes.items()
                if (record := index.get(key)) is not None
            }
            for asset, record in records.items():
                if record.status == "failed":
                    return State(FAILED, f"{asset}: {record.reason}")
            if key in reasons:
                return State(STALE, reasons[key]) if records else State(NEW)
            mask = records.get(asset_names.SUBJECT_MASKS)
            for record in records.values():
                if record.status == "skipped":
                    return State(LEFT_OUT, record.reason or "")
            if mask is not None and mask.verdict is not None:
                return State(LEFT_OUT, mask.verdict)
            return State(UP_TO_DATE, mask.doubt or "" if mask is not None else "")

        return {key: state(key) for key in self._keys}

    def stages(self, key: str) -> Iterator[tuple[str, State, MaterializationRecord | None]]:
        """Yield each asset of a painting with its state and its record."""
        stale = {each.asset: each.reason for each in self.plan.stale if each.painting == key}
        for spec in self._painting_specs:
            record = self._context.store.get(spec.name, key)
            if spec.name in stale:
                yield spec.name, State(STALE if record else NEW, stale[spec.name]), record
            elif record is None:
                if not spec.needs_file:
                    why = self.plan.unchecked.get(spec.name, "waits for what it is made from")
                    yield spec.name, State("waiting", why), None
            elif record.status == "done" and spec.name in self.plan.unchecked:
                yield spec.name, State(NOT_CHECKED, self.plan.unchecked[spec.name]), record
            elif record.status == "done":
                yield spec.name, State(UP_TO_DATE, record.verdict or record.doubt or ""), record
            else:
                state = FAILED if record.status == "failed" else LEFT_OUT
                yield spec.name, State(state, record.reason or ""), record

    def remedy(self, key: str) -> LeftOut | None:
        """Return why a painting is failed, left out or doubtful, and what to do; else None."""
        state = self.states[key]
        if (state.state == UP_TO_DATE and not state.reason) or state.state in (STALE, NEW):
            return None
        return LeftOut.of(key, state.reason)


def running(instance: dg.DagsterInstance) -> list[RunningRun]:
    """Return the runs that are queued or in progress, without those whose process is gone."""
    records = instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED), limit=50)
    return [
        RunningRun(
            record.dagster_run.job_name,
            record.dagster_run.status.value.lower(),
            record.start_time or record.create_timestamp.timestamp(),
            record.dagster_run.tags.get(REASON, ""),
            record.dagster_run.run_id,
        )
        for record in records
        if not was_killed(instance, record.dagster_run)
    ]


def check_known(
    instance: dg.DagsterInstance,
    settings: Settings,
    store: MaterializationStore,
    ids: Sequence[str],
    style: str,
) -> None:
    """Refuse ids and a style that no painting has, neither on the list nor in the inbox.

    Before there is a list, the run that makes it checks them.

    Raises:
        UnknownPaintingError: There is no such painting.
    """
    if store.done(asset_names.STYLED_PAINTINGS) is None or not (ids or style):
        return
    context = StageContext(settings, store, dg.get_dagster_logger())
    pictures = open_inbox(settings.inbox, store.lake).pictures
    soon = {key for each in pictures for key in (painting_id(each.path), folder_id(each.path))}
    if len(soon.intersection(painting_keys(instance))) < len(pictures):
        style = ""  # it may be that of a new painting
    selected(context.paintings, ids, style, soon - {""})
