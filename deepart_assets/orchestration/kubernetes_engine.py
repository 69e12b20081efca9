"""Steps as Kubernetes jobs, by dagster-k8s.

Belongs here: what a step's needs are called there. Does not belong here: which executor a profile
has (`executors`); it loads this module, and the Kubernetes client, when a run starts.

What the run launcher (Helm's values, say) gives the pods of runs, those of steps have too; what the
profile says is laid over it. Making a job, following and ending it are dagster-k8s's.
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.executor.step_delegating import CheckStepHealthResult, StepHandlerContext
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.executor import K8sStepHandler
from dagster_k8s.job import UserDefinedDagsterK8sConfig
from dagster_k8s.launcher import K8sRunLauncher

from deepart_assets.errors import SettingsError, UnavailableError
from deepart_assets.orchestration.lost_workers import ClusterExecutor
from deepart_assets.orchestration.needs import needs_of
from deepart_assets.settings.execution import KubernetesExecution, Needs


def kubernetes_engine(execution: KubernetesExecution, instance: dg.DagsterInstance) -> dg.Executor:
    """Return the executor of a run.

    Raises:
        UnavailableError: Runs of this instance are not Kubernetes jobs themselves.
        SettingsError: Kubernetes has no such fields as the profile says.
    """
    launcher = instance.run_launcher
    if not isinstance(launcher, K8sRunLauncher):
        raise UnavailableError(
            "execution.kind is kubernetes, but runs are launched by"
            f" {type(launcher).__name__}: set run_launcher to dagster_k8s's K8sRunLauncher in"
            " dagster.yaml, as docs/deployment.md tells, or execution.kind to local"
        )
    try:
        context = _container(execution)
        for needs in (execution.cpu_steps, execution.gpu_steps, *execution.steps.values()):
            step_config(execution, needs)
    except Exception as error:  # of many kinds, each with the name of the field
        raise SettingsError(f"execution: not what Kubernetes knows: {error}") from error
    handler = _Handler(
        image=execution.image,
        container_context=context,
        load_incluster_config=launcher.load_incluster_config,
        kubeconfig_file=launcher.kubeconfig_file,
    )
    handler.execution = execution
    return ClusterExecutor(handler, execution.retries, execution.max_concurrent, handler.given_up)


class _Handler(K8sStepHandler):
    """Gives each step's job its own needs, and does not wait for ever for a node."""

    execution: KubernetesExecution

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.given_up: set[str] = set()
        self._ended: set[str] = set()

    def _get_container_context(
        self, step_handler_context: StepHandlerContext
    ) -> K8sContainerContext:
        key = self._get_step_key(step_handler_context)
        pool = step_handler_context.get_step_context(key).step.pool
        own = step_config(self.execution, needs_of(self.execution, key, pool))
        common = super()._get_container_context(step_handler_context)
        return common.merge(K8sContainerContext(run_k8s_config=own))

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        health = super().check_step_health(step_handler_context)
        if not health.is_healthy:
            return health
        job = self._get_k8s_step_job_name(step_handler_context)
        namespace = self._get_container_context(step_handler_context).namespace
        status = self._api_client.get_job_status(job, namespace)
        if status is not None and status.succeeded:
            # The first time, the step's last event may be on its way to us. The second, its pod was
            # taken away and that in its place has found the step begun, and left it alone.
            if job in self._ended:
                return CheckStepHealthResult.unhealthy(f"Job {job} ended without a result.")
            self._ended.add(job)
            return health
        waited, reason = self._unplaced(job, namespace)
        if reason and waited >= self.execution.wait_for_nodes:
            self.given_up.add(self._get_step_key(step_handler_context))
            list(self.terminate_step(step_handler_context))
            return CheckStepHealthResult.unhealthy(
                f"Kubernetes found no node for job {job} in {waited:.0f} s: {reason} Add a node, or"
                " lower execution.cpu_steps, execution.gpu_steps or execution.steps in the profile,"
                " or raise execution.wait_for_nodes"
            )
        return health

    def _unplaced(self, job: str, namespace: str | None) -> tuple[float, str]:
        """Return for how many seconds the job's pod has been without a node, and why."""
        for pod in self._api_client.get_pods_in_job(job, namespace):
            for condition in pod.status.conditions or []:
                if condition.type == "PodScheduled" and condition.reason == "Unschedulable":
                    since = datetime.now(UTC) - condition.last_transition_time
                    return since.total_seconds(), condition.message or "it does not say why."
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


def step_config(execution: KubernetesExecution, needs: Needs) -> UserDefinedDagsterK8sConfig:
    """Return what the job of a step with these needs has beyond what all have.

    CPU and memory are requested; memory and GPUs are limits as well, as Kubernetes wants it of the
    latter.
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
    return UserDefinedDagsterK8sConfig(
        container_config=container,
        pod_spec_config=pod,
        job_spec_config={"ttl_seconds_after_finished": execution.seconds_kept},
    )
