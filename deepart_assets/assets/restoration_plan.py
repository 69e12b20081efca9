"""The plan: what is stale, painting by painting, and why.

Belongs here: what the plan looks at and what of it is shown. Does not belong here: how an output
stands (`orchestration`), starting the runs (`orchestration.automation`).
"""

import time
from collections import Counter
from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from deepart_assets.names import name_key
from deepart_assets.orchestration.asset_factory import PAINTINGS, PaintingAsset
from deepart_assets.orchestration.context import StageContext
from deepart_assets.orchestration.events import latest_versions, metadata_made_in
from deepart_assets.orchestration.metadata import markdown_table
from deepart_assets.orchestration.planner import Plan, StaleOutput, runs_of
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.staleness import RunPolicy
from deepart_assets.orchestration.tags import policy_of

PLAN = "restoration_plan"
RUNS = "runs"
"""Metadata of a plan: first and last partition of each run that it asks for."""

SHOWN = 100
"""Rows of the table in the UI."""


class PlanConfig(dg.Config):
    """Which paintings are looked at, and how eagerly."""

    paintings: list[str] = Field([], description="Their ids; empty: all.")
    style: str = Field("", description='Only paintings of this style; "": of any.')
    force: bool = Field(False, description="Make what is up to date again, too.")
    thorough: bool = Field(
        False,
        description="Read every file and compare its hash, even if its size and time are those"
        " that it had.",
    )


def restoration_plan(assets: Sequence[PaintingAsset], deps: Sequence[str]) -> dg.AssetsDefinition:
    """Return the asset for a painting's assets, in the pipeline's order, and what they share."""

    @dg.asset(
        name=PLAN,
        group_name="automation",
        deps=["paintings", *deps],
        kinds={"python"},
        code_version="1",
        description="What is stale, painting by painting, and why: by recipe and files, and by what"
        " Dagster has heard. Once one of the jobs for it has made it, the sensor"
        " `restore_what_is_stale` starts runs for just that. Its configuration narrows it to a"
        " style or to some paintings, or asks to make everything again.",
    )
    def plan(
        context: dg.AssetExecutionContext, profile: Profile, config: PlanConfig
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        start = time.perf_counter()
        stage_context = StageContext(profile.settings, profile.store, context.log)
        order = context.instance.get_dynamic_partitions(str(PAINTINGS.name))
        keys = [key for key in order if _asked_for(stage_context, key, config)]
        told = {
            asset.name: {
                key: version.data_version
                for key, version in latest_versions(context.instance, asset.name, keys).items()
            }
            for asset in assets
        }
        asked = policy_of(context.run.tags)
        demand = RunPolicy(config.force, asked.retry, config.thorough)
        looked = Plan(assets, stage_context, keys, demand, told)
        stale = list(looked.stale())
        settings = profile.settings.automation
        gap = (
            0 if config.force else settings.max_partition_gap
        )  # what stands between would be made again, too
        runs = runs_of(
            [each.painting for each in stale],
            order,
            max_gap=gap,
            max_size=settings.max_partitions_per_run,
        )
        seconds = time.perf_counter() - start
        paintings = {each.painting for each in stale}
        context.log.info(
            f"{PLAN}: {len(stale)} outputs of {len(paintings)} paintings are stale, of"
            f" {len(keys)} looked at in {seconds:.1f} s"
        )
        for name, reason in looked.unavailable.items():
            context.log.warning(f"{PLAN}: {name} cannot be made: {reason}")
        return dg.MaterializeResult(
            metadata={
                "paintings": len(paintings),
                "outputs": len(stale),
                "looked_at": len(keys),
                "seconds": round(seconds, 2),
                "why": dg.MetadataValue.md(markdown_table(_why(stale))),
                "stale": dg.MetadataValue.md(markdown_table(_rows(stale[:SHOWN]))),
                "unavailable": dg.MetadataValue.json(looked.unavailable),
                "force": config.force,
                RUNS: dg.MetadataValue.json([[run[0], run[-1]] for run in runs]),
            }
        )

    return plan


def _asked_for(stage_context: StageContext, key: str, config: PlanConfig) -> bool:
    painting = stage_context.paintings.get(key)
    if painting is None or (config.paintings and key not in config.paintings):
        return False
    return not config.style or name_key(painting.labels["style"]) == name_key(config.style)


def _rows(stale: Sequence[StaleOutput]) -> list[dict[str, str]]:
    return [
        {"painting": each.painting, "asset": each.asset, "because": each.because} for each in stale
    ]


def _why(stale: Sequence[StaleOutput]) -> list[dict[str, object]]:
    """Count the outputs by asset and reason, the most frequent first."""
    counts = Counter((each.asset, each.because) for each in stale)
    return [
        {"asset": asset, "because": because, "paintings": count}
        for (asset, because), count in counts.most_common(SHOWN)
    ]


def plan_made_in(instance: dg.DagsterInstance, run_id: str) -> list[list[str]]:
    """Return the partitions of each run that the plan made in a run asks for."""
    made = metadata_made_in(instance, run_id, PLAN)
    order = instance.get_dynamic_partitions(str(PAINTINGS.name))
    spans = made[RUNS].value if made else []
    return [list(order[order.index(first) : order.index(last) + 1]) for first, last in spans]
