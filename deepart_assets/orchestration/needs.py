"""What a step needs of the machine it runs on, said once for every engine.

Belongs here: the pool that marks a GPU step, the way from there to numbers, and what surrounds a
step's work. Does not belong here: how an engine is asked for it (`executors`, `ray_engine`,
`kubernetes_engine`), which GPU it is (`devices`).
"""

import contextlib
import difflib
import os
from collections.abc import Iterable, Iterator

import dagster as dg

from deepart_assets.errors import DeepArtError, SettingsError
from deepart_assets.orchestration.devices import Devices
from deepart_assets.orchestration.history import keep_connections
from deepart_assets.settings.execution import Execution, LocalExecution, Needs

GPU = "gpu"
"""The pool of the steps that use a GPU where there is one. Dagster lets in as many as it has
slots; each engine gives each of them `gpu_steps` of its settings."""


def needs_of(execution: Execution, step: str, pool: str | None) -> Needs:
    """Return what a step asks for: its own entry, else that of its pool."""
    of_pool = execution.gpu_steps if pool == GPU else execution.cpu_steps
    return execution.steps.get(step, of_pool)


def check_steps(execution: Execution, assets: Iterable[object]) -> None:
    """Refuse needs of an asset that there is none of.

    Raises:
        SettingsError: Names the key and the nearest asset.
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
    """Surround a step's work: it has the devices it needs, and only those, until its end.

    Raises:
        dg.Failure: In place of a DeepArtError, whose message is meant for the user; it is not
            tried again.
    """
    keep_connections(context.instance)
    try:
        needs = needs_of(execution, step, pool)
        if isinstance(execution, LocalExecution):
            with _devices(execution).held(needs.gpus, step, context.log.info):
                yield
            return
        if needs.gpus:
            # The engine has chosen them: Ray by this variable, Kubernetes by what it mounts.
            seen = os.environ.get("CUDA_VISIBLE_DEVICES", "all that the machine shows")
            context.log.info(f"{step}: CUDA devices {seen}")
        yield
    except DeepArtError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _devices(execution: LocalExecution) -> Devices:
    if execution.processes > 1:
        return Devices()
    # All steps in one process: CUDA looks once at what it may use, so that is the most of all.
    most = max(each.gpus for each in (execution.gpu_steps, *execution.steps.values()))
    return Devices(at_once=most)
