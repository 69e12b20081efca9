"""Steps whose process was killed or lost are started again; steps that failed are not.

Belongs here: the one thing that our executors do otherwise than Dagster's. Does not belong here:
how an engine finds out that a worker is gone.

A step that fails has told why, and would fail again. One that is gone (out of memory, a node taken
back, a signal) has not, and what it made is kept, so starting it again costs little.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from dagster._core.events import DagsterEvent
from dagster._core.execution.plan.objects import StepRetryData
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig
from dagster._core.executor.base import Executor
from dagster._core.executor.multiprocess import MultiprocessExecutor
from dagster._core.executor.step_delegating import StepDelegatingExecutor, StepHandler
from dagster._utils.error import SerializableErrorInfo

if TYPE_CHECKING:
    from dagster._core.execution.context.system import IStepContext
    from dagster._core.execution.plan.state import KnownExecutionState

GO_ON = StepDependencyConfig(require_upstream_step_success=False)
"""A step starts when its inputs are there, even if the step that made them failed for some
paintings: the others go on."""

HEALTH_SECONDS = 5
"""Between two looks whether the steps of a cluster are still there."""

PAUSE_SECONDS = 1


class _Restarting(Executor):
    """Dagster calls the method below for lost workers alone; a step's own failure is its event."""

    restarts: int
    given_up: Collection[str] = ()
    """Keys of steps that have waited for a place to run as long as they may."""

    def log_failure_or_retry_event_after_error(
        self,
        step_context: "IStepContext",
        err_info: SerializableErrorInfo,
        known_state: "KnownExecutionState",
    ) -> DagsterEvent:
        attempts = known_state.get_retry_state().get_attempt_count(step_context.step.key)
        if attempts < self.restarts and step_context.step.key not in self.given_up:
            again = StepRetryData(error=err_info, seconds_to_wait=PAUSE_SECONDS)
            return DagsterEvent.step_retry_event(step_context, again)
        return super().log_failure_or_retry_event_after_error(step_context, err_info, known_state)


class LocalExecutor(_Restarting, MultiprocessExecutor):
    """Steps in processes of this machine, a process each."""

    def __init__(self, processes: int, restarts: int) -> None:
        # A server that has Dagster loaded forks the steps: two seconds less each than from nothing.
        super().__init__(
            retries=RetryMode.ENABLED,
            max_concurrent=processes,
            start_method="forkserver",
            step_dependency_config=GO_ON,
        )
        self.restarts = restarts


class ClusterExecutor(_Restarting, StepDelegatingExecutor):
    """Steps as jobs of a cluster, which `handler` starts, looks at and ends."""

    def __init__(
        self,
        handler: StepHandler,
        restarts: int,
        max_concurrent: int | None,
        given_up: Collection[str],
    ) -> None:
        super().__init__(
            handler,
            retries=RetryMode.ENABLED,
            check_step_health_interval_seconds=HEALTH_SECONDS,
            max_concurrent=max_concurrent,
            should_verify_step=True,
            step_dependency_config=GO_ON,
        )
        self.restarts = restarts
        self.given_up = given_up
