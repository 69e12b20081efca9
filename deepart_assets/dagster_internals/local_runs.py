"""Runs that a process starts and waits for, as `dg.execute_job` does, and that the UI shows.

The UI lists runs by the code location that they belong to. `dg.execute_job` names none.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import dagster as dg

from deepart_assets.dagster_internals import private_names

with private_names():
    from dagster._core.definitions.reconstruct import ReconstructableJob
    from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
    from dagster._core.events import RunFailureReason
    from dagster._core.execution.api import execute_run
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.storage.tags import MAX_RETRIES_TAG
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

LOCATION = "deepart_assets"
"""The code location, as workspace.yaml and pyproject.toml name it."""

INTERRUPTED = "Stopped by whoever started it. Finished results are kept; start it again to go on."


def execute_job(
    job: ReconstructableJob,
    instance: dg.DagsterInstance,
    *,
    tags: Mapping[str, str],
    run_config: Mapping[str, Any],
    watch: Callable[[dg.DagsterRun], AbstractContextManager[object]],
    asset_selection: Sequence[dg.AssetKey] | None = None,
) -> dg.JobExecutionResult:
    """Run a job of this project in this process, with the steps where its executor puts them.

    The daemon does not retry the run if this process is killed: whoever started it starts it again.

    Args:
        job: From `dg.build_reconstructable_job`.
        instance: Where the run is recorded.
        tags: Of the run.
        run_config: Of the run.
        watch: Entered while the run executes.
        asset_selection: Of the job's assets, those to run; by default all.

    Raises:
        KeyboardInterrupt: Somebody pressed Ctrl-C; the run is recorded as canceled.
    """
    definition = job.get_definition()
    run = instance.create_run_for_job(
        job_def=definition,
        run_config=run_config,
        tags={**definition.run_tags, MAX_RETRIES_TAG: "0", **tags},
        asset_selection=frozenset(asset_selection) if asset_selection else None,
        job_code_origin=job.get_python_origin(),
        remote_job_origin=RemoteJobOrigin(repository_origin(), definition.name),
    )
    with watch(run):
        result = execute_run(job, run, instance)
    if _was_interrupted(result):
        instance.report_run_canceled(result.dagster_run, INTERRUPTED)
        raise KeyboardInterrupt
    return result


def repository_origin() -> RemoteRepositoryOrigin:
    """Return what a run of the code location carries, by which the UI and sensors know it."""
    target = LoadableTargetOrigin(module_name=f"{LOCATION}.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, LOCATION)
    return RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME)


def _was_interrupted(result: dg.JobExecutionResult) -> bool:
    return any(
        event.is_job_failure
        and event.job_failure_data.failure_reason is RunFailureReason.UNEXPECTED_TERMINATION
        for event in result.all_events
    )
