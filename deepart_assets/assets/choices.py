"""What a curator decides: files that are observed, and the restorations that were accepted."""

from collections.abc import Sequence

from deepart_assets import asset_names
from deepart_assets.curation import (
    CHOICES,
    REQUESTS,
    CuratorChoice,
    CuratorRequest,
    choice_path,
    read_decision,
    request_path,
)
from deepart_assets.errors import SkipPainting
from deepart_assets.orchestration.asset_factory import painting_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import Painting, PaintingStageSpec, StageContext
from deepart_assets.orchestration.observable_assets import ObservableFolder
from deepart_assets.storage import StageResult

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


def chosen_from(outpainters: Sequence[str]) -> PipelineAssetSpec:
    """Return the asset `chosen_restorations` for the outpainters that the profile names."""

    @painting_asset(
        painting_deps=[asset_names.upscaled(name) for name in outpainters],
        observed=[CURATOR_CHOICES],
        needs_file=True,
        reads_original=False,
        kinds={"python"},
    )
    def chosen_restorations(context: StageContext) -> PaintingStageSpec:
        """The results that a curator has accepted: a folder for a website or a catalogue.

        The PNG of the accepted outpainter, byte for byte, for the paintings that have one; others
        have no file. An accepted result that has been made again since is not published unseen: it
        has to be accepted again.
        """

        def make(painting: Painting) -> StageResult:
            path = choice_path(painting.id)
            data = painting.observed_file(CURATOR_CHOICES.asset, path)
            choice = read_decision(CuratorChoice, data, path)
            target = asset_names.output_path(asset_names.CHOSEN_RESTORATIONS, painting.id)
            reason = _reason_to_leave_out(painting, choice, outpainters)
            if reason is not None:
                context.lake.remove(target)
                raise SkipPainting(reason)
            source = asset_names.upscaled(choice.outpainter)
            return StageResult(
                {target: painting.read(source)},
                {
                    "outpainter": choice.outpainter,
                    "caption": painting.caption,
                    "note": choice.note or None,
                    "preview": painting.inputs[source].figures.get("preview"),
                },
            )

        return PaintingStageSpec(make, details=lambda painting: {"caption": painting.caption})

    return chosen_restorations


def _reason_to_leave_out(
    painting: Painting, choice: CuratorChoice, outpainters: Sequence[str]
) -> str | None:
    if choice.decision == "rejected":
        return f"rejected by the curator{f': {choice.note}' if choice.note else ''}"
    if choice.decision == "open":
        return "the curator has not decided"
    if choice.outpainter not in outpainters:
        return (
            f"the result of {choice.outpainter!r} is accepted, an outpainter that the profile does"
            " not name: accept another one"
        )
    files = painting.inputs[asset_names.upscaled(choice.outpainter)].files
    if not files or files[0].sha256 != choice.sha256:
        return "the accepted result has been made again since: look at it, and accept it again"
    return None
