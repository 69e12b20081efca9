"""The asset of outpaintings by scene completion: each subject on the ground of another painting."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets import asset_names
from deepart_assets.assets.choices import request_for_painting, requests_to
from deepart_assets.assets.grounds import ground_library, ready_made_hash
from deepart_assets.assets.outpaintings import SUBJECT_UNTOUCHED, candidate_files
from deepart_assets.assets.references import labels_from
from deepart_assets.assets.subjects import GROUND_TONE, ground_tone_of
from deepart_assets.imaging import decode_rgb, decode_rgba, encode_png, preview_uri
from deepart_assets.orchestration.asset_factory import painting_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import Painting, PaintingStageSpec, StageContext
from deepart_assets.outpainting import (
    GroundTone,
    composed,
    request_for,
    seam_score,
    subject_difference,
)
from deepart_assets.outpainting.scene_completion import Choice, Ground, SceneCompletionOutpainter
from deepart_assets.segmentation.faces import find_faces
from deepart_assets.settings import Settings
from deepart_assets.settings.outpainting import SceneCompletion
from deepart_assets.storage import MaterializationRecord, StageResult
from deepart_assets.work import once

FULL_SIZE = ("full_size", "maximal_enlargement")
"""The outpainter's settings that the outpainting itself does not depend on."""

RESTS = {
    "body": ", the subject's body continued below",
    "table": ", a table painted under the subject",
    "floor": ", a floor painted under the subject",
    "ledge": ", a ledge painted before the subject",
}
"""How the picture's file says what was painted under a subject."""


def scene_completions_by(name: str, kind: SceneCompletion) -> PipelineAssetSpec:
    """Return the asset `<name>_outpaintings` of an outpainter of kind `scene_completion`."""
    asset = asset_names.outpaintings(name)

    def chosen(settings: Settings) -> dict[str, Any]:
        return {
            "outpainter": settings.outpainters[name].provenance(*FULL_SIZE),
            "candidates": settings.restoration.candidates,
            # A library that has to be made again makes the results stale before it is.
            "grounds": settings.grounds.model_dump(mode="json"),
        }

    @painting_asset(
        settings=chosen,
        name=asset,
        code_version="15",  # 15: the tone of the old ground is known, and of the floor
        deps=[asset_names.GROUND_LIBRARY],
        reads_original=False,
        painting_deps=[asset_names.UNFINISHED_PAINTINGS],
        observed=requests_to(name, kind),
        group="outpainting",
        kinds={"numpy"},
        checks=[SUBJECT_UNTOUCHED],
    )
    def outpaintings(context: StageContext) -> PaintingStageSpec:
        """The subject on the painted ground of another painting of the library, colours matched.

        RGB PNG at the working size. Subject pixels are unchanged, byte for byte; the seam is
        blended on the ground's side only. Of several candidates the ground that suits best comes
        first, or the one that a curator prefers; the others are kept. One with a face beside the
        subject comes last. Whose ground it is stands in
        the file, in the metadata, on the sheet and in the gallery. A painting never gets its own
        ground, nor that of a copy.
        """
        candidates = context.settings.restoration.candidates
        outpainter = scene_completion_outpainter(context)
        labels_of = labels_from(context)

        def details(painting: Painting) -> dict[str, Any]:
            return {"labels": labels_of(painting), GROUND_TONE: ground_tone_of(painting)}

        def make(painting: Painting) -> StageResult:
            unfinished = painting.decoded(asset_names.UNFINISHED_PAINTINGS, decode_rgba)
            request = request_for(
                unfinished,
                labels=labels_of(painting),
                ground=GroundTone.from_dict(ground_tone_of(painting)),
            )
            asked = request_for_painting(painting, name, kind.kind)
            choices = (
                []
                if request is None
                else outpainter.choose(
                    request,
                    asked.candidates or candidates,
                    first=asked.ground,
                    excluded=asked.excluded_grounds,
                )
            )
            found: list[dict[str, Any]] = []
            texts: list[dict[str, str]] = []
            pictures: list[tuple[bytes, str, None]] = []
            for choice in choices:
                assert request is not None
                ground = outpainter.library[choice.ground]
                laid = outpainter.render(request, choice)
                result = composed(laid, unfinished, outpainter.descriptor)
                texts.append(provenance_text(ground, choice))
                pictures.append((encode_png(result, texts[-1]), texts[-1]["Description"], None))
                found.append(
                    {
                        **_credited(ground),
                        "cost": choice.cost,
                        "seam_score": round(seam_score(unfinished, result), 3),
                    }
                )
            if not pictures:  # nothing is missing
                pictures.append((encode_png(unfinished[..., :3]), "All is the painter's.", None))
            settings = context.settings.outpainters[name]
            files, content = candidate_files(painting, name, settings, pictures, is_trained=False)
            written = decode_rgb(next(iter(files.values())), painting.id)
            first = choices[0] if choices else None
            return StageResult(
                files,
                {
                    "preview": preview_uri(written),
                    "ground": credit_of(outpainter.library[first.ground]) if first else None,
                    "lender": _credited(outpainter.library[first.ground]) if first else None,
                    "placement": first.to_dict() if first else None,
                    "texts": texts[0] if texts else None,
                    "cost": first.cost if first else None,
                    "fits": first.fits if first else None,
                    "subject_difference": subject_difference(unfinished, written),
                    "seam_score": found[0]["seam_score"] if found else None,
                    "candidates": found if len(found) > 1 else None,
                    "asked": asked.model_dump(mode="json", exclude_defaults=True) or None,
                },
                content=content,
            )

        return PaintingStageSpec(
            make,
            details=details,
            weights=ready_made_hash(context.settings),
        )

    return outpaintings


