"""Assembling the project for any settings.

Belongs here: assets, resource, jobs and executor put together. Does not belong here: reading a
profile (`settings`).
"""

import itertools

import dagster as dg

from deepart_assets.assets.gallery import gallery_assets
from deepart_assets.assets.generator_weights import generator_weights
from deepart_assets.assets.outpainting_evaluation import outpainting_evaluation
from deepart_assets.assets.restoration import restoration_assets
from deepart_assets.assets.subjects import CURATED_MASKS
from deepart_assets.assets.subjects_evaluation import subject_masks_evaluation
from deepart_assets.assets.super_resolution import super_resolution_assets
from deepart_assets.assets.wikiart import wikiart_assets
from deepart_assets.orchestration.console import console_logger
from deepart_assets.orchestration.executors import executor_for
from deepart_assets.orchestration.factory import PAINTINGS, AssetTemplate
from deepart_assets.orchestration.needs import check_steps
from deepart_assets.orchestration.observed import originals_asset
from deepart_assets.orchestration.resources import profile_resource
from deepart_assets.settings import Settings
from deepart_assets.settings.outpainting import ArtificiallyInspired
from deepart_assets.settings.places import data_root


def build_defs(settings: Settings, root: str | None = None) -> dg.Definitions:
    """Return the definitions of a profile.

    Args:
        settings: Validated settings.
        root: The data lake; by default `DEEPART_DATA` or data/lake in the project.
    """
    parts = assets_of(settings)
    made = {
        part: [each.definition(settings) for each in templates] for part, templates in parts.items()
    }
    paintings = originals_asset("styled_paintings", PAINTINGS, "restoration")
    curated_masks = CURATED_MASKS.definition()
    assets: list[dg.AssetsDefinition | dg.AssetSpec | dg.SourceAsset] = [
        paintings,
        curated_masks,
        *itertools.chain(*made.values()),
    ]
    check_steps(settings.execution, assets)
    return dg.Definitions(
        assets=assets,
        jobs=[
            dg.define_asset_job(
                "catalogue",
                selection=made["wikiart"],
                description="Read the source and list the paintings to restore.",
            ),
            dg.define_asset_job(
                "data_set",
                selection=dg.AssetSelection.assets("lr_hr_pairs").upstream()
                | dg.AssetSelection.assets(*made["wikiart"]),
                description="Everything up to the LR/HR pairs: what a machine without GPU can do.",
            ),
            dg.define_asset_job(
                "observe_masks",
                selection=[curated_masks],
                description="Look for masks that a curator added, changed or removed.",
            ),
            dg.define_asset_job(
                "restore",
                selection=[*itertools.chain(*(made[part] for part in parts if part != "wikiart"))],
                description="Bring the chosen paintings up to date, with all they depend on.",
            ),
        ],
        resources={"profile": profile_resource(settings, root or data_root())},
        executor=executor_for(settings.execution),
        loggers={"console": console_logger},
    )


def assets_of(settings: Settings) -> dict[str, list[AssetTemplate]]:
    """Return the assets of a profile by part of the pipeline, in its order."""
    return {
        "wikiart": wikiart_assets(settings),
        "super_resolution": super_resolution_assets(settings),
        "weights": [
            generator_weights(name, outpainter.weights)
            for name, outpainter in settings.outpainters.items()
            if isinstance(outpainter, ArtificiallyInspired)
        ],
        "restoration": restoration_assets(settings),
        "evaluation": [subject_masks_evaluation, outpainting_evaluation(settings)],
        "gallery": gallery_assets(settings),
    }
