"""Restoration, a partition for each painting: from its subject to outpaintings, upscaled results
and sheets.
"""

from collections.abc import Iterable

import numpy as np

from deepart_assets.assets.outpaintings import outpaintings_by
from deepart_assets.assets.subjects import (
    predicted_masks,
    subject_masks,
    unfinished_paintings,
)
from deepart_assets.assets.upscaled import upscaled_from
from deepart_assets.imaging import (
    column_sheet,
    decode_grey,
    decode_rgb,
    decode_rgba,
    encode_jpeg,
    over_checkerboard,
    preview_uri,
)
from deepart_assets.orchestration.asset_factory import painting_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import Painting, PaintingStageSpec, StageContext
from deepart_assets.settings import Settings
from deepart_assets.storage import StageResult

SHEET_HEIGHT = 1024
"""Height of the original on a sheet, in pixels; the others have half of it."""


def restoration_assets(settings: Settings) -> list[PipelineAssetSpec]:
    """Return the restoration group for the outpainters that the profile names."""
    names = list(settings.outpainters)
    columns = [
        asset
        for name, outpainter in settings.outpainters.items()
        for asset in (outpaintings_by(name, outpainter), upscaled_from(name))
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


def _restoration_sheets(names: list[str]) -> PipelineAssetSpec:
    @painting_asset(
        settings=lambda settings: {"height": SHEET_HEIGHT},
        painting_deps=[
            "subject_masks",
            "unfinished_paintings",
            *(f"{name}_{stage}" for name in names for stage in ("outpaintings", "upscaled")),
        ],
        kinds={"pillow"},
        code_version="2",
    )
    def restoration_sheets(context: StageContext) -> PaintingStageSpec:
        """One JPEG: the original; its mask above the unfinished painting; and for each outpainter
        a column, its outpainting above the upscaled result.
        """

        def make(painting: Painting) -> StageResult:
            def read(asset: str) -> tuple[bytes, str]:
                return painting.read(asset), painting.inputs[asset].path

            mask = decode_grey(*read("subject_masks"))
            unfinished = over_checkerboard(decode_rgba(*read("unfinished_paintings")))
            columns = [
                [("original", painting.original())],
                [
                    ("subject mask", np.repeat(mask[..., None], 3, axis=2)),
                    ("unfinished painting", unfinished),
                ],
                *(
                    [
                        (name, decode_rgb(*read(f"{name}_outpaintings"))),
                        (f"{name}, ×4", decode_rgb(*read(f"{name}_upscaled"))),
                    ]
                    for name in names
                ),
            ]
            sheet = column_sheet(columns, painting.caption, SHEET_HEIGHT)
            return StageResult(
                {f"restoration_sheets/{painting.id}.jpg": encode_jpeg(sheet)},
                {"preview": preview_uri(sheet, side=480), "title": painting.caption},
            )

        return PaintingStageSpec(make, details=_captioned)

    return restoration_sheets


def _captioned(painting: Painting) -> dict[str, object]:
    return {"caption": painting.caption}
