"""Runs steps as jobs of a Ray cluster, by dagster-ray.

dagster-ray submits, follows and stops the jobs. Its own `ray_executor` waits silently for ever for
a node that does not exist, does not retry a lost step, and skips what is downstream of a failed
one. Ray is loaded when a run starts.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping

import dagster as dg
from ray.job_submission import JobStatus, JobSubmissionClient

from deepart_assets.dagster_internals import private_names
from deepart_assets.dagster_internals.step_retries import ClusterExecutor
from deepart_assets.errors import UnavailableError
from deepart_assets.settings.execution import Needs, RayExecution

with private_names():
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.executor.step_delegating import CheckStepHealthResult, StepHandlerContext
    from dagster_ray.core.executor import RayStepHandler

GIB = 1024**3

NodeResources = Mapping[str, float]
"""What a node has, in Ray's units: "CPU", "GPU", "memory" in bytes."""


def ray_executor(execution: RayExecution, resources: Mapping[str, Needs]) -> dg.Executor:
    """Return the executor of a run.

    Args:
        execution: The section `execution` of the profile.
        resources: What each step needs, by its name.

    Raises:
        UnavailableError: The cluster cannot be reached.
    """
    try:
        client = JobSubmissionClient(execution.address)
    except (OSError, RuntimeError) as error:  # requests' errors are the former
        raise UnavailableError(
            f"execution.address: no Ray cluster answers at {execution.address!r} ({error}):"
            " start one with `ray start --head`, or name its dashboard, http://head:8265"
        ) from error
    return _RayExecutor(_StepHandler(client, execution, resources))


class _RayExecutor(ClusterExecutor):
    """Checks before the first step that each step has a node that is large enough."""

    def __init__(self, handler: "_StepHandler") -> None:
        super().__init__(handler, handler.execution, handler.unschedulable)
        self._handler = handler

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        handler = self._handler
        if not handler.execution.wait_for_nodes:
            nodes = handler.nodes()
            wanted = {step: handler.needs[step] for step in execution_plan.step_keys_to_execute}
            if too_large := {step: each for step, each in wanted.items() if not fits(each, nodes)}:
                raise UnavailableError(too_large_for(too_large, nodes))
        yield from super().execute(plan_context, execution_plan)


class _StepHandler(RayStepHandler):
    """Submits each step with its own resources, and gives up on one that fits no node."""

    def __init__(
        self, client: JobSubmissionClient, execution: RayExecution, needs: Mapping[str, Needs]
    ) -> None:
        passed = [each for each in execution.env_vars if "=" in each or each in os.environ]
        super().__init__(
            client=client,
            env_vars=passed,
            runtime_env=execution.runtime_env,
            num_cpus=None,
            num_gpus=None,
            memory=None,
            resources=None,
        )
        self.execution = execution
        self.needs = needs
        self.unschedulable: set[str] = set()
        self._submitted: dict[str, float] = {}
        self._ended: set[str] = set()

    def nodes(self) -> list[NodeResources]:
        """Return what each living node has, in use or not."""
        from ray.util.state import list_nodes

        # The state API wants the dashboard's address, which the job client has found.
        found = list_nodes(self.client.get_address(), raise_on_missing_output=False)
        return [node.resources_total or {} for node in found if node.state == "ALIVE"]

    def launch_step(self, step_handler_context: StepHandlerContext) -> Iterator[dg.DagsterEvent]:
        step = self._get_step_key(step_handler_context)
        needs = self.needs[step]
        # The base class reads these; all are set, lest those of the step before remain.
        self.num_cpus, self.num_gpus = needs.cpus, float(needs.gpus)
        self.memory = round(needs.memory_gb * GIB) if needs.memory_gb else None
        self._submitted[step] = time.monotonic()
        yield from super().launch_step(step_handler_context)

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        step = self._get_step_key(step_handler_context)
        job = self._get_ray_job_submission_id(step_handler_context)
        waited = time.monotonic() - self._submitted.setdefault(step, time.monotonic())
        health = super().check_step_health(step_handler_context)
        if not health.is_healthy:
            return health
        status = self.client.get_job_status(job)
        if status == JobStatus.PENDING and waited >= self.execution.wait_for_nodes:
            needs = self.needs[step]
            # A step may wait long for others to end, and for ever where no node is large enough.
            if not fits(needs, nodes := self.nodes()):
                self.unschedulable.add(step)
                self.client.stop_job(job)
                return CheckStepHealthResult.unhealthy(too_large_for({step: needs}, nodes))
        if status in (JobStatus.SUCCEEDED, JobStatus.STOPPED):
            # At the first check the step's last event may still be on its way.
            if job in self._ended:
                return CheckStepHealthResult.unhealthy(f"Ray job {job} ended without a result.")
            self._ended.add(job)
        return health


def fits(needs: Needs, nodes: Iterable[NodeResources]) -> bool:
    """Return whether one node has all that a step needs."""
    wanted = {
        "CPU": needs.cpus,
        "GPU": float(needs.gpus),
        "memory": (needs.memory_gb or 0) * GIB,
    }
    return any(all(node.get(k, 0) >= wanted[k] for k in wanted) for node in nodes)


def too_large_for(wants: Mapping[str, Needs], nodes: Iterable[NodeResources]) -> str:
    """Return the message that names the steps that no node can run, the nodes and the remedy."""
    requested = "; ".join(f"{step} asks for {_describe(needs)}" for step, needs in wants.items())
    available = "; ".join(
        _describe(
            Needs.model_construct(
                cpus=node.get("CPU", 0),
                gpus=int(node.get("GPU", 0)),
                memory_gb=node.get("memory", 0) / GIB,
            )
        )
        for node in nodes
    )
    return (
        f"No node of the Ray cluster is large enough: {requested}. The nodes have:"
        f" {available or 'nothing'}."
        " Add a larger node, or lower execution.cpu_steps, execution.gpu_steps or execution.steps"
        " in the profile; where the cluster scales by itself, set execution.wait_for_nodes"
    )


def _describe(needs: Needs) -> str:
    memory = f", {needs.memory_gb:.1f} GiB" if needs.memory_gb else ""
    return f"{needs.cpus:g} CPUs, {needs.gpus} GPUs{memory}"
