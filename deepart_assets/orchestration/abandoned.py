"""Runs whose process was killed: to Dagster they run on, and keep their slots of a pool.

Belongs here: finding them on this machine, and ending them in Dagster's books. Does not belong
here: runs of a cluster, which Dagster's run monitoring looks after (docs/deployment.md).

Two look for them: the next run at its start, without which it would wait for ever for the slot of
one that was killed in a GPU step; and, where a daemon runs, Dagster's run monitoring, which asks
the launcher below (.dagster_home/dagster.yaml names it).
"""

import dagster as dg
import psutil
from dagster._core.events import RunFailureReason
from dagster._core.execution.retries import auto_reexecution_should_retry_run
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.tags import GRPC_INFO_TAG, WILL_RETRY_TAG

FOUND_DEAD = "The process of this run was killed. What it had made is kept; run it again."

_ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


class LocalRunLauncher(DefaultRunLauncher):
    """Dagster's launcher for one machine, which also knows whether a run's process is alive.

    Dagster's own leaves that to the code server that started the process: killed together with it,
    a run would go on for ever in Dagster's books.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Tell run monitoring that it may ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the run's process is there; of another machine's we cannot tell."""
        if _is_of_this_machine(self._instance, run) and is_dead(self._instance, run):
            self._decide_on_retry(run)
            return CheckRunHealthResult(WorkerStatus.FAILED, FOUND_DEAD)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def _decide_on_retry(self, run: dg.DagsterRun) -> None:
        """Decide whether the run is started again before Dagster hears that it failed.

        Dagster stores the failure first and decides then: where its daemon looks in between, it
        takes the run for one that needs no retry, and never looks again.
        """
        if self._instance.run_retries_enabled:
            failed = run.with_status(dg.DagsterRunStatus.FAILURE)
            again = auto_reexecution_should_retry_run(
                self._instance, failed, RunFailureReason.UNKNOWN
            )
            self._instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: str(again).lower()})


def end_abandoned(instance: dg.DagsterInstance) -> list[str]:
    """End the runs that hold a slot of a pool and whose process is gone; return their ids.

    Only where Dagster's history is SQLite, which is of this machine: of another's processes we
    cannot tell.
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
            if not is_dead(instance, run):
                continue
            instance.report_run_failed(run, FOUND_DEAD)
        storage.free_concurrency_slots_for_run(run_id)
        ended.append(run_id)
    return ended


def _is_of_this_machine(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a run's process would be here.

    What the daemon launched is: it has this launcher. What a command line began may be anywhere,
    unless the history is a file of this machine.
    """
    return GRPC_INFO_TAG in run.tags or isinstance(
        instance.event_log_storage, SqliteEventLogStorage
    )


def is_dead(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the process that Dagster's executor told of when the run began is gone."""
    begun = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT, limit=20
    )
    for record in begun.records:
        event = record.event_log_entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event is not None else None
        if pid is not None:
            return not _was_running(int(str(pid.value)), record.event_log_entry.timestamp)
    return False  # it has not come so far, or is none of ours


def _was_running(pid: int, when: float) -> bool:
    """Return whether the process that had this number at `when` (Unix time) is alive."""
    try:
        process = psutil.Process(pid)
        # A later process may have the same number.
        return process.status() not in _ENDED and process.create_time() <= when + 1
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