def scene_completion_outpainter(context: StageContext) -> SceneCompletionOutpainter:
    """Return the outpainter; it reads the lake's library at the first use."""
    return SceneCompletionOutpainter(once(lambda: ground_library(context)), find_faces)


def credit_of(ground: Ground) -> str:
    """Return title, artist and year of the painting that lends a ground, in one line."""
    year = "" if ground.year is None else str(ground.year)
    return ", ".join(filter(None, (ground.artist, ground.title, year))) or ground.id


def credit_in(record: MaterializationRecord | None) -> str | None:
    """Return whose ground an outpainting has, from its record; None where that is not another's."""
    credit = record.figures.get("ground") if record is not None else None
    return str(credit) if credit else None


def _credited(ground: Ground) -> dict[str, Any]:
    return {
        "id": ground.id,
        "artist": ground.artist,
        "title": ground.title,
        "year": ground.year,
        "licence": ground.licence,
        "source": ground.source,
    }


def ground_at_full_size(
    outpainter: SceneCompletionOutpainter,
    placement: Mapping[str, Any],
    picture: Callable[[], NDArray[np.uint8]],
    known: NDArray[np.bool_],
    largest: float,
) -> NDArray[np.uint8] | None:
    """Lay the ground of an outpainting under its enlarged subject, from the lender's original.

    Args:
        outpainter: Which laid it.
        placement: As the outpainting's record has it.
        picture: Returns uint8, H×W×3, RGB: only the subject counts. Called where the original is
            large enough.
        known: bool, H×W, True = subject.
        largest: So many times the original may be enlarged at most.

    Returns:
        uint8, H×W×3, the subject unchanged; None where the original is too small.
    """
    choice = Choice.from_dict(placement)
    height, width = known.shape
    lent, enlargement = outpainter.lent(choice, (height, width))
    if enlargement > largest:
        return None
    subject = picture()
    alone = np.dstack([subject, known.astype(np.uint8) * 255])
    request = request_for(alone)
    if request is None:
        return subject
    return composed(outpainter.render(request, choice, lent), alone, outpainter.descriptor)


def provenance_text(ground: Ground, choice: Choice) -> dict[str, str]:
    """Return what the picture's file says of the ground, by PNG's keywords."""
    down, across = choice.offset
    laid = "mirrored, " if choice.flip else ""
    terms = ", ".join(filter(None, (ground.licence, ground.source)))
    return {
        "Description": f"The ground is that of another painting: {credit_of(ground)}"
        f" ({ground.id}{f'; {terms}' if terms else ''}), {laid}at {choice.scale:.3g} times its"
        f" size, from {down:.3f} of the height and {across:.3f} of the width, colours matched"
        f"{RESTS[choice.rest] if choice.rest else ''}.",
        "Source": ground.source or ground.id,
    }
