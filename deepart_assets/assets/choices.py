"""What a curator decides: files that are observed. What was accepted is in `chosen`."""

from deepart_assets import asset_names
from deepart_assets.curation import (
    CHOICES,
    REQUESTABLE,
    REQUESTS,
    CuratorRequest,
    read_request,
)
from deepart_assets.orchestration.context import Painting
from deepart_assets.orchestration.observable_assets import ObservableFolder
from deepart_assets.settings.outpainting import Outpainter

CURATOR_CHOICES = ObservableFolder(
    asset=asset_names.CURATOR_CHOICES,
    group="restoration",
    description="Which result of a painting a curator accepts, or that none is: "
    "`choices/<painting id>.json` in the data root, as the desk (`deepart desk`) writes it.",
    folder=CHOICES,
    suffix=".json",
)


def requests_to(name: str, outpainter: Outpainter) -> list[ObservableFolder]:
    """Return the requests of curators to an outpainter of the profile; [] if it takes none."""
    taken = REQUESTABLE.get(outpainter.kind)
    if taken is None:
        return []
    named = ", ".join(f"`{each}`" for each in taken)
    folder = ObservableFolder(
        asset=asset_names.requests(name),
        group="outpainting",
        description=f"Other outpaintings that a curator asks for, by {named}:"
        f" `{REQUESTS}/{name}/<painting id>.json` in the data root, as the desk (`deepart desk`)"
        " writes it. Only that painting is made again.",
        folder=f"{REQUESTS}/{name}",
        suffix=".json",
    )
    return [folder]


def request_for_painting(painting: Painting, outpainter: str, kind: str) -> CuratorRequest:
    """Return what was asked of an outpainter about a painting; nothing without a file.

    Args:
        painting: The painting.
        outpainter: Its name in the profile.
        kind: Its kind.

    Raises:
        PaintingError: The file cannot be read, asks for what the outpainter does not take, or has
            just been changed.
    """
    asset = asset_names.requests(outpainter)
    if asset not in painting.observed:
        return CuratorRequest()
    return read_request(*painting.observed_file(asset), kind)
