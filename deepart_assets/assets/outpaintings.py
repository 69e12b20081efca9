"""Outpaintings: each painting's surround, generated again by an outpainter that the profile names.

Belongs here: what an outpainter is asked for each painting, what becomes of its answers, and what
is recorded of them. Does not belong here: how a surround is generated, laid round the subject and
scored (`outpainting`).
"""

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import decode_rgb, decode_rgba, encode_png, preview_uri
from deepart_assets.orchestration.asset_factory import painting_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.context import (
    BatchedPrediction,
    Painting,
    PaintingStageSpec,
    StageContext,
)
from deepart_assets.outpainting import (
    Request,
    build_outpainter,
    composed,
    painting_seed,
    prompt_for,
    request_for,
    seam_score,
    subject_difference,
)
from deepart_assets.settings import Settings
from deepart_assets.settings.outpainting import ArtificiallyInspired, Outpainter
from deepart_assets.storage import MaterializationRecord, StageResult
from deepart_assets.super_resolution.upscaling.upscaler import RRDBNetUpscaler

BASE = "psnr_weights"
"""The asset of the network that enlarges what was painted at a smaller scale."""

_ELSEWHERE = {"weights", "batch", "offload", "compile", "attention_slicing"}
"""Settings of an outpainter that no result depends on, or (weights) that are an asset or hashed."""


_SHARED = {
    "telea": {"seed"},
    "patchmatch": {"seed"},
    "artificially_inspired": {"seed", "candidates"},
    "stable_diffusion": {"seed", "candidates", "prompt", "negative_prompt"},
}
"""Settings of the restoration that an outpainter's results depend on, by its kind."""


class Wanted(NamedTuple):
    """An unfinished painting, and what an outpainter is asked for it: once for each candidate."""

    unfinished: NDArray[np.uint8]
    requests: list[Request]


def outpaintings_by(name: str, kind: Outpainter) -> PipelineAssetSpec:
    """Return the asset `<name>_outpaintings` of one of the profile's outpainters."""
    own_weights, enlarged_by = [], []
    if isinstance(kind, ArtificiallyInspired):
        own_weights = [f"{name}_weights"]
        enlarged_by = [BASE] if kind.enlarge == "network" else []

    def fault(record: MaterializationRecord) -> str | None:
        difference = record.figures["subject_difference"]
        return f"changed by {difference} grey levels" if difference else None

    def chosen(settings: Settings) -> dict[str, Any]:
        return {
            "outpainter": settings.outpainters[name].model_dump(mode="json", exclude=_ELSEWHERE),
            **settings.restoration.model_dump(mode="json", include=_SHARED[kind.kind]),
            **(settings.super_resolution.upscaling.model_dump(mode="json") if enlarged_by else {}),
        }

    @painting_asset(
        settings=chosen,
        name=f"{name}_outpaintings",
        deps=[*own_weights, *enlarged_by],
        reads_original=False,
        painting_deps=["unfinished_paintings"],
        kinds={"outpainting"},
        code_version="3" if own_weights else "2",  # 3: where tiles lie
        pool="gpu",
        checks=[
            Check(
                "subject_untouched",
                "Read back from its file, every subject pixel is byte-identical to the unfinished"
                " painting.",
                fault,
            ),
        ],
    )
    def outpaintings(context: StageContext) -> PaintingStageSpec:
        """The painting with its surround generated again by this outpainter.

        RGB PNG at the working size. The subject is the painter's, byte for byte; the seam is
        blended on the generated side only. The random seed follows from the global seed, the
        painting and the outpainter, so a result depends neither on the batch nor on the order. Of
        several candidates the one with the lowest seam score is first; the others are kept.
        """
        shared = context.settings.restoration
        settings = context.settings.outpainters[name]
        weights = partial(context.local, *own_weights) if own_weights else None
        upscaling = context.settings.super_resolution.upscaling
        enlarger = RRDBNetUpscaler(context.read(BASE), upscaling) if enlarged_by else None
        outpainter = build_outpainter(settings, context.downloads, weights, enlarger)
        reads_prompt = outpainter.descriptor.uses_prompt
        candidates = shared.candidates if outpainter.descriptor.learned else 1

        def details(painting: Painting) -> dict[str, Any]:
            seeds = range(candidates)
            return {
                "prompt": prompt_for(shared.prompt, painting.labels) if reads_prompt else "",
                "seeds": [painting_seed(shared.seed, painting.id, name, each) for each in seeds],
            }

        def read(painting: Painting) -> Wanted:
            path = painting.inputs["unfinished_paintings"].path
            unfinished = decode_rgba(painting.read("unfinished_paintings"), path)
            wanted = details(painting)
            asked = (
                request_for(
                    unfinished,
                    prompt=wanted["prompt"],
                    negative_prompt=shared.negative_prompt if reads_prompt else "",
                    seed=seed,
                )
                for seed in wanted["seeds"]
            )
            return Wanted(unfinished, [each for each in asked if each is not None])

        def predict(wanted: Sequence[Wanted]) -> list[list[NDArray[np.uint8]]]:
            results = iter(outpainter([one for each in wanted for one in each.requests]))
            return [list(itertools.islice(results, len(each.requests))) for each in wanted]

        def finish(
            painting: Painting, wanted: Wanted, found: list[NDArray[np.uint8]]
        ) -> StageResult:
            unfinished = wanted.unfinished
            ready = [composed(each, unfinished, outpainter.descriptor) for each in found]
            # Nothing was asked for where nothing is missing.
            results = ready or [np.ascontiguousarray(unfinished[..., :3])]
            scores = [seam_score(unfinished, each) for each in results]
            order = sorted(range(len(results)), key=lambda index: scores[index])
            chosen, seeds = details(painting), details(painting)["seeds"]
            data = [encode_png(results[index]) for index in order]
            written = decode_rgb(data[0], painting.id)
            return StageResult(
                {
                    f"{name}_outpaintings/{painting.id}{f'.{rank}' if rank else ''}.png": each
                    for rank, each in enumerate(data)
                },
                {
                    "preview": preview_uri(written),
                    "subject_difference": subject_difference(unfinished, written),
                    "seam_score": round(scores[order[0]], 3),
                    "prompt": chosen["prompt"] or None,
                    "negative_prompt": shared.negative_prompt if reads_prompt else None,
                    "seed": seeds[order[0]],
                    "candidates": [
                        {"seed": seeds[index], "seam_score": round(scores[index], 3)}
                        for index in order
                    ]
                    if len(order) > 1
                    else None,
                },
            )

        return PaintingStageSpec(
            BatchedPrediction(
                read, predict, finish, shared.batch if outpainter.descriptor.learned else 1
            ),
            details=details,
            weights=None if own_weights else outpainter.weights_hash(),
        )

    return outpaintings
