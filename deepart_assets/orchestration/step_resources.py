"""What a step needs of the machine it runs on, for every engine alike.

`devices` decides which of this machine's GPUs a step gets; on a cluster the engine does.
"""

import contextlib
import difflib
import os
from collections.abc import Iterable, Iterator, Mapping

import dagster as dg

from deepart_assets.dagster_internals.event_log_storage import keep_connections
from deepart_assets.errors import SettingsError
from deepart_assets.orchestration.devices import reserve
from deepart_assets.orchestration.step_failures import as_failure
from deepart_assets.settings.execution import Execution, LocalExecution, Needs

GPU = "gpu"
"""The pool of the steps that use a GPU where there is one. Dagster runs as many of them at a time
as the pool has slots, and the engine gives each what `execution.gpu_steps` says."""

MOST_THREADS = 4
"""Paintings that a step computes at a time. Each may take a gigabyte."""


def needs_of(execution: Execution, step: str, pool: str | None) -> Needs:
    """Return what a step needs: its own entry of `execution.steps`, else that of its pool."""
    of_pool = execution.gpu_steps if pool == GPU else execution.cpu_steps
    return execution.steps.get(step, of_pool)


def threads_of(execution: Execution, step: str, pool: str | None) -> int:
    """Return how many paintings a step computes at a time: this machine's cores are shared by the
    steps that run at once, and a cluster gives each what it needs. At most `MOST_THREADS`.
    """
    if isinstance(execution, LocalExecution):
        cores = (os.cpu_count() or 1) // execution.processes
    else:
        cores = int(needs_of(execution, step, pool).cpus)
    return min(max(cores, 1), MOST_THREADS)


def resources_of_run(execution: Execution, context: dg.InitExecutorContext) -> Mapping[str, Needs]:
    """Return what each step of a run needs, by its name."""
    return {
        node.name: needs_of(execution, node.name, getattr(node.definition, "pool", None))
        for node in context.job.get_definition().graph.nodes
    }


def check_steps(execution: Execution, assets: Iterable[object]) -> None:
    """Refuse an entry of `execution.steps` for an asset that does not exist.

    Raises:
        SettingsError: Names the key and the closest asset.
    """
    made = [each for each in assets if isinstance(each, dg.AssetsDefinition)]
    names = {key.to_user_string() for each in made for key in each.keys}
    for step in execution.steps:
        if step not in names:
            close = difflib.get_close_matches(step, names, n=1, cutoff=0)
            raise SettingsError(
                f"execution.steps.{step}: there is no such asset in this profile;"
                f" did you mean {close[0]!r}?"
            )


@contextlib.contextmanager
def at_work(
    context: dg.AssetExecutionContext, execution: Execution, step: str, pool: str | None
) -> Iterator[None]:
    """Hold the devices that a step needs, and only those, while it works.

    Raises:
        dg.Failure: See `as_failure`.
    """
    keep_connections(context.instance)
    with as_failure():
        needs = needs_of(execution, step, pool)
        if isinstance(execution, LocalExecution):
            # All steps of one process have what CUDA reads once: the most that one of them needs.
            wanted = (each.gpus for each in (execution.gpu_steps, *execution.steps.values()))
            shared = None if execution.processes > 1 else max(wanted)
            with reserve(needs.gpus, step, context.log.info, shared):
                yield
            return
        if needs.gpus:
            # The engine has chosen them: Ray with this variable, Kubernetes by what it mounts.
            seen = os.environ.get("CUDA_VISIBLE_DEVICES", "all that the machine shows")
            context.log.info(f"{step}: CUDA devices {seen}")
        yield
