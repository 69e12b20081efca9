"""Where steps run, and the resources that they request."""

from typing import Annotated, Any, Literal

from pydantic import Field

from deepart_assets.settings.section import Section


class Needs(Section):
    """The resources that a step requests, on any engine."""

    cpus: float = Field(
        1, gt=0, description="CPU cores. A step computes as many paintings at once, four at most."
    )
    gpus: int = Field(0, ge=0, description="GPUs.")
    memory_gb: float | None = Field(None, gt=0, description="Memory, GiB; null: no request.")


class _Engine(Section):
    cpu_steps: Needs = Needs()
    gpu_steps: Needs = Needs(cpus=2, gpus=1)
    """Of each step in the pool `gpu`."""
    steps: dict[str, Needs] = Field(
        {}, description="Resources of single assets by name, in place of both."
    )
    retries: int = Field(
        2,
        ge=0,
        description="Retries of a step whose process was killed or lost; one local process has no"
        " steps of its own, and the daemon retries its runs.",
    )


class LocalExecution(_Engine):
    """Steps run in processes on this machine."""

    kind: Literal["local"] = "local"
    processes: int = Field(
        1, ge=1, description="Concurrent steps; with 1, all steps run in the run's own process."
    )


class RayExecution(_Engine):
    """Steps run as jobs on a Ray cluster."""

    kind: Literal["ray"]
    address: str = Field(
        "auto", description="Address of the cluster's dashboard, such as http://head:8265."
    )
    runtime_env: dict[str, Any] = Field({}, description="Ray's runtime environment of all steps.")
    env_vars: list[str] = Field(
        ["DEEPART_PROFILE", "DEEPART_DATA", "DEEPART_CACHE", "DAGSTER_HOME", "AWS_ENDPOINT_URL"],
        description="Environment variables of the steps: NAME=value, or the name of one that the"
        " run has. DAGSTER_HOME is where an event log on a shared path is.",
    )
    wait_for_nodes: float = Field(
        0,
        ge=0,
        description="How long a step waits for a large enough node to join the cluster, seconds; 0"
        " if the cluster does not scale up.",
    )
    max_concurrent: int | None = Field(None, ge=1, description="Concurrent steps of a run.")


class KubernetesExecution(_Engine):
    """Steps run as Kubernetes jobs.

    Settings in Kubernetes' own format, such as `volumes`, are validated against its models when a
    run starts.
    """

    kind: Literal["kubernetes"]
    namespace: str = "deepart"
    image: str | None = Field(None, description="Container image; null: that of the code location.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: list[str] = Field([], description="Names of secrets.")
    service_account: str | None = None
    env: dict[str, str] = Field({}, description="Environment variables of the steps.")
    env_secrets: list[str] = Field(
        [], description="Secrets whose keys become environment variables."
    )
    env_config_maps: list[str] = Field([], description="Config maps whose keys become variables.")
    volumes: list[dict[str, Any]] = Field(
        [], description="Volumes, for a lake that is not a bucket."
    )
    volume_mounts: list[dict[str, Any]] = Field([], description="Where the volumes are mounted.")
    gpu_resource: str = Field("nvidia.com/gpu", description="The device plugin's name of a GPU.")
    gpu_node_selector: dict[str, str] = Field({}, description="Node selector of GPU steps.")
    gpu_tolerations: list[dict[str, Any]] = Field(
        [], description="Tolerations of GPU steps, besides `tolerations`."
    )
    node_selector: dict[str, str] = Field({}, description="Node selector of steps without a GPU.")
    tolerations: list[dict[str, Any]] = Field([], description="Tolerations of all steps.")
    shared_memory_gb: float = Field(
        2, ge=0, description="Size of /dev/shm in GPU steps, GiB: PyTorch's workers use it."
    )
    seconds_kept: int = Field(86400, ge=0, description="How long a finished job is kept, seconds.")
    wait_for_nodes: float = Field(
        1800, ge=0, description="How long a pod may wait for a node, seconds."
    )
    max_concurrent: int | None = Field(None, ge=1, description="Concurrent steps of a run.")


Execution = Annotated[
    LocalExecution | RayExecution | KubernetesExecution, Field(discriminator="kind")
]
