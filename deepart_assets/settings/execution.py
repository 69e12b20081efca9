"""Where steps run.

Belongs here: names, types, defaults, ranges. Does not belong here: code that acts on a setting.
"""

from typing import Annotated, Literal

from pydantic import Field

from deepart_assets.settings.section import Section


class LocalExecution(Section):
    """Steps in processes of this machine."""

    kind: Literal["local"] = "local"
    processes: int = Field(1, ge=1, description="Steps at a time.")


class RayExecution(Section):
    """Steps on a Ray cluster."""

    kind: Literal["ray"]
    address: str = "auto"


class KubernetesExecution(Section):
    """Steps as Kubernetes jobs."""

    kind: Literal["kubernetes"]
    namespace: str = "deepart"
    image: str = "deepart-assets:latest"


Execution = Annotated[
    LocalExecution | RayExecution | KubernetesExecution, Field(discriminator="kind")
]
