"""Which engine runs the steps, chosen by the profile.

The engines themselves are in `dagster_internals`; those of clusters are loaded when a run starts,
not with the graph.
"""

import contextlib
from collections.abc import Callable, Iterator

import dagster as dg

from deepart_assets.dagster_internals.orphaned_runs import end_orphaned_runs
from deepart_assets.dagster_internals.step_retries import LocalProcessExecutor, in_process_executor
from deepart_assets.errors import UnavailableError
from deepart_assets.orchestration.step_resources import resources_of_run
from deepart_assets.settings.execution import (
    Execution,
    KubernetesExecution,
    LocalExecution,
    RayExecution,
)


@dg.executor(name="in_process")
def _in_process(context: dg.InitExecutorContext) -> dg.Executor:
    """One process for all steps: models and imports are loaded once."""
    end_orphaned_runs(context.instance)
    return in_process_executor()


def executor_for(execution: Execution) -> dg.ExecutorDefinition:
    """Return the executor of a profile.

    Without the engine's package the graph still loads; a run then fails at its start with the
    remedy.
    """
    match execution:
        case LocalExecution(processes=1):
            return _in_process
        case LocalExecution(processes=processes, retries=retries):

            def local(context: dg.InitExecutorContext) -> dg.Executor:
                end_orphaned_runs(context.instance)
                return LocalProcessExecutor(processes, retries)

            return _multiple_processes("multiprocess", local)
        case RayExecution():

            def on_ray(context: dg.InitExecutorContext) -> dg.Executor:
                with _needing("ray", "dagster-ray"):
                    from deepart_assets.dagster_internals.ray_executor import ray_executor
                return ray_executor(execution, resources_of_run(execution, context))

            return _multiple_processes("ray", on_ray)
        case KubernetesExecution():

            def on_kubernetes(context: dg.InitExecutorContext) -> dg.Executor:
                with _needing("k8s", "dagster-k8s"):
                    from deepart_assets.dagster_internals.kubernetes_executor import (
                        kubernetes_executor,
                    )
                resources = resources_of_run(execution, context)
                return kubernetes_executor(execution, resources, context.instance)

            return _multiple_processes("k8s", on_kubernetes)


def _multiple_processes(
    name: str, create: Callable[[dg.InitExecutorContext], dg.Executor]
) -> dg.ExecutorDefinition:
    requirements = dg.multiple_process_executor_requirements()
    return dg.executor(name=name, requirements=requirements)(create)


@contextlib.contextmanager
def _needing(extra: str, package: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"The profile runs its steps with {package}, which is not installed ({error}):"
            f" pip install 'deepart_assets[{extra}]', or set execution.kind to local"
        ) from error
