"""Which executor runs the steps, chosen by the profile.

Belongs here: the translation of the execution settings into Dagster's executors. Does not belong
here: what a step needs (pools and tags stand on the assets).
"""

import dagster as dg

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.execution import (
    Execution,
    KubernetesExecution,
    LocalExecution,
    RayExecution,
)

GO_ON = {"step_dependency_config": {"require_upstream_step_success": False}}
"""A step starts when its inputs are there, even if the step that made them failed for some
paintings: the others go on."""


def executor_for(execution: Execution) -> dg.ExecutorDefinition:
    """Return the executor of a profile.

    An engine whose package is not installed still loads, so that the graph can be looked at; a run
    then fails at its start with the remedy.
    """
    match execution:
        case LocalExecution(processes=1):
            # One process for all steps: models and imports are loaded once.
            return dg.in_process_executor.configured(GO_ON)
        case LocalExecution(processes=processes):
            return dg.multiprocess_executor.configured({"max_concurrent": processes, **GO_ON})
        case RayExecution(address=address):
            try:
                from dagster_ray import ray_executor
            except ImportError:
                return _missing("ray", "dagster-ray")
            return ray_executor.configured({"ray": {"address": address}})
        case KubernetesExecution(namespace=namespace, image=image):
            try:
                from dagster_k8s import k8s_job_executor
            except ImportError:
                return _missing("k8s", "dagster-k8s")
            return k8s_job_executor.configured({"job_namespace": namespace, "job_image": image})


def _missing(extra: str, package: str) -> dg.ExecutorDefinition:
    @dg.executor(name=extra)
    def executor(_: dg.InitExecutorContext) -> dg.Executor:
        raise UnavailableError(
            f"The profile runs its steps with {package}, which is not installed:"
            f' pip install -e ".[{extra}]", or set execution.kind to local'
        )

    return executor
