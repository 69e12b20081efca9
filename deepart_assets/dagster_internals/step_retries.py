"""Executors that retry a step whose process was killed or lost, and no step that failed by itself.

A failed step has reported why, and would fail again. A killed one (out of memory, a preempted node,
a signal) has not; its finished results are kept, so a retry costs little. Each engine finds out by
itself that a worker is gone: `ray_executor`, `kubernetes_executor`.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

import dagster as dg

from deepart_assets.dagster_internals import private_names
from deepart_assets.settings.execution import KubernetesExecution, RayExecution

with private_names():
    from dagster._core.execution.plan.objects import StepRetryData
    from dagster._core.execution.retries import RetryMode
    from dagster._core.execution.step_dependency_config import StepDependencyConfig
    from dagster._core.executor.in_process import InProcessExecutor
    from dagster._core.executor.multiprocess import MultiprocessExecutor
    from dagster._core.executor.step_delegating import StepDelegatingExecutor, StepHandler
    from dagster._utils.error import SerializableErrorInfo

if TYPE_CHECKING:
    from dagster._core.execution.context.system import IStepContext
    from dagster._core.execution.plan.state import KnownExecutionState

CONTINUE_AFTER_FAILURE = StepDependencyConfig(require_upstream_step_success=False)
"""A step starts when its inputs exist, even if the upstream step failed for some paintings, so that
the other paintings go on."""

HEALTH_CHECK_INTERVAL_SECONDS = 5
"""Between two checks whether the steps on a cluster are still there."""

RETRY_DELAY_SECONDS = 1


class _RetryLostWorkers(dg.Executor):
    """Dagster calls the method below for lost workers only; a step reports its own failure."""

    max_retries: int
    unschedulable: Collection[str] = ()
    """Keys of steps that found no place to run in time; they are not retried."""

    def log_failure_or_retry_event_after_error(
        self,
        step_context: "IStepContext",
        err_info: SerializableErrorInfo,
        known_state: "KnownExecutionState",
    ) -> dg.DagsterEvent:
        step = step_context.step.key
        attempts = known_state.get_retry_state().get_attempt_count(step)
        if attempts < self.max_retries and step not in self.unschedulable:
            retry = StepRetryData(error=err_info, seconds_to_wait=RETRY_DELAY_SECONDS)
            return dg.DagsterEvent.step_retry_event(step_context, retry)
        return super().log_failure_or_retry_event_after_error(step_context, err_info, known_state)


def in_process_executor() -> dg.Executor:
    """Return an executor that runs all steps in the process of the run."""
    return InProcessExecutor(
        retries=RetryMode.ENABLED, step_dependency_config=CONTINUE_AFTER_FAILURE
    )


class LocalProcessExecutor(_RetryLostWorkers, MultiprocessExecutor):
    """Runs each step in a process of this machine."""

    def __init__(self, max_concurrent: int, max_retries: int) -> None:
        # A forkserver that has Dagster loaded starts a step two seconds faster than spawn.
        super().__init__(
            retries=RetryMode.ENABLED,
            max_concurrent=max_concurrent,
            start_method="forkserver",
            step_dependency_config=CONTINUE_AFTER_FAILURE,
        )
        self.max_retries = max_retries


class ClusterExecutor(_RetryLostWorkers, StepDelegatingExecutor):
    """Runs each step as a job of a cluster, which `handler` launches, checks and terminates."""

    def __init__(
        self,
        handler: StepHandler,
        execution: RayExecution | KubernetesExecution,
        unschedulable: Collection[str],
    ) -> None:
        super().__init__(
            handler,
            retries=RetryMode.ENABLED,
            check_step_health_interval_seconds=HEALTH_CHECK_INTERVAL_SECONDS,
            max_concurrent=execution.max_concurrent,
            should_verify_step=True,
            step_dependency_config=CONTINUE_AFTER_FAILURE,
        )
        self.max_retries = execution.retries
        self.unschedulable = unschedulable
