"""Which engine runs the steps, chosen by the profile.

Belongs here: the way from the execution settings to Dagster's executors. Does not belong here:
what a step needs (`needs`), the engines of clusters (`ray_engine`, `kubernetes_engine`), which are
loaded when a run starts, not with the graph.
"""

from collections.abc import Callable

import dagster as dg
from dagster._core.definitions.executor_definition import multiple_process_executor_requirements
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

from deepart_assets.errors import UnavailableError
from deepart_assets.orchestration.abandoned import end_abandoned
from deepart_assets.orchestration.lost_workers import GO_ON, LocalExecutor
from deepart_assets.settings.execution import (
    Execution,
    KubernetesExecution,
    LocalExecution,
    RayExecution,
)


@dg.executor(name="in_process")
def _in_process(context: dg.InitExecutorContext) -> dg.Executor:
    """One process for all steps: models and imports are loaded once."""
    end_abandoned(context.instance)
    return InProcessExecutor(retries=RetryMode.ENABLED, step_dependency_config=GO_ON)


def executor_for(execution: Execution) -> dg.ExecutorDefinition:
    """Return the executor of a profile.

    An engine whose package is not installed still loads, so that the graph can be looked at; a run
    then fails at its start with the remedy.
    """
    match execution:
        case LocalExecution(processes=1):
            return _in_process
        case LocalExecution(processes=processes, retries=retries):

            def local(context: dg.InitExecutorContext) -> dg.Executor:
                end_abandoned(context.instance)
                return LocalExecutor(processes, retries)

            return _of_processes("multiprocess", local)
        case RayExecution():

            def on_ray(_: dg.InitExecutorContext) -> dg.Executor:
                try:
                    from deepart_assets.orchestration.ray_engine import ray_engine
                except ImportError as error:
                    raise _missing("ray", "dagster-ray", error) from error
                return ray_engine(execution)

            return _of_processes("ray", on_ray)
        case KubernetesExecution():

            def on_kubernetes(context: dg.InitExecutorContext) -> dg.Executor:
                try:
                    from deepart_assets.orchestration.kubernetes_engine import kubernetes_engine
                except ImportError as error:
                    raise _missing("k8s", "dagster-k8s", error) from error
                return kubernetes_engine(execution, context.instance)

            return _of_processes("k8s", on_kubernetes)


def _of_processes(
    name: str, made: Callable[[dg.InitExecutorContext], dg.Executor]
) -> dg.ExecutorDefinition:
    requirements = multiple_process_executor_requirements()
    return dg.executor(name=name, requirements=requirements)(made)


def _missing(extra: str, package: str, error: ImportError) -> UnavailableError:
    return UnavailableError(
        f"The profile runs its steps with {package}, which is not installed ({error}):"
        f' pip install -e ".[{extra}]", or set execution.kind to local'
    )
