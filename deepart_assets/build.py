"""The definitions of the project for any settings."""

import itertools
from collections.abc import Sequence

import dagster as dg

from deepart_assets.asset_names import (
    ART_ESRGAN,
    CHOSEN_RESTORATIONS,
    GROUND_LIBRARY,
    PAINTING_GROUNDS,
    STYLED_PAINTINGS,
    painting_stages,
)
from deepart_assets.assets.choices import CURATOR_CHOICES, requests_to
from deepart_assets.assets.evaluation import art_esrgan_evaluation
from deepart_assets.assets.gallery import gallery
from deepart_assets.assets.generator_weights import generator_weights
from deepart_assets.assets.grounds import ground_assets
from deepart_assets.assets.outpainting_evaluation import outpainting_evaluation
from deepart_assets.assets.restoration import restoration_assets
from deepart_assets.assets.restoration_plan import restoration_plan
from deepart_assets.assets.subject_texts import SUBJECT_TEXTS
from deepart_assets.assets.subjects import CURATED_MASKS
from deepart_assets.assets.subjects_evaluation import subject_masks_evaluation
from deepart_assets.assets.super_resolution import super_resolution_assets
from deepart_assets.assets.wikiart import wikiart_assets
from deepart_assets.automation.jobs import jobs_of
from deepart_assets.automation.schedules import schedules_of
from deepart_assets.automation.sensors import sensors_of
from deepart_assets.orchestration.asset_factory import build_asset
from deepart_assets.orchestration.asset_spec import (
    DataAssetSpec,
    PaintingAssetSpec,
    PipelineAssetSpec,
)
from deepart_assets.orchestration.console_logger import console_logger
from deepart_assets.orchestration.executors import executor_for
from deepart_assets.orchestration.lineage import without_implied_edges
from deepart_assets.orchestration.observable_assets import paintings_asset
from deepart_assets.orchestration.resources import profile_resource
from deepart_assets.orchestration.step_resources import check_steps
from deepart_assets.settings import Settings
from deepart_assets.settings.outpainting import ArtificiallyInspired, Inpainting
from deepart_assets.settings.places import data_root


def build_defs(settings: Settings, root: str | None = None) -> dg.Definitions:
    """Return the definitions of a profile.

    Args:
        settings: Validated settings.
        root: The data lake; by default `DEEPART_DATA` or data/lake in the project.
    """
    specs = asset_specs(settings)
    parts = {
        part: [build_asset(spec, settings) for spec in of_part] for part, of_part in specs.items()
    }
    shared = [*specs["weights"], *specs["restoration"]]
    library = [spec.name for spec in shared if spec.name == GROUND_LIBRARY]
    folders = [CURATED_MASKS, SUBJECT_TEXTS, CURATOR_CHOICES]
    for name, outpainter in settings.outpainters.items():
        folders += requests_to(name, outpainter)
    observed = [folder.definition() for folder in folders]
    plan = restoration_plan(
        [spec for spec in specs["restoration"] if isinstance(spec, PaintingAssetSpec)],
        [
            STYLED_PAINTINGS,
            ART_ESRGAN,
            *dict.fromkeys([*(spec.name for spec in specs["weights"]), *library]),
        ],
        data_specs([*specs["evaluation"], *specs["gallery"]]),
    )
    assets: list[dg.AssetsDefinition | dg.AssetSpec | dg.SourceAsset] = [
        paintings_asset(),
        *observed,
        *itertools.chain(*parts.values()),
        plan,
    ]
    check_steps(settings.execution, assets)
    jobs = jobs_of(parts, plan, observed)
    return dg.Definitions(
        assets=assets,
        jobs=list(jobs.values()),
        sensors=sensors_of(settings.automation, jobs),
        schedules=schedules_of(settings.automation, jobs),
        resources={"profile": profile_resource(settings, root or data_root())},
        executor=executor_for(settings.execution),
        loggers={"console": console_logger},
    )


def data_specs(specs: Sequence[PipelineAssetSpec]) -> list[DataAssetSpec]:
    """Return the unpartitioned ones among some assets."""
    return [spec for spec in specs if isinstance(spec, DataAssetSpec)]


def asset_specs(settings: Settings) -> dict[str, list[PipelineAssetSpec]]:
    """Return the assets of a profile by part of the pipeline, in its order."""
    parts: dict[str, list[PipelineAssetSpec]] = {
        "wikiart": wikiart_assets(
            settings,
            [
                *painting_stages(settings.outpainters),
                PAINTING_GROUNDS,
                CHOSEN_RESTORATIONS,
            ],
        ),
        "super_resolution": super_resolution_assets(settings),
        "weights": [
            generator_weights(name)
            for name, outpainter in settings.outpainters.items()
            if isinstance(outpainter, ArtificiallyInspired | Inpainting)
        ]
        # With grounds of the profile's own paintings it follows those.
        + ([] if settings.grounds.catalogue else ground_assets(settings)),
        "restoration": restoration_assets(settings),
        "evaluation": [
            outpainting_evaluation(settings),
            subject_masks_evaluation,
            *([art_esrgan_evaluation] if settings.super_resolution.trains else []),
        ],
        "gallery": [gallery],
    }
    return without_implied_edges(parts)
