"""Runs steps as Kubernetes jobs, by dagster-k8s.

dagster-k8s creates, follows and ends the jobs, with what the run launcher gives the pods of runs,
overridden by the profile. Its own `k8s_job_executor` waits for ever for a node that does not exist
and does not retry a lost step. The Kubernetes client is loaded when a run starts.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster_k8s import K8sRunLauncher

from deepart_assets.dagster_internals import private_names
from deepart_assets.dagster_internals.step_retries import ClusterExecutor
from deepart_assets.errors import SettingsError, UnavailableError
from deepart_assets.settings.execution import KubernetesExecution, Needs

with private_names():
    from dagster._core.executor.step_delegating import CheckStepHealthResult, StepHandlerContext
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.executor import K8sStepHandler
    from dagster_k8s.job import UserDefinedDagsterK8sConfig


def kubernetes_executor(
    execution: KubernetesExecution, resources: Mapping[str, Needs], instance: dg.DagsterInstance
) -> dg.Executor:
    """Return the executor of a run.

    Args:
        execution: The section `execution` of the profile.
        resources: What each step needs, by its name.
        instance: The Dagster instance, whose run launcher knows the cluster.

    Raises:
        UnavailableError: The runs of this instance are not Kubernetes jobs themselves.
        SettingsError: Kubernetes does not know a field of the profile.
    """
    launcher = instance.run_launcher
    if not isinstance(launcher, K8sRunLauncher):
        raise UnavailableError(
            "execution.kind is kubernetes, but runs are launched by"
            f" {type(launcher).__name__}: set run_launcher to dagster_k8s's K8sRunLauncher in"
            " dagster.yaml, as docs/deployment.md describes, or execution.kind to local"
        )
    try:
        context = _container(execution)
        configs = {step: step_config(execution, needs) for step, needs in resources.items()}
        for needs in (execution.cpu_steps, execution.gpu_steps, *resources.values()):
            UserDefinedDagsterK8sConfig.from_dict(step_config(execution, needs))
    except Exception as error:  # of many types, each of which names the field
        raise SettingsError(f"execution: Kubernetes does not accept it: {error}") from error
    handler = _StepHandler(
        image=execution.image,
        container_context=context,
        load_incluster_config=launcher.load_incluster_config,
        kubeconfig_file=launcher.kubeconfig_file,
        per_step_k8s_config=configs,
    )
    handler.wait_for_nodes = execution.wait_for_nodes
    return ClusterExecutor(handler, execution, handler.unschedulable)


class _StepHandler(K8sStepHandler):
    """Gives up on a step whose pod finds no node in time, or which ended without a result."""

    wait_for_nodes: float

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.unschedulable: set[str] = set()
        self._ended: set[str] = set()

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        health = super().check_step_health(step_handler_context)
        if not health.is_healthy:
            return health
        job = self._get_k8s_step_job_name(step_handler_context)
        namespace = self._get_container_context(step_handler_context).namespace
        status = self._api_client.get_job_status(job, namespace)
        if status is not None and status.succeeded:
            # At the first check the step's last event may still be on its way. At the second, its
            # pod was evicted, and the replacement found the step started and left it alone.
            if job in self._ended:
                return CheckStepHealthResult.unhealthy(f"Job {job} ended without a result.")
            self._ended.add(job)
            return health
        waited, reason = self._unscheduled(job, namespace)
        if reason and waited >= self.wait_for_nodes:
            self.unschedulable.add(self._get_step_key(step_handler_context))
            list(self.terminate_step(step_handler_context))
            return CheckStepHealthResult.unhealthy(
                f"Kubernetes found no node for job {job} in {waited:.0f} s: {reason} Add a node, or"
                " lower execution.cpu_steps, execution.gpu_steps or execution.steps in the profile,"
                " or raise execution.wait_for_nodes"
            )
        return health

    def _unscheduled(self, job: str, namespace: str | None) -> tuple[float, str]:
        """Return for how many seconds the job's pod has had no node, and the scheduler's reason."""
        for pod in self._api_client.get_pods_in_job(job, namespace):
            for condition in pod.status.conditions or []:
                if condition.type == "PodScheduled" and condition.reason == "Unschedulable":
                    since = datetime.now(UTC) - condition.last_transition_time
                    return since.total_seconds(), condition.message or "it gives no reason."
        return 0.0, ""


def _container(execution: KubernetesExecution) -> K8sContainerContext:
    return K8sContainerContext(
        image_pull_policy=execution.image_pull_policy,
        image_pull_secrets=[{"name": name} for name in execution.image_pull_secrets],
        service_account_name=execution.service_account,
        env_config_maps=execution.env_config_maps,
        env_secrets=execution.env_secrets,
        env_vars=[f"{name}={value}" for name, value in execution.env.items()],
        volume_mounts=execution.volume_mounts,
        volumes=execution.volumes,
        namespace=execution.namespace,
    )


def step_config(execution: KubernetesExecution, needs: Needs) -> dict[str, Any]:
    """Return the configuration of a step's job, as dagster-k8s's `per_step_k8s_config` takes it.

    CPU and memory are requests. Memory is a limit as well; GPUs are a limit, as Kubernetes demands.
    """
    requests: dict[str, str] = {"cpu": f"{needs.cpus:g}"}
    limits: dict[str, str] = {}
    if needs.memory_gb is not None:
        requests["memory"] = limits["memory"] = f"{round(needs.memory_gb * 1024)}Mi"
    container: dict[str, Any] = {}
    pod: dict[str, Any] = {
        "node_selector": execution.node_selector,
        "tolerations": execution.tolerations,
    }
    if needs.gpus:
        limits[execution.gpu_resource] = str(needs.gpus)
        pod["node_selector"] = execution.gpu_node_selector
        pod["tolerations"] = [*execution.tolerations, *execution.gpu_tolerations]
        if execution.shared_memory_gb:
            size = f"{round(execution.shared_memory_gb * 1024)}Mi"
            empty = {"medium": "Memory", "size_limit": size}
            pod["volumes"] = [{"name": "shared-memory", "empty_dir": empty}]
            container["volume_mounts"] = [{"name": "shared-memory", "mount_path": "/dev/shm"}]
    container["resources"] = {"requests": requests, "limits": limits}
    return {
        "container_config": container,
        "pod_spec_config": pod,
        "job_spec_config": {"ttl_seconds_after_finished": execution.seconds_kept},
    }
