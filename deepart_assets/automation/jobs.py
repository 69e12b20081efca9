"""The jobs, those that users look for first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from deepart_assets.asset_names import (
    GROUND_LIBRARY,
    INBOX_PAINTINGS,
    LR_HR_PAIRS,
    RESTORATION_PLAN,
    STYLED_PAINTINGS,
)
from deepart_assets.orchestration.planner import (
    EVALUATE,
    PUBLISH,
    RENEW_GROUND_LIBRARY,
    RESTORE,
    RESTORE_PART,
)
from deepart_assets.orchestration.tags import ALL_STEPS, REASON, RENEW, RETRY, Tags

AssetsByPart = Mapping[str, Sequence[dg.AssetsDefinition]]


def jobs_of(
    assets: AssetsByPart, plan: dg.AssetsDefinition, observed: Sequence[dg.AssetsDefinition]
) -> dict[str, Any]:
    """Return the jobs by name.

    Args:
        assets: By part of the pipeline, as `build.asset_specs` names the parts.
        plan: The asset `restoration_plan`.
        observed: The observed assets of the folder `masks`.
    """
    return {job.name: job for job in _jobs(assets, plan, observed)}


def _jobs(
    assets: AssetsByPart, plan: dg.AssetsDefinition, observed: Sequence[dg.AssetsDefinition]
) -> Iterator[Any]:
    def of(*parts: str) -> list[dg.AssetsDefinition]:
        return [asset for part in parts for asset in assets[part]]

    def job(
        name: str, selection: Any, description: str, tags: Tags | None = None, **plan_config: Any
    ) -> Any:
        config = {"ops": {RESTORATION_PLAN: {"config": plan_config}}} if plan_config else None
        return dg.define_asset_job(
            name,
            selection=selection,
            description=description,
            config=config,
            tags={REASON: f"somebody started {name}", RETRY: ALL_STEPS, **(tags or {})},
        )

    part = ("super_resolution", "weights", "restoration")
    planning = [*of("wikiart", "super_resolution", "weights"), plan]
    yield job(
        RESTORE,
        of(*part, "gallery"),
        "Bring the chosen paintings up to date, with all they depend on, and show them in the"
        f" gallery. Evaluations come afterwards: `{EVALUATE}`.",
    )
    yield job(
        RESTORE_PART,
        of(*part),
        f"As `{RESTORE}`, without the gallery: for one of many runs, after which"
        f" `{PUBLISH}` or a last `{RESTORE}` makes it once.",
    )
    yield job(
        "restore_stale",
        planning,
        f"Take in what is new, plan all that is stale, and restore it: a run of `{RESTORE}` for"
        " each group of paintings follows.",
    )
    yield job(
        "restore_style",
        planning,
        "As `restore_stale`, for the paintings of one style: name it in the launchpad.",
        style="Realism",
    )
    library = [each for each in of("weights", "restoration") if each.key.path == [GROUND_LIBRARY]]
    if library:
        yield job(
            RENEW_GROUND_LIBRARY,
            list({each.key: each for each in [*planning, *library]}.values()),
            "As `restore_stale`, after the library of grounds has taken in the paintings that are"
            " new: what it makes stale is restored again.",
            tags={RENEW: "true"},
        )
    yield job(
        "restore_again",
        planning,
        "Compute what the launchpad narrows it to again, even if it is fresh, or everything, which"
        " has to be confirmed there.",
        force=True,
    )
    yield job("catalogue", of("wikiart"), "Read the sources and list the paintings to restore.")
    yield job(
        "take_in",
        [INBOX_PAINTINGS, STYLED_PAINTINGS],
        "Read the inbox and list the paintings to restore. New ones are then restored.",
    )
    yield job(PUBLISH, of("gallery"), "Make the gallery again.")
    yield job(EVALUATE, of("evaluation"), "Bring the evaluations up to date.")
    if any(each.key.path == [LR_HR_PAIRS] for each in of("super_resolution")):
        yield job(
            "data_set",
            dg.AssetSelection.assets(LR_HR_PAIRS).upstream()
            | dg.AssetSelection.assets(*assets["wikiart"]),
            "Everything up to the LR/HR pairs: what a machine without a GPU can do.",
        )
    yield job(
        "observe_masks",
        observed,
        "Look for masks and texts that a curator added, changed or removed.",
    )
