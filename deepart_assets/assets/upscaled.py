"""Upscaled paintings: each outpainting at four times its size."""

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets import asset_names
from deepart_assets.assets.result_metadata import (
    provenance_text,
    result_metadata,
    summary_of,
    today,
)
from deepart_assets.assets.scene_completions import (
    FULL_SIZE,
    ground_at_full_size,
    scene_completion_outpainter,
)
from deepart_assets.assets.subject_cache import subject_at_size
from deepart_assets.imaging import decode_grey, decode_rgb, encode_png, preview_uri, resize
from deepart_assets.imaging.borders import whole
from deepart_assets.imaging.metadata import with_metadata
from deepart_assets.orchestration.asset_factory import painting_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.context import (
    BatchedPrediction,
    Painting,
    PaintingStageSpec,
    StageContext,
)
from deepart_assets.segmentation import Support, support_in
from deepart_assets.settings import Settings
from deepart_assets.settings.outpainting import Outpainter, SceneCompletion
from deepart_assets.storage import MaterializationRecord, StageResult, sha256_of
from deepart_assets.super_resolution.data.degradation import SCALE
from deepart_assets.super_resolution.upscaling.back_projection import back_projected, suffices
from deepart_assets.super_resolution.upscaling.deblocking import (
    DeblockingUpscaler,
    deblock,
    jpeg_to_mend,
)
from deepart_assets.super_resolution.upscaling.parts import cover
from deepart_assets.super_resolution.upscaling.subject import (
    consistency_error,
    enlarged_subject,
    generated_in,
    is_reduced,
    keep_subject,
    kept_difference,
    put_back,
)
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler

LARGEST_ERROR = 8.0
"""RMS in grey levels by which a subject that was enlarged may differ from its original when it is
reduced again. Back-projection has less than 1, a faithful network 1 or 2, one trained adversarially
some more."""


class _Pictures(NamedTuple):
    """What a result is made from; of a painting with a support, original and mask inside of it."""

    painting: Painting
    low: NDArray[np.uint8]
    photograph: NDArray[np.uint8]
    original: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    support: Support | None
    kept: bool
    """Whether the subject is taken from the original."""
    reduced: bool
    """Whether the original is reduced to the result's size."""
    little: bool
    """Whether it is enlarged so little that no network is needed."""
    jpeg: int | None
    """The quality of the JPEG that is mended."""


class _Enlarged(NamedTuple):
    """The outpainting enlarged, and the original's subject at the same size where it is kept."""

    picture: NDArray[np.uint8]
    ground_from: str
    """Whether the ground is the lender's `original` or made by the `network`."""
    subject: NDArray[np.uint8] | None = None


