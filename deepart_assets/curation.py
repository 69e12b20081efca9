"""What a curator decides about a painting, as files in the lake: a choice, and requests.

Masks and texts are in `segmentation`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deepart_assets.errors import PaintingError

CHOICES = "choices"
"""The lake's folder: `<painting id>.json` is a `CuratorChoice`."""

REQUESTS = "requests"
"""The lake's folder: `<outpainter>/<painting id>.json` is a `CuratorRequest`."""

_GENERATED = ("candidates", "seed", "first")

REQUESTABLE: Mapping[str, Sequence[str]] = {
    "artificially_inspired": _GENERATED,
    "stable_diffusion": (*_GENERATED, "prompt"),
    "diffusers": (*_GENERATED, "prompt"),
    "scene_completion": ("candidates", "ground", "excluded_grounds"),
}
"""The fields of a `CuratorRequest` that mean something to an outpainter, by its kind.

Outpainters of other kinds take no requests.
"""

MAX_EXCLUDED = 1000


class _Decision(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CuratorChoice(_Decision):
    """Which result of a painting is the one to publish, if any."""

    decision: Literal["accepted", "rejected", "open"] = Field(
        "open",
        description="open: what was decided before counts no longer.",
    )
    outpainter: str = Field("", description="Whose upscaled result is accepted.")
    sha256: str = Field(
        "",
        description="The version of that result (`StoredFile.version`), so that another one is not"
        " published unseen.",
    )
    rejected: dict[str, str] = Field(
        {},
        description="The versions of the results that were rejected, by outpainter: a result that"
        " is another by now has not been seen. Empty: whatever there is.",
    )
    note: str = Field("", max_length=2000)


class CuratorRequest(_Decision):
    """Other outpaintings of a painting by one outpainter; what is None is as in the profile."""

    candidates: int | None = Field(None, ge=1, le=16)
    seed: int | None = Field(None, ge=0, le=2**31 - 1, description="Instead of restoration.seed.")
    prompt: str | None = Field(None, max_length=1000)
    first: int | None = Field(
        None, ge=0, description="The seed of the candidate that goes on, whatever its seam."
    )
    ground: str | None = Field(
        None, max_length=300, description="The id of the ground that goes on, whatever it costs."
    )
    excluded_grounds: tuple[str, ...] = Field(
        (), max_length=MAX_EXCLUDED, description="The ids of grounds that are passed over."
    )


DecisionT = TypeVar("DecisionT", CuratorChoice, CuratorRequest)


def read_decision(kind: type[DecisionT], data: bytes, path: str) -> DecisionT:
    """Read a file of a curator.

    Args:
        kind: What is in it.
        data: Its bytes: JSON.
        path: Its lake path, for the message.

    Raises:
        PaintingError: It is no JSON, or says something else.
    """
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        faults: Any = error.errors()
        said = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in faults
        )
        raise PaintingError(f"{path} cannot be read ({said}): correct it, or remove it") from error


def read_request(data: bytes, path: str, kind: str) -> CuratorRequest:
    """Read a curator's request to an outpainter.

    Args:
        data: The file's bytes: JSON.
        path: Its lake path, for the message.
        kind: The outpainter's.

    Raises:
        PaintingError: It cannot be read, or asks for what the outpainter does not take.
    """
    request = read_decision(CuratorRequest, data, path)
    taken = REQUESTABLE.get(kind, ())
    asked = request.model_dump(exclude_defaults=True)
    if beyond := ", ".join(name for name in asked if name not in taken):
        raise PaintingError(
            f"{path} asks for {beyond}, which means nothing to an outpainter of kind {kind}: it"
            f" takes {', '.join(taken) or 'no requests'}"
        )
    return request


def choice_path(key: str) -> str:
    """Return the lake path of the choice among a painting's results."""
    return f"{CHOICES}/{key}.json"


MADE_AGAIN = "the accepted result has been made again since: look at it, and accept it again"
"""Why an accepted result is not published."""

NEW_SINCE_REJECTED = "a result has been made again since all were rejected: look at it"
"""Why a rejection counts no longer."""


def request_path(outpainter: str, key: str) -> str:
    """Return the lake path of the request to an outpainter about a painting."""
    return f"{REQUESTS}/{outpainter}/{key}.json"
