"""What a curator decides: files that are observed. What was accepted is in `chosen`."""

from deepart_assets import asset_names
from deepart_assets.curation import (
    CHOICES,
    REQUESTS,
    CuratorRequest,
    read_decision,
    request_path,
)
from deepart_assets.orchestration.context import Painting
from deepart_assets.orchestration.observable_assets import ObservableFolder

CURATOR_CHOICES = ObservableFolder(
    asset=asset_names.CURATOR_CHOICES,
    description="Which result of a painting a curator accepts, or that none is: "
    "`choices/<painting id>.json` in the data root, as the desk (`deepart desk`) writes it.",
    folder=CHOICES,
    suffix=".json",
)


def requests_to(outpainter: str) -> ObservableFolder:
    """Return the requests of curators to an outpainter."""
    return ObservableFolder(
        asset=asset_names.requests(outpainter),
        description="Other outpaintings that a curator asks for: more candidates, another seed, a"
        f" prompt of the painting's own. `{REQUESTS}/{outpainter}/<painting id>.json` in the data"
        " root, as the desk (`deepart desk`) writes it. Only that painting is made again.",
        folder=f"{REQUESTS}/{outpainter}",
        suffix=".json",
    )


def request_for_painting(painting: Painting, outpainter: str) -> CuratorRequest:
    """Return what was asked of an outpainter about a painting; nothing without a file.

    Raises:
        PaintingError: The file cannot be read, or has just been changed.
    """
    asset = asset_names.requests(outpainter)
    if asset not in painting.observed:
        return CuratorRequest()
    path = request_path(outpainter, painting.id)
    return read_decision(CuratorRequest, painting.observed_file(asset, path), path)