def upscaled_from(name: str) -> PipelineAssetSpec:
    """Return the asset `<name>_upscaled` of one of the profile's outpainters."""
    source = asset_names.outpaintings(name)

    @painting_asset(
        settings=lambda settings: {
            **settings.super_resolution.upscaling.provenance(),
            "keep_subject": settings.restoration.keep_subject,
            **_full_size(settings.outpainters[name]),
        },
        name=asset_names.upscaled(name),
        # Not the library of grounds: what it lends is in the outpainting, pixel by pixel, and a
        # renewed one that lends the same makes nothing stale.
        deps=[asset_names.ART_ESRGAN],
        painting_deps=[source, asset_names.SUBJECT_MASKS],
        kinds={"pytorch"},
        code_version="8",  # 8: an original is enlarged about twice without the network
        pool="gpu",
        checks=[
            Check(
                "four_times_larger",
                "Both sides are exactly four times the outpainting's, a support put back left out.",
                _size_fault,
            ),
            Check(
                "subject_is_the_painters",
                "Wherever the original was larger than the working copy and"
                " restoration.keep_subject is on: read back from its file, the subject (its edge"
                " left out) is the original painting reduced to this size, byte for byte; where the"
                " original is the smaller one, it is the original enlarged, which reduced again"
                f" differs by at most {LARGEST_ERROR} grey levels (RMS).",
                _subject_fault,
            ),
        ],
    )
    def upscaled(context: StageContext) -> PaintingStageSpec:
        """The outpainting at four times its size, by Art ESRGAN in overlapping tiles. RGB PNG.

        Where the original painting is larger than the working copy, the subject is taken from it
        at this size: reduced, enlarged up to about twice its size by back-projection, or further
        by the network. In a band of ten pixels inside of its edge it fades into the ground. What is
        enlarged of a JPEG at its own size is deblocked first. The ground of another painting is
        taken from that one's original where it is large enough. Where the painting has a support
        and segmentation.support.in_result is put_back, the original's surrounds it. Title, artist,
        what generated the surround and which file shows it are in XMP and EXIF.
        """
        settings = context.settings.super_resolution.upscaling
        outpainter = context.settings.outpainters[name]
        laid_from, largest = None, 0.0
        if isinstance(outpainter, SceneCompletion) and outpainter.full_size:
            laid_from = scene_completion_outpainter(context)
            largest = outpainter.maximal_enlargement
        # Loaded with the first painting that has to be computed.
        network = cache(lambda: NetworkUpscaler(context.read(asset_names.ART_ESRGAN), settings))

        def enlarge(given: _Pictures) -> _Enlarged:
            low, original, mask = given.low, given.original, given.mask
            size = SCALE * low.shape[0], SCALE * low.shape[1]
            known = cache(lambda: enlarged_subject(mask, size))
            high = None

            def deblocking() -> NetworkUpscaler | DeblockingUpscaler:
                jpeg = given.jpeg
                return network() if jpeg is None else DeblockingUpscaler(network(), jpeg)

            placed = given.painting.inputs[source].figures.get("placement")
            if laid_from is not None and placed is not None:

                def shown() -> NDArray[np.uint8]:
                    return resize(original, *size) if given.kept else deblocking()(low)

                high = ground_at_full_size(laid_from, placed, shown, known(), largest)
            ground_from = "network" if high is None else "original"
            if not given.kept:
                return _Enlarged(deblocking()(low) if high is None else high, ground_from)
            if high is None:  # only what is seen beside the original's subject
                parts = cover(generated_in(known()), settings.tile, settings.overlap)
                high = network()(low, parts)
            if given.little:
                mended = original if given.jpeg is None else deblock(original, given.jpeg)
                return _Enlarged(high, ground_from, back_projected(mended, *high.shape[:2]))
            key = {
                "network": context.upstream(asset_names.ART_ESRGAN).data_version,
                "original": given.painting.sha256,
                "box": given.support and given.support.box,
                **({} if given.jpeg is None else {"jpeg": given.jpeg}),
            }
            subject = subject_at_size(
                original, mask, high.shape[:2], deblocking, settings=settings, key=key
            )
            return _Enlarged(high, ground_from, subject)

        def finish(painting: Painting, given: _Pictures, enlarged: _Enlarged) -> StageResult:
            high, low, support = enlarged.picture, given.low, given.support
            original, mask, subject = given.original, given.mask, enlarged.subject
            if subject is not None:
                high = keep_subject(high, subject, mask)
            painted = whole(high)
            if support is not None and support.in_result == "put_back":
                high, painted = put_back(
                    high, given.photograph, support.box, support.shape(*high.shape[:2])
                )
            outpainting = painting.inputs[source]
            mask_record = painting.inputs[asset_names.SUBJECT_MASKS]
            bare = encode_png(high, provenance_text(painting, name, outpainting, given.jpeg))
            metadata = result_metadata(
                painting,
                name,
                outpainter,
                summary=summary_of(name, outpainting.figures),
                seed=outpainting.figures.get("seed"),
                generated_on=outpainting.made_at[:10],
                made_at=today(),
                fingerprint=painting.fingerprint,
                mask=mask_record.files[0],
            )
            high = decode_rgb(bare, painting.id)
            path = asset_names.output_path(asset_names.upscaled(name), painting.id)
            return StageResult(
                {path: with_metadata(bare, metadata)},
                {
                    "preview": preview_uri(high),
                    "height": high.shape[0],
                    "width": high.shape[1],
                    "from_height": low.shape[0],
                    "from_width": low.shape[1],
                    "subject_from": _subject_from(given),
                    "jpeg": None if given.jpeg is None else f"deblocked, quality {given.jpeg}",
                    "ground_from": None if laid_from is None else enlarged.ground_from,
                    "subject_difference": None
                    if subject is None
                    else kept_difference(painted.of(high), subject, mask),
                    "subject_error": round(consistency_error(painted.of(high), original, mask), 2)
                    if given.kept and not given.reduced
                    else None,
                    "painted_size": painted.size if painted != whole(high) else None,
                    "support": mask_record.figures.get("support"),
                },
                content={path: sha256_of(bare)},
            )

        read = partial(_read, source=source, settings=context.settings)
        return PaintingStageSpec(
            BatchedPrediction(read, lambda some: [enlarge(each) for each in some], finish, size=1)
        )

    return upscaled


def _read(painting: Painting, source: str, settings: Settings) -> _Pictures:
    """Decode an outpainting, and what is laid over it, for `settings`."""
    low = painting.decoded(source)
    photograph = original = painting.original()
    mask = painting.decoded(asset_names.SUBJECT_MASKS, decode_grey)
    support = support_in(painting.store, painting.inputs[asset_names.SUBJECT_MASKS])
    if support is not None:
        original, mask = support.box.of(original), support.box.of(mask)
    kept = settings.restoration.keep_subject and min(original.shape[:2]) > min(low.shape[:2])
    size = SCALE * low.shape[0], SCALE * low.shape[1]
    reduced = kept and is_reduced(original, size)
    little = kept and not reduced and suffices(original, size)
    limit = settings.super_resolution.upscaling.maximal_blockiness
    jpeg = jpeg_to_mend(original, low, kept=kept, reduced=reduced, limit=limit)
    return _Pictures(
        painting, low, photograph, original, mask, support, kept, reduced, little, jpeg
    )


def _size_fault(record: MaterializationRecord) -> str | None:
    figures = record.figures
    size = tuple(figures.get("painted_size") or (figures["height"], figures["width"]))
    low = figures["from_height"], figures["from_width"]
    return None if size == (4 * low[0], 4 * low[1]) else f"{low} became {size}"


def _subject_fault(record: MaterializationRecord) -> str | None:
    if difference := record.figures["subject_difference"]:
        return f"differs by {difference} grey levels"
    error = record.figures.get("subject_error") or 0
    if error > LARGEST_ERROR:
        return f"reduced again, differs from the original by {error} grey levels (RMS)"
    return None


def _subject_from(given: _Pictures) -> str:
    if not given.kept:
        return "network"
    if given.reduced:
        return "original"
    return "original, enlarged" if given.little else "original, enlarged by the network"


def _full_size(kind: Outpainter) -> dict[str, Any]:
    if isinstance(kind, SceneCompletion) and kind.full_size:
        return kind.model_dump(include={*FULL_SIZE})
    return {}
