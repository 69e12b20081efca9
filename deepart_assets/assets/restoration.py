"""Restoration, a partition for each painting: from its subject (`subjects`) to outpaintings,
upscaled results and sheets.

Belongs here: which stages a painting goes through, and what those after the subject are made from.
Does not belong here: how a surround is generated (`outpainting`), a picture enlarged
(`super_resolution`).
"""

import itertools
from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from deepart_assets.assets.subjects import (
    predicted_masks,
    subject_masks,
    unfinished_paintings,
)
from deepart_assets.imaging import (
    contact_sheet,
    decode_grey,
    decode_rgb,
    decode_rgba,
    encode_jpeg,
    encode_png,
    over_chequers,
    preview_uri,
)
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.factory import painting_asset
from deepart_assets.orchestration.studio import Painting, PaintingStage, Studio, Together
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
from deepart_assets.settings.restoration import ArtificiallyInspired, Outpainter
from deepart_assets.storage import Made, Record
from deepart_assets.super_resolution.upscaling.subject import keep_subject, kept_difference
from deepart_assets.super_resolution.upscaling.upscaler import RRDBNetUpscaler

SHEET_HEIGHT = 640
"""Height of the pictures on a sheet, in pixels."""


def restoration_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the restoration group for the outpainters that the profile names."""
    names = list(settings.outpainters)
    columns = [
        asset
        for name, outpainter in settings.outpainters.items()
        for asset in (_outpaintings(name, outpainter), _upscaled(name))
    ]
    return [
        predicted_masks,
        subject_masks,
        unfinished_paintings,
        *columns,
        _restoration_sheets(names),
    ]


def painting_stages(outpainters: Iterable[str]) -> dict[str, str]:
    """Return a painting's assets by short heading, in the pipeline's order."""
    columns = {
        heading: asset
        for name in outpainters
        for heading, asset in (
            (name, f"{name}_outpaintings"),
            (f"{name} ×4", f"{name}_upscaled"),
        )
    }
    return {
        "prediction": "predicted_masks",
        "mask": "subject_masks",
        "unfinished": "unfinished_paintings",
        **columns,
        "sheet": "restoration_sheets",
    }


# --- the surround --------------------------------------------------------------------------------


_ELSEWHERE = {"weights", "batch", "offload", "compile", "attention_slicing"}
"""Settings of an outpainter that no result depends on, or (weights) that are an asset or hashed."""


class Wanted(NamedTuple):
    """An unfinished painting, and what an outpainter is asked for it: once for each candidate."""

    unfinished: NDArray[np.uint8]
    requests: list[Request]


def _outpaintings(name: str, kind: Outpainter) -> dg.AssetsDefinition:
    own_weights = [f"{name}_weights"] if isinstance(kind, ArtificiallyInspired) else []

    def fault(record: Record) -> str | None:
        difference = record.figures["subject_difference"]
        return f"changed by {difference} grey levels" if difference else None

    @painting_asset(
        name=f"{name}_outpaintings",
        deps=own_weights,
        reads_original=False,
        painting_deps=["unfinished_paintings"],
        kinds={"outpainting"},
        code_version="2",
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
    def outpaintings(studio: Studio) -> PaintingStage:
        """The painting with its surround generated again by this outpainter.

        RGB PNG at the working size. The subject is the painter's, byte for byte; the seam is
        blended on the generated side only. The random seed follows from the global seed, the
        painting and the outpainter, so a result depends neither on the batch nor on the order. Of
        several candidates the one with the lowest seam score is first; the others are kept.
        """
        shared = studio.settings.restoration
        settings = studio.settings.outpainters[name]
        weights = partial(studio.local, *own_weights) if own_weights else None
        outpainter = build_outpainter(settings, studio.downloads, weights)
        candidates = shared.candidates if outpainter.descriptor.learned else 1

        def details(painting: Painting) -> dict[str, Any]:
            seeds = range(candidates)
            return {
                "prompt": prompt_for(shared.prompt, painting.labels),
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
                    negative_prompt=shared.negative_prompt,
                    seed=seed,
                )
                for seed in wanted["seeds"]
            )
            return Wanted(unfinished, [each for each in asked if each is not None])

        def predict(wanted: Sequence[Wanted]) -> list[list[NDArray[np.uint8]]]:
            results = iter(outpainter([one for each in wanted for one in each.requests]))
            return [list(itertools.islice(results, len(each.requests))) for each in wanted]

        def finish(painting: Painting, wanted: Wanted, found: list[NDArray[np.uint8]]) -> Made:
            unfinished = wanted.unfinished
            ready = [composed(each, unfinished, outpainter.descriptor) for each in found]
            # Nothing was asked for where nothing is missing.
            results = ready or [np.ascontiguousarray(unfinished[..., :3])]
            scores = [seam_score(unfinished, each) for each in results]
            order = sorted(range(len(results)), key=lambda index: scores[index])
            chosen, seeds = details(painting), details(painting)["seeds"]
            data = [encode_png(results[index]) for index in order]
            written = decode_rgb(data[0], painting.id)
            return Made(
                {
                    f"{name}_outpaintings/{painting.id}{f'.{rank}' if rank else ''}.png": each
                    for rank, each in enumerate(data)
                },
                {
                    "preview": preview_uri(written),
                    "subject_difference": subject_difference(unfinished, written),
                    "seam_score": round(scores[order[0]], 3),
                    "prompt": chosen["prompt"],
                    "negative_prompt": shared.negative_prompt,
                    "seed": seeds[order[0]],
                    "candidates": [
                        {"seed": seeds[index], "seam_score": round(scores[index], 3)}
                        for index in order
                    ]
                    if len(order) > 1
                    else None,
                },
            )

        return PaintingStage(
            Together(read, predict, finish, shared.batch if outpainter.descriptor.learned else 1),
            settings={
                "outpainter": settings.model_dump(mode="json", exclude=_ELSEWHERE),
                "negative_prompt": shared.negative_prompt,
            },
            details=details,
            weights=None if own_weights else outpainter.weights_hash(),
        )

    return outpaintings


def _upscaled(name: str) -> dg.AssetsDefinition:
    source = f"{name}_outpaintings"

    def size_fault(record: Record) -> str | None:
        figures = record.figures
        size, low = (
            (figures["height"], figures["width"]),
            (figures["from_height"], figures["from_width"]),
        )
        return None if size == (4 * low[0], 4 * low[1]) else f"{low} became {size}"

    def subject_fault(record: Record) -> str | None:
        difference = record.figures["subject_difference"]
        return f"differs by {difference} grey levels" if difference else None

    @painting_asset(
        name=f"{name}_upscaled",
        deps=["art_esrgan"],
        painting_deps=[source, "subject_masks"],
        kinds={"torch"},
        code_version="2",
        pool="gpu",
        checks=[
            Check(
                "four_times_larger",
                "Both sides are exactly four times the outpainting's.",
                size_fault,
            ),
            Check(
                "subject_is_the_painters",
                "Read back from its file, the subject (its edge left out) is the original painting"
                " at this size, wherever the original was larger than the working copy and"
                " restoration.keep_subject is on.",
                subject_fault,
            ),
        ],
    )
    def upscaled(studio: Studio) -> PaintingStage:
        """The outpainted painting at four times the size, by Art ESRGAN in overlapping tiles.

        RGB PNG. The whole picture goes through the network that `art_esrgan` trained. Where the
        original painting is larger than the working copy, its subject then comes from there, at
        this size, and the generated side is led to it in a narrow band.
        """
        settings = studio.settings.super_resolution.upscaling
        keep = studio.settings.restoration.keep_subject
        # Not before the first painting that has to be made.
        upscaler = cache(lambda: RRDBNetUpscaler(studio.read("art_esrgan"), settings))

        def make(painting: Painting) -> Made:
            low = decode_rgb(painting.read(source), painting.inputs[source].path)
            original = painting.original()
            mask = decode_grey(
                painting.read("subject_masks"), painting.inputs["subject_masks"].path
            )
            kept = keep and min(original.shape[:2]) > min(low.shape[:2])
            high = upscaler()(low)
            data = encode_png(keep_subject(high, original, mask) if kept else high)
            high = decode_rgb(data, painting.id)
            return Made(
                {f"{name}_upscaled/{painting.id}.png": data},
                {
                    "preview": preview_uri(high),
                    "height": high.shape[0],
                    "width": high.shape[1],
                    "from_height": low.shape[0],
                    "from_width": low.shape[1],
                    "subject_from": "original" if kept else "network",
                    "subject_difference": kept_difference(high, original, mask) if kept else None,
                },
            )

        return PaintingStage(
            make, settings={**settings.model_dump(mode="json"), "keep_subject": keep}
        )

    return upscaled


# --- side by side --------------------------------------------------------------------------------


def _restoration_sheets(names: list[str]) -> dg.AssetsDefinition:
    @painting_asset(
        painting_deps=[
            "subject_masks",
            "unfinished_paintings",
            *(f"{name}_upscaled" for name in names),
        ],
        kinds={"pillow"},
    )
    def restoration_sheets(studio: Studio) -> PaintingStage:
        """Original, mask, unfinished painting and each upscaled result side by side: one JPEG."""

        def make(painting: Painting) -> Made:
            def read(asset: str) -> tuple[bytes, str]:
                return painting.read(asset), painting.inputs[asset].path

            mask = decode_grey(*read("subject_masks"))
            cells = [
                ("original", painting.original()),
                ("subject mask", np.repeat(mask[..., None], 3, axis=2)),
                ("unfinished painting", over_chequers(decode_rgba(*read("unfinished_paintings")))),
                *((f"{name}, ×4", decode_rgb(*read(f"{name}_upscaled"))) for name in names),
            ]
            sheet = contact_sheet(cells, painting.caption, SHEET_HEIGHT)
            return Made(
                {f"restoration_sheets/{painting.id}.jpg": encode_jpeg(sheet)},
                {"preview": preview_uri(sheet, side=480), "title": painting.caption},
            )

        return PaintingStage(make, settings={"height": SHEET_HEIGHT}, details=_captioned)

    return restoration_sheets


def _captioned(painting: Painting) -> dict[str, object]:
    return {"caption": painting.caption}
