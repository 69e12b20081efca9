"""Runs whose process was killed: Dagster takes them for running, and they keep their pool slots.

Two places look for them. Each run does at its start, as it would otherwise wait for ever for the
slot of a run that was killed in a GPU step. And where a daemon runs, Dagster's run monitoring asks
the launcher below, which `.dagster_home/dagster.yaml` names. On a cluster run monitoring alone
does (docs/deployment.md).
"""

import dagster as dg
import psutil

from deepart_assets.dagster_internals import private_names

with private_names():
    from dagster._core.events import RunFailureReason
    from dagster._core.execution.retries import auto_reexecution_should_retry_run
    from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
    from dagster._core.storage.event_log import SqliteEventLogStorage
    from dagster._core.storage.tags import GRPC_INFO_TAG, WILL_RETRY_TAG

PROCESS_GONE = "The process of this run was killed. Its finished results are kept; run it again."

_ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


class LocalRunLauncher(dg.DefaultRunLauncher):
    """Dagster's launcher for one machine, which also checks whether a run's process is alive.

    Dagster's own asks the code server that started the process: killed together with it, a run
    would stay in progress for ever.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Tell run monitoring that the check below exists."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return FAILED if the run's process is gone; another machine's counts as running."""
        if was_killed(self._instance, run):
            self._tag_will_retry(run)
            return CheckRunHealthResult(WorkerStatus.FAILED, PROCESS_GONE)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def _tag_will_retry(self, run: dg.DagsterRun) -> None:
        """Decide whether the run is retried before Dagster stores that it failed.

        Dagster stores the failure first and decides afterwards. A daemon that looks in between
        finds no decision, and never retries the run.
        """
        if self._instance.run_retries_enabled:
            failed = run.with_status(dg.DagsterRunStatus.FAILURE)
            will_retry = auto_reexecution_should_retry_run(
                self._instance, failed, RunFailureReason.UNKNOWN
            )
            self._instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: str(will_retry).lower()})


def end_orphaned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail the runs that hold a pool slot and whose process is gone; return their ids.

    Only with a SQLite event log, whose runs belong to this machine: processes of another machine
    cannot be checked.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return []
    infos = [storage.get_concurrency_info(key) for key in storage.get_concurrency_keys()]
    holders = {slot.run_id for info in infos for slot in info.claimed_slots}
    holders |= {step.run_id for info in infos for step in info.pending_steps}
    ended = []
    for run_id in sorted(holders):
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            if not is_orphaned(instance, run):
                continue
            instance.report_run_failed(run, PROCESS_GONE)
        storage.free_concurrency_slots_for_run(run_id)
        ended.append(run_id)
    return ended


def was_killed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return whether a run of this machine is in progress for Dagster and its process is gone.

    A run that the daemon launched is of this machine, as the daemon has this launcher. One started
    on a command line may be anywhere, unless the event log is a file of this machine.
    """
    is_file = isinstance(instance.event_log_storage, SqliteEventLogStorage)
    return (is_file or GRPC_INFO_TAG in run.tags) and is_orphaned(instance, run)


def is_orphaned(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return whether the process that the executor reported when the run started is gone."""
    started = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT, limit=20
    )
    for record in started.records:
        event = record.event_log_entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event is not None else None
        if pid is not None:
            return not _is_running_since(int(str(pid.value)), record.event_log_entry.timestamp)
    return False  # it has not started yet, or is not ours


def _is_running_since(pid: int, when: float) -> bool:
    """Return whether the process that had this id at `when`, a Unix timestamp, is alive."""
    try:
        process = psutil.Process(pid)
        # A later process may have the same id.
        return process.status() not in _ENDED and process.create_time() <= when + 1
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
