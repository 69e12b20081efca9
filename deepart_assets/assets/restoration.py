"""The assets with a partition for each painting, and the sheet that shows them side by side."""

import numpy as np

from deepart_assets import asset_names
from deepart_assets.assets.chosen import chosen_from
from deepart_assets.assets.grounds import ground_assets
from deepart_assets.assets.outpaintings import outpaintings_by
from deepart_assets.assets.predicted_masks import predicted_masks
from deepart_assets.assets.scene_completions import credit_in, scene_completions_by
from deepart_assets.assets.subjects import subject_masks, unfinished_paintings
from deepart_assets.assets.upscaled import upscaled_from
from deepart_assets.imaging import (
    column_sheet,
    decode_grey,
    decode_rgba,
    encode_jpeg,
    over_checkerboard,
    preview_uri,
)
from deepart_assets.orchestration.asset_factory import painting_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import Painting, PaintingStageSpec, StageContext
from deepart_assets.settings import Settings
from deepart_assets.settings.outpainting import SceneCompletion
from deepart_assets.storage import StageResult

SHEET_HEIGHT = 1024
"""Height of the original on a sheet, in pixels; the others have half of it."""


def restoration_assets(settings: Settings) -> list[PipelineAssetSpec]:
    """Return the restoration group for the outpainters that the profile names."""
    names = list(settings.outpainters)
    columns = [
        asset
        for name, outpainter in settings.outpainters.items()
        for asset in (
            scene_completions_by(name, outpainter)
            if isinstance(outpainter, SceneCompletion)
            else outpaintings_by(name, outpainter),
            upscaled_from(name),
        )
    ]
    return [
        predicted_masks,
        subject_masks,
        unfinished_paintings,
        *(ground_assets(settings) if settings.grounds.catalogue else []),
        *columns,
        _restoration_sheets(names),
        chosen_from(names),
    ]


def _restoration_sheets(names: list[str]) -> PipelineAssetSpec:
    @painting_asset(
        settings=lambda settings: {"height": SHEET_HEIGHT},
        painting_deps=[
            asset_names.SUBJECT_MASKS,
            asset_names.UNFINISHED_PAINTINGS,
            *(
                of(name)
                for name in names
                for of in (asset_names.outpaintings, asset_names.upscaled)
            ),
        ],
        kinds={"report"},
        code_version="2",
    )
    def restoration_sheets(context: StageContext) -> PaintingStageSpec:
        """A sheet of each painting: the original, its mask above the unfinished painting, and a
        column for each outpainter with its outpainting above the upscaled result. JPEG. A line
        below the title says whose ground an outpainting has.
        """

        def make(painting: Painting) -> StageResult:
            mask = painting.decoded(asset_names.SUBJECT_MASKS, decode_grey)
            unfinished = painting.decoded(asset_names.UNFINISHED_PAINTINGS, decode_rgba)
            columns = [
                [("original", painting.original())],
                [
                    ("subject mask", np.repeat(mask[..., None], 3, axis=2)),
                    ("unfinished painting", over_checkerboard(unfinished)),
                ],
                *(
                    [
                        (name, painting.decoded(asset_names.outpaintings(name))),
                        (f"{name}, ×4", painting.decoded(asset_names.upscaled(name))),
                    ]
                    for name in names
                ),
            ]
            support = painting.inputs[asset_names.SUBJECT_MASKS].figures.get("support")
            title = f"{painting.caption} ({support})" if support else painting.caption
            credits = [
                f"{name}: the ground of {credit}"
                for name in names
                if (credit := credit_in(painting.inputs[asset_names.outpaintings(name)]))
            ]
            sheet = column_sheet(columns, title, SHEET_HEIGHT, credits)
            path = asset_names.output_path(asset_names.RESTORATION_SHEETS, painting.id, ".jpg")
            return StageResult(
                {path: encode_jpeg(sheet)},
                {"preview": preview_uri(sheet, side=1200), "title": painting.caption},
            )

        return PaintingStageSpec(make, details=lambda painting: {"caption": painting.caption})

    return restoration_sheets
