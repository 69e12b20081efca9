"""Runs that a process starts and waits for: what the jobs in the UI do with the daemon's help."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import dagster as dg

from deepart_assets.asset_names import RESTORATION_PLAN
from deepart_assets.assets.grounds import ground_assets
from deepart_assets.build import build_defs
from deepart_assets.dagster_internals.event_log_storage import keep_connections
from deepart_assets.dagster_internals.local_runs import execute_job
from deepart_assets.errors import DeepArtError, SettingsError, UnknownPaintingError
from deepart_assets.orchestration.events import metadata_made_in
from deepart_assets.orchestration.planner import (
    RENEW_GROUND_LIBRARY,
    runs_planned_in,
    unavailable_in,
)
from deepart_assets.orchestration.step_failures import was_caused_by
from deepart_assets.orchestration.tags import INTERACTIVE, REASON, policy_tags, range_tags
from deepart_assets.settings import load_settings
from deepart_assets.settings.places import PROJECT, dagster_home

Watch = Callable[[dg.DagsterRun], AbstractContextManager[object]]
"""Returns what is entered while a run executes."""


@dataclass(frozen=True)
class Outcome:
    """What came of `bring_up_to_date`."""

    succeeded: bool
    """Whether every run succeeded, and nothing of the plan could not be computed."""
    plan: Mapping[str, dg.MetadataValue[Any]]
    """The metadata of the plan; empty if none was made."""


def open_instance() -> dg.DagsterInstance:
    """Return the instance of DAGSTER_HOME, which is made if it is the default one."""
    home = dagster_home()
    home.mkdir(parents=True, exist_ok=True)
    if not os.environ.get("DAGSTER_HOME"):
        os.environ["DAGSTER_HOME"] = str(home)
        if not (configuration := home / "dagster.yaml").exists():
            shutil.copy(PROJECT / ".dagster_home" / "dagster.yaml", configuration)
    return dg.DagsterInstance.get()


@lru_cache(maxsize=8)
def job_of(name: str, profile: str | None = None, root: str | None = None) -> dg.JobDefinition:
    """Return a job of a profile; Dagster reconstructs it in any process from these arguments."""
    return build_defs(load_settings(profile), root).resolve_job_def(name)


def run_job(
    instance: dg.DagsterInstance,
    name: str,
    *,
    keys: Sequence[str] = (),
    profile: str | None = None,
    root: str | None = None,
    tags: Mapping[str, str] | None = None,
    run_config: Mapping[str, Any] | None = None,
    asset_selection: Sequence[dg.AssetKey] | None = None,
    watch: Watch = nullcontext,
) -> dg.JobExecutionResult:
    """Run a job with its profile's executor, logging to standard output.

    Args:
        instance: Where the run is recorded.
        name: The job.
        keys: The paintings of a partitioned job, a contiguous range of partitions.
        profile: As for `load_settings`.
        root: As for `build_defs`.
        tags: More tags of the run (`orchestration.tags`).
        run_config: Of the run.
        asset_selection: Of the job's assets, those to run; by default all.
        watch: See `Watch`.

    Raises:
        KeyboardInterrupt: Somebody pressed Ctrl-C. Errors of the run do not raise.
    """
    arguments: Any = (name, profile, root)  # Dagster's annotation allows one, its code any number
    job = dg.build_reconstructable_job("deepart_assets.runs", "job_of", arguments)
    keep_connections(instance)
    return execute_job(
        job,
        instance,
        tags={REASON: "the command line", INTERACTIVE: "true", **(tags or {}), **range_tags(keys)},
        run_config={"loggers": {"console": {"config": {}}}, **(run_config or {})},
        watch=watch,
        asset_selection=asset_selection,
    )


def bring_up_to_date(
    instance: dg.DagsterInstance,
    *,
    profile: str | None = None,
    root: str | None = None,
    renew_grounds: bool = False,
    watch: Watch = nullcontext,
    **plan_config: Any,
) -> Outcome:
    """Take in what is new, make a plan, and restore what is stale, run after run.

    Does without the daemon what the jobs in the UI do with its help.

    Args:
        instance: Where the runs are recorded.
        profile: As for `load_settings`.
        root: As for `build_defs`.
        renew_grounds: Renew the library of grounds first.
        watch: See `Watch`.
        plan_config: The plan's configuration (`assets.restoration_plan.PlanConfig`).

    Raises:
        SettingsError: There is no library of grounds to renew.
        UnknownPaintingError: The plan's configuration has an unknown id or style.
        DeepArtError: No plan could be made.
        KeyboardInterrupt: Somebody pressed Ctrl-C; the runs that would have followed do not start.
    """
    if renew_grounds and not ground_assets(load_settings(profile)):
        raise SettingsError(
            "There is no library of grounds to renew: no outpainter of the profile has the kind"
            " scene_completion"
        )
    place: dict[str, Any] = {"profile": profile, "root": root, "watch": watch}
    config = {"ops": {RESTORATION_PLAN: {"config": plan_config}}}
    if renew_grounds:  # in that job nothing but the list of paintings could be waited for
        with run_job(instance, "catalogue", **place):
            pass  # what fails here fails there
    first = RENEW_GROUND_LIBRARY if renew_grounds else "restore_stale"
    with run_job(instance, first, run_config=config, **place) as result:
        for event in result.filter_events(lambda event: event.is_step_failure):
            refusal = event.step_failure_data.user_failure_data
            if event.step_key == RESTORATION_PLAN and refusal is not None:
                unknown = was_caused_by(event, UnknownPaintingError)
                kind = UnknownPaintingError if unknown else DeepArtError
                raise kind(str(refusal.description))
        succeeded = result.success
        tags = {REASON: "deepart restore", **policy_tags(plan_config)}
        plan = metadata_made_in(instance, result.run_id, RESTORATION_PLAN)
        succeeded &= not unavailable_in(plan)
        runs = runs_planned_in(instance, result.run_id, tags)
    for run in runs:
        with run_job(instance, run.job, keys=run.keys, tags=run.tags, **place) as result:
            succeeded &= result.success
    return Outcome(succeeded, plan)
