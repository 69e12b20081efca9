"""The settings of ready-made weights: where their file is."""

from typing import Annotated, Literal

from pydantic import Field

from deepart_assets.settings.section import NonEmpty, Section

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]
Sha256Start = Annotated[str, Field(pattern=r"^([0-9a-fA-F]{8,16}|[0-9a-fA-F]{64})$")]
"""Or its first 8 to 16 digits, as torch.hub has them in names of files; no MD5, no SHA-1."""


class DriveWeights(Section):
    """Published weights on Google Drive, by file id."""

    kind: Literal["drive"]
    file_id: str
    sha256: Sha256 | None = None


class DriveGenerator(Section):
    """A published CoModGAN on Google Drive: the checkpoint, or an archive that contains it."""

    kind: Literal["drive"]
    file_id: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    member: NonEmpty | None = Field(
        None, description="End of the checkpoint's path inside an archive."
    )


class FileWeights(Section):
    """A file of weights, PyTorch's or safetensors."""

    kind: Literal["file"]
    path: NonEmpty = Field(description="A path, relative to the project, or an fsspec URL.")
    sha256: Sha256 | None = Field(None, description="None: not verified.")


class UrlWeights(Section):
    """A file of weights behind an address of http or https, downloaded once."""

    kind: Literal["url"]
    url: str = Field(pattern=r"^https?://")
    sha256: Sha256 | None = Field(None, description="None: that of the first download.")


class HubWeights(Section):
    """A file of weights in a model of the Hugging Face hub."""

    kind: Literal["hub"]
    model: NonEmpty = Field(description='An id, "owner/name", or a local folder.')
    file: NonEmpty = Field(description="The file's path in the model.")
    revision: str | None = Field(None, description="A commit, tag or branch.")
    sha256: Sha256 | None = Field(None, description="None: not verified.")


class PackageWeights(Section):
    """A file of weights inside an installed Python package, which is not imported."""

    kind: Literal["package"]
    package: str = Field(pattern=r"^[A-Za-z_]\w*$", description="Its name in `import`.")
    file: NonEmpty = Field(description="The file's path in the package.")
    sha256: Sha256 | None = Field(None, description="None: not verified.")


class BundledWeights(Section):
    """Weights that come with the project, `<name>.safetensors`.

    Super-resolution networks are in data/models, generators in data/models/outpainting.
    """

    kind: Literal["bundled"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


GeneratorWeights = Annotated[
    DriveGenerator | FileWeights | BundledWeights, Field(discriminator="kind")
]
InpaintingWeights = Annotated[
    DriveWeights | FileWeights | UrlWeights | HubWeights | PackageWeights,
    Field(discriminator="kind"),
]
PublishedWeights = (
    DriveWeights | FileWeights | UrlWeights | HubWeights | PackageWeights | BundledWeights
)
