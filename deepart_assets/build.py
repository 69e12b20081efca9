"""Assembling the project for any settings.

Belongs here: assets, resource, jobs and executor put together. Does not belong here: reading a
profile (`settings`).
"""

import itertools
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from deepart_assets.assets.gallery import gallery_assets
from deepart_assets.assets.generator_weights import generator_weights
from deepart_assets.assets.outpainting_evaluation import outpainting_evaluation
from deepart_assets.assets.restoration import painting_stages, restoration_assets
from deepart_assets.assets.restoration_plan import PLAN, RUNS, restoration_plan
from deepart_assets.assets.subjects import CURATED_MASKS
from deepart_assets.assets.subjects_evaluation import subject_masks_evaluation
from deepart_assets.assets.super_resolution import super_resolution_assets
from deepart_assets.assets.wikiart import wikiart_assets
from deepart_assets.orchestration.asset_factory import PAINTINGS, AssetTemplate, PaintingAsset
from deepart_assets.orchestration.automation import schedules_of, sensors_of
from deepart_assets.orchestration.console_logger import console_logger
from deepart_assets.orchestration.executors import executor_for
from deepart_assets.orchestration.needs import check_steps
from deepart_assets.orchestration.observable_assets import originals_asset
from deepart_assets.orchestration.resources import profile_resource
from deepart_assets.orchestration.tags import ALL_STEPS, REASON, RETRY
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
    plan = restoration_plan(
        [each for each in parts["restoration"] if isinstance(each, PaintingAsset)],
        ["styled_paintings", "art_esrgan", *(each.name for each in parts["weights"])],
    )
    assets: list[dg.AssetsDefinition | dg.AssetSpec | dg.SourceAsset] = [
        paintings,
        curated_masks,
        *itertools.chain(*made.values()),
        plan,
    ]
    check_steps(settings.execution, assets)
    jobs = {job.name: job for job in _jobs(made, plan, curated_masks)}
    return dg.Definitions(
        assets=assets,
        jobs=list(jobs.values()),
        sensors=sensors_of(
            settings.automation,
            jobs,
            CURATED_MASKS,
            catalogue="styled_paintings",
            plan=PLAN,
            runs=RUNS,
        ),
        schedules=schedules_of(settings.automation, jobs),
        resources={"profile": profile_resource(settings, root or data_root())},
        executor=executor_for(settings.execution),
        loggers={"console": console_logger},
    )


StageResult = dict[str, list[dg.AssetsDefinition]]


def _jobs(
    made: StageResult, plan: dg.AssetsDefinition, masks: dg.AssetsDefinition
) -> Iterator[UnresolvedAssetJobDefinition]:
    """Yield the jobs, those that a user looks for first."""

    def of(*parts: str) -> list[dg.AssetsDefinition]:
        return [each for part in parts for each in made[part]]

    def job(name: str, selection: Any, description: str, **asked: Any) -> Any:
        config = {"ops": {PLAN: {"config": asked}}} if asked else None
        return dg.define_asset_job(
            name,
            selection=selection,
            description=description,
            config=config,
            tags={REASON: f"somebody started {name}", RETRY: ALL_STEPS},
        )

    restoration = ("super_resolution", "weights", "restoration", "evaluation", "gallery")
    look = [*of("wikiart", "super_resolution", "weights"), plan]
    yield job(
        "restore",
        of(*restoration),
        "Bring the chosen paintings up to date, with all they depend on.",
    )
    yield job(
        "restore_part",
        of("super_resolution", "weights", "restoration"),
        "As restore, without evaluations and gallery: for one of many runs, after which `publish`"
        " or a last `restore` makes those once.",
    )
    yield job(
        "restore_stale",
        look,
        "Take in what is new, look for all that is stale, and restore it: a run of `restore` for"
        " each group of paintings follows.",
    )
    yield job(
        "restore_style",
        look,
        "As restore_stale, for the paintings of one style: name it in the launchpad.",
        style="Realism",
    )
    yield job(
        "restore_again",
        look,
        "Make everything again, or what the launchpad narrows it to, even if it is up to date.",
        force=True,
    )
    yield job("catalogue", of("wikiart"), "Read the sources and list the paintings to restore.")
    yield job(
        "take_in",
        ["inbox_paintings", "styled_paintings"],
        "Read the inbox and list the paintings to restore. New ones are then restored.",
    )
    yield job("publish", of("evaluation", "gallery"), "Make evaluations and gallery anew.")
    yield job(
        "data_set",
        dg.AssetSelection.assets("lr_hr_pairs").upstream()
        | dg.AssetSelection.assets(*made["wikiart"]),
        "Everything up to the LR/HR pairs: what a machine without GPU can do.",
    )
    yield job("observe_masks", [masks], "Look for masks that a curator added, changed or removed.")


def assets_of(settings: Settings) -> dict[str, list[AssetTemplate]]:
    """Return the assets of a profile by part of the pipeline, in its order."""
    return {
        "wikiart": wikiart_assets(settings, list(painting_stages(settings.outpainters).values())),
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
