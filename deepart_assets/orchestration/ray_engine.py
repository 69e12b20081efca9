"""Steps as jobs of a Ray cluster, by dagster-ray.

Belongs here: what a step's needs are called there, and refusing what no node can give. Does not
belong here: which executor a profile has (`executors`); it loads this module, and Ray, when a run
starts.

dagster-ray's own executor waits silently for ever for a node that there is not, gives each step the
same resources or those of its tags, and skips what is downstream of a step that failed. Submitting
a step, following and ending it are dagster-ray's.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping

import dagster as dg
from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.executor.step_delegating import CheckStepHealthResult, StepHandlerContext
from dagster_ray.core.executor import RayStepHandler
from ray.job_submission import JobStatus, JobSubmissionClient

from deepart_assets.errors import UnavailableError
from deepart_assets.orchestration.lost_workers import ClusterExecutor
from deepart_assets.orchestration.needs import needs_of
from deepart_assets.settings.execution import Needs, RayExecution

GIB = 1024**3

Resources = Mapping[str, float]
"""What a node has, as Ray counts: "CPU", "GPU", "memory" in bytes."""


def ray_engine(execution: RayExecution) -> dg.Executor:
    """Return the executor of a run.

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
    return _RayExecutor(_Handler(client, execution))


class _RayExecutor(ClusterExecutor):
    """Looks before the first step whether each has a node that is large enough."""

    def __init__(self, handler: "_Handler") -> None:
        settings = handler.execution
        super().__init__(handler, settings.retries, settings.max_concurrent, handler.given_up)
        self._handler = handler

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        execution = self._handler.execution
        if not execution.wait_for_nodes:
            nodes = self._handler.nodes()
            steps = [
                execution_plan.get_step_by_key(key) for key in execution_plan.step_keys_to_execute
            ]
            wants = {step.key: needs_of(execution, step.key, step.pool) for step in steps}
            if too_large := {key: each for key, each in wants.items() if not fits(each, nodes)}:
                raise UnavailableError(too_large_for(too_large, nodes))
        yield from super().execute(plan_context, execution_plan)


class _Handler(RayStepHandler):
    """Submits each step with its own needs."""

    def __init__(self, client: JobSubmissionClient, execution: RayExecution) -> None:
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
        self.given_up: set[str] = set()
        self._since: dict[str, float] = {}
        self._ended: set[str] = set()

    def nodes(self) -> list[Resources]:
        """Return what each living node has, whether it is taken or not."""
        from ray.util.state import list_nodes

        # The states' client wants the dashboard's address, which the jobs' client has found.
        found = list_nodes(self.client.get_address(), raise_on_missing_output=False)
        return [node.resources_total or {} for node in found if node.state == "ALIVE"]

    def launch_step(self, step_handler_context: StepHandlerContext) -> Iterator[DagsterEvent]:
        needs = self._needs(step_handler_context)
        # Read by what follows. Set for each step anew: those of the step before would stay.
        self.num_cpus, self.num_gpus = needs.cpus, float(needs.gpus)
        self.memory = round(needs.memory_gb * GIB) if needs.memory_gb else None
        self._since[self._get_step_key(step_handler_context)] = time.monotonic()
        yield from super().launch_step(step_handler_context)

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        step = self._get_step_key(step_handler_context)
        job = self._get_ray_job_submission_id(step_handler_context)
        waited = time.monotonic() - self._since.setdefault(step, time.monotonic())
        health = super().check_step_health(step_handler_context)
        if not health.is_healthy:
            return health
        status = self.client.get_job_status(job)
        if status == JobStatus.PENDING and waited >= self.execution.wait_for_nodes:
            needs = self._needs(step_handler_context)
            # A step that waits for others to end may wait long; one that nothing fits, for ever.
            if not fits(needs, nodes := self.nodes()):
                self.given_up.add(step)
                self.client.stop_job(job)
                return CheckStepHealthResult.unhealthy(too_large_for({step: needs}, nodes))
        if status in (JobStatus.SUCCEEDED, JobStatus.STOPPED):
            # The first time, the step's last event may be on its way to us.
            if job in self._ended:
                return CheckStepHealthResult.unhealthy(f"Ray job {job} ended without a result.")
            self._ended.add(job)
        return health

    def _needs(self, context: StepHandlerContext) -> Needs:
        key = self._get_step_key(context)
        return needs_of(self.execution, key, context.get_step_context(key).step.pool)


def fits(needs: Needs, nodes: Iterable[Resources]) -> bool:
    """Tell whether one node has all that a step needs."""
    wanted = {
        "CPU": needs.cpus,
        "GPU": float(needs.gpus),
        "memory": (needs.memory_gb or 0) * GIB,
    }
    return any(all(node.get(k, 0) >= wanted[k] for k in wanted) for node in nodes)


def too_large_for(wants: Mapping[str, Needs], nodes: Iterable[Resources]) -> str:
    """Say which steps no node can run, what the nodes have, and what to do."""
    asked = "; ".join(f"{step} asks for {_words(needs)}" for step, needs in wants.items())
    have = "; ".join(
        _words(
            Needs.model_construct(
                cpus=node.get("CPU", 0),
                gpus=int(node.get("GPU", 0)),
                memory_gb=node.get("memory", 0) / GIB,
            )
        )
        for node in nodes
    )
    return (
        f"No node of the Ray cluster is large enough: {asked}. The nodes have: {have or 'nothing'}."
        " Add a larger node, or lower execution.cpu_steps, execution.gpu_steps or execution.steps"
        " in the profile; where the cluster grows by itself, set execution.wait_for_nodes"
    )


def _words(needs: Needs) -> str:
    memory = f", {needs.memory_gb:.1f} GiB" if needs.memory_gb else ""
    return f"{needs.cpus:g} CPUs, {needs.gpus} GPUs{memory}"
