"""The plan: what is stale, painting by painting, and why."""

from collections.abc import Collection, Mapping, Sequence

import dagster as dg
from pydantic import Field

from deepart_assets.asset_names import RESTORATION_PLAN
from deepart_assets.errors import UnknownPaintingError
from deepart_assets.names import did_you_mean, name_key
from deepart_assets.orchestration.asset_spec import DataAssetSpec, PaintingAssetSpec
from deepart_assets.orchestration.context import Painting, StageContext
from deepart_assets.orchestration.metadata import SHOWN, markdown_table
from deepart_assets.orchestration.partitions import painting_keys
from deepart_assets.orchestration.planner import (
    ONLY,
    RUNS,
    UNAVAILABLE,
    UNPUBLISHED,
    make_plan,
    stale_data,
)
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.staleness import RunPolicy
from deepart_assets.orchestration.step_failures import as_failure
from deepart_assets.orchestration.tags import INTERACTIVE, Tags, policy_of

EVERYTHING = "everything"
"""What confirms that all paintings are computed again."""


class PlanConfig(dg.Config):
    """Which paintings are checked, and what counts as stale."""

    paintings: list[str] = Field([], description="Their ids; empty: all.")
    style: str = Field("", description='Only paintings of this style; "": of any.')
    force: bool = Field(False, description="Compute fresh outputs again, too.")
    confirm: str = Field(
        "",
        description=f"With `force` and neither `paintings` nor `style`: type {EVERYTHING!r}, as it"
        " computes all paintings again, which may take days.",
    )
    thorough: bool = Field(
        False,
        description="Read every file and compare its hash, even if size and time are unchanged.",
    )


COMPUTABLE = "everything_can_be_computed"
_COMPUTABLE = (
    "Whether no asset lacks a model or a package; what lacks one is left as it is, and the reason"
    " is in the metadata."
)


def restoration_plan(
    specs: Sequence[PaintingAssetSpec],
    deps: Sequence[str],
    published: Sequence[DataAssetSpec] = (),
) -> dg.AssetsDefinition:
    """Return the asset that plans.

    Args:
        specs: The assets of a painting, in the pipeline's order.
        deps: What they share.
        published: The assets that follow from all paintings.
    """

    @dg.asset(
        name=RESTORATION_PLAN,
        group_name="automation",
        deps=list(deps),
        kinds={"python"},
        code_version="1",
        check_specs=[
            dg.AssetCheckSpec(COMPUTABLE, asset=RESTORATION_PLAN, description=_COMPUTABLE)
        ],
        description="What is stale, painting by painting, and why, judged by provenance, files and"
        " Dagster's event log. Once one of the planning jobs has made it, the sensor"
        " `restore_what_is_stale` starts runs for just that. The configuration narrows it to a"
        " style or to some paintings, or asks to compute everything again.",
    )
    def plan(
        context: dg.AssetExecutionContext, profile: dg.ResourceParam[Profile], config: PlanConfig
    ) -> dg.MaterializeResult:
        if (reason := refusal(config, context.run.tags)) is not None:
            raise dg.Failure(reason, allow_retries=False)
        stage_context = StageContext(profile.settings, profile.store, context.log)
        policy = RunPolicy(config.force, policy_of(context.run.tags).retry, config.thorough)
        with as_failure():
            known = painting_keys(context.instance)
            listed = {k: each for k in known if (each := stage_context.paintings.get(k))}
            keys = selected(listed, config.paintings, config.style)
            made = make_plan(context.instance, specs, stage_context, keys, policy)
            unpublished = {} if made.ranges else stale_data(published, stage_context)
        context.log.info(
            f"{RESTORATION_PLAN}: {len(made.stale)} outputs of {made.paintings} paintings are"
            f" stale; checked {made.checked} paintings in {made.seconds:.1f} s"
        )
        for name, reason in made.unchecked.items():
            context.log.warning(f"{RESTORATION_PLAN}: {name} cannot be computed: {reason}")
        reasons = [
            {"asset": asset, "reason": reason, "paintings": count}
            for asset, reason, count in made.reasons()[:SHOWN]
        ]
        return dg.MaterializeResult(
            metadata={
                "paintings": made.paintings,
                "outputs": len(made.stale),
                "checked": made.checked,
                "seconds": round(made.seconds, 2),
                "reasons": dg.MetadataValue.md(markdown_table(reasons)),
                "stale": dg.MetadataValue.md(
                    markdown_table(
                        [
                            {
                                "painting": each.painting,
                                "title": listed[each.painting].caption,
                                "asset": each.asset,
                                "reason": each.reason,
                            }
                            for each in made.stale[:SHOWN]
                        ]
                    )
                ),
                UNAVAILABLE: dict(made.unavailable),
                "force": config.force,
                "thorough": config.thorough,
                RUNS: [list(keys) for keys in made.ranges],
                ONLY: keys if config.paintings or config.style else [],
                UNPUBLISHED: unpublished,
            },
            check_results=[
                dg.AssetCheckResult(
                    passed=not made.unavailable,
                    check_name=COMPUTABLE,
                    metadata=dict(made.unavailable),
                    description="; ".join(made.unavailable) or None,
                )
            ],
        )

    return plan


def refusal(config: PlanConfig, tags: Tags) -> str | None:
    """Return why a plan is not made, or None: what computes everything again is confirmed.

    `deepart restore --force` is as explicit as a confirmation.
    """
    is_narrowed = config.paintings or config.style
    if not config.force or is_narrowed or config.confirm == EVERYTHING or INTERACTIVE in tags:
        return None
    return (
        f"This would compute all paintings again: type {EVERYTHING} at"
        f" ops.{RESTORATION_PLAN}.config.confirm in the launchpad, or name paintings or a style"
        " there"
    )


def selected(
    listed: Mapping[str, Painting], ids: Sequence[str], style: str = "", soon: Collection[str] = ()
) -> list[str]:
    """Return the ids of some of the listed paintings.

    Args:
        listed: The paintings by id.
        ids: Those wanted; none means all.
        style: The style wanted; "" means any.
        soon: Ids that may be asked for though no painting has them yet.

    Raises:
        UnknownPaintingError: There is no painting with an id or the style.
    """
    styles = {name_key(each.labels["style"]): each.labels["style"] for each in listed.values()}
    for wanted in ids:
        if wanted not in listed and wanted not in soon:
            raise _unknown("id", wanted, list(listed))
    wanted_style = name_key(style)
    if wanted_style and wanted_style not in styles:
        raise _unknown("style", style, [each for each in styles.values() if each])
    return [
        key
        for key, painting in listed.items()
        if (not ids or key in ids)
        and (not wanted_style or name_key(painting.labels["style"]) == wanted_style)
    ]


def _unknown(what: str, wanted: str, known: Sequence[str]) -> UnknownPaintingError:
    hint = did_you_mean(wanted, known) or "."
    return UnknownPaintingError(
        f"No painting to restore has the {what} {wanted!r}{hint} `deepart paintings` shows the ids"
        " and styles of all paintings to restore"
    )
