"""The settings of the executor, and the resources of steps."""

from typing import Annotated, Any, Literal

from pydantic import Field

from deepart_assets.settings.section import Section


class Needs(Section):
    """What a step asks of the machine that runs it, whichever engine that is."""

    cpus: float = Field(1, gt=0)
    gpus: int = Field(0, ge=0)
    memory_gb: float | None = Field(None, gt=0, description="GiB; None asks for none.")


class _Engine(Section):
    cpu_steps: Needs = Needs()
    gpu_steps: Needs = Needs(cpus=2, gpus=1)
    """Of every step in the pool `gpu`."""
    steps: dict[str, Needs] = Field({}, description="Of single assets, by name, in place of both.")
    retries: int = Field(
        2, ge=0, description="How often a step is started again whose process was killed or lost."
    )


class LocalExecution(_Engine):
    """Steps in processes of this machine."""

    kind: Literal["local"] = "local"
    processes: int = Field(
        1, ge=1, description="Steps at a time. With 1 all steps are in the run's own process."
    )


class RayExecution(_Engine):
    """Steps as jobs of a Ray cluster."""

    kind: Literal["ray"]
    address: str = Field("auto", description="Of the cluster's dashboard: http://head:8265.")
    runtime_env: dict[str, Any] = Field({}, description="Ray's own, for all steps.")
    env_vars: list[str] = Field(
        ["DEEPART_PROFILE", "DEEPART_DATA", "DEEPART_CACHE", "AWS_ENDPOINT_URL"],
        description="Passed on from the run to its steps where they are set; or NAME=value.",
    )
    wait_for_nodes: float = Field(
        0,
        ge=0,
        description="Seconds that a step waits for a node large enough to join the cluster; 0 where"
        " the cluster does not grow by itself.",
    )
    max_concurrent: int | None = Field(None, ge=1, description="Steps of a run at a time.")


class KubernetesExecution(_Engine):
    """Steps as Kubernetes jobs.

    What is given in Kubernetes' own terms (`volumes` and their like) is checked against
    Kubernetes' models when a run starts.
    """

    kind: Literal["kubernetes"]
    namespace: str = "deepart"
    image: str | None = Field(None, description="None: that of the code location.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: list[str] = Field([], description="Names of secrets.")
    service_account: str | None = None
    env: dict[str, str] = Field({}, description="Variables of the steps.")
    env_secrets: list[str] = Field([], description="Secrets whose keys become variables.")
    env_config_maps: list[str] = Field([], description="Config maps whose keys become variables.")
    volumes: list[dict[str, Any]] = Field([], description="The lake, where it is no bucket.")
    volume_mounts: list[dict[str, Any]] = Field([], description="Where they are in the container.")
    gpu_resource: str = Field("nvidia.com/gpu", description="What the device plugin calls a GPU.")
    gpu_node_selector: dict[str, str] = Field({}, description="Labels of the nodes with GPUs.")
    gpu_tolerations: list[dict[str, Any]] = Field(
        [], description="Of the steps with a GPU, beside `tolerations`."
    )
    node_selector: dict[str, str] = Field({}, description="Of the steps without a GPU.")
    tolerations: list[dict[str, Any]] = Field([], description="Of all steps.")
    shared_memory_gb: float = Field(
        2, ge=0, description="/dev/shm of a GPU step, for PyTorch's worker processes."
    )
    seconds_kept: int = Field(86400, ge=0, description="How long an ended job is left to look at.")
    wait_for_nodes: float = Field(
        1800, ge=0, description="Seconds that a step may wait for a node that its pod fits on."
    )
    max_concurrent: int | None = Field(None, ge=1, description="Steps of a run at a time.")


Execution = Annotated[
    LocalExecution | RayExecution | KubernetesExecution, Field(discriminator="kind")
]
