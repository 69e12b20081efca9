"""The choice of the paintings to restore, and styles predicted for those that have none.

Belongs here: what these assets are made from. Does not belong here: filtering and predicting
(`wikiart`).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from deepart_assets import asset_names
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import StageContext, StageSpec
from deepart_assets.orchestration.events import log_together
from deepart_assets.orchestration.observable_assets import changed_observations
from deepart_assets.orchestration.partitions import PAINTINGS, painting_keys
from deepart_assets.reports import bar_plot, report_json
from deepart_assets.settings import Settings
from deepart_assets.settings.wikiart import PredictedStyles
from deepart_assets.storage import StageResult
from deepart_assets.storage.withdrawn import ASIDE, bring_back, set_aside
from deepart_assets.wikiart.catalogue import from_parquet, to_parquet
from deepart_assets.wikiart.features import Eye, features_of
from deepart_assets.wikiart.predicted_styles import predict_styles
from deepart_assets.wikiart.styles import (
    condition_counts,
    filter_styles,
    style_counts,
    with_inbox,
    with_predicted,
)

if TYPE_CHECKING:
    import pandas

PLOTTED = 30
"""Styles with a bar of their own; Kaggle's catalogue has more than a hundred."""


def style_assets(settings: Settings, stages: Sequence[str]) -> list[PipelineAssetSpec]:
    """Return the choice of the paintings to restore, after the predicted styles if it has any."""
    choice = settings.wikiart.predicted_styles
    if choice is None:
        return [_styled_paintings(stages)]
    return [
        _predicted_styles(choice),
        _styled_paintings(stages, "predicted_styles"),
    ]


def _predicted_styles(choice: PredictedStyles) -> PipelineAssetSpec:
    @data_asset(
        group="wikiart",
        settings=lambda settings: choice.model_dump(mode="json"),
        deps=["wikiart_paintings"],
        kinds={"pytorch", "parquet"},
    )
    def predicted_styles(context: StageContext) -> StageSpec:
        """A style for each painting without one, if it is likely enough.

        A linear probe on EfficientNet-Lite0's features learns from labelled paintings of the
        catalogue; its accuracy is that on paintings of artists that it has not seen, in
        cross-validation. Each painting goes through the network once. Nothing is predicted, and
        said so, where there is nothing to predict or too little to learn from.
        """
        eye = Eye()

        def make() -> StageResult:
            catalogue = from_parquet(context.read("wikiart_paintings"))
            unreadable: list[str] = []

            def seen(paintings: Mapping[str, str]) -> Mapping[str, Any]:
                found, bad = features_of(
                    paintings,
                    context.original,
                    context.lake,
                    eye,
                    keep=catalogue["sha256"],
                    tell=lambda line: context.log.info(f"predicted_styles: {line}"),
                )
                unreadable.extend(bad)
                return found

            made = predict_styles(catalogue, choice, seen)
            bars = {row["name"]: {p: row[p] for p in ("right", "wrong")} for row in made.by_style}
            shown = {"by_style": made.by_style, "plot": bar_plot("Held-out paintings", bars)}
            return StageResult(
                {
                    "predicted_styles/styles.parquet": to_parquet(made.styles),
                    "reports/predicted_styles.json": report_json(made.by_style),
                },
                {
                    **made.figures,
                    "unreadable": len(unreadable),
                    **(shown if bars else {}),
                    "paintings": _records(made.styles.head(100)),
                },
            )

        return StageSpec(make, weights=eye.name)

    return predicted_styles


def _publish_partitions(
    step: dg.AssetExecutionContext, context: StageContext, stages: Sequence[str]
) -> None:
    """Make the partition keys those of the list, in its order at the end of the known ones.

    What was made of a painting that left the list is kept aside; of one that returns it is brought
    back.
    """
    name = str(PAINTINGS.name)
    known = set(painting_keys(step.instance))
    listed = context.paintings
    new = [key for key in listed if key not in known]
    if back := bring_back(context.store, stages, new):
        step.log.info(f"brought back what had been made of {len(back)} paintings")
    if new:
        step.instance.add_dynamic_partitions(name, new)
    versions = {key: painting.version for key, painting in listed.items()}
    log_together(
        step, changed_observations(step.instance, asset_names.PAINTINGS, versions, anew=new)
    )
    for key in known - listed.keys():
        step.instance.delete_dynamic_partition(name, key)
    if gone := set_aside(context.store, stages, listed):
        step.log.info(f"{len(gone)} paintings left the list: their results are in {ASIDE}/")


def _styled_paintings(stages: Sequence[str], predicted_by: str | None = None) -> PipelineAssetSpec:
    @data_asset(
        group="wikiart",
        settings=lambda settings: settings.styled_paintings.model_dump(mode="json"),
        deps=["wikiart_paintings", "inbox_paintings", *filter(None, [predicted_by])],
        kinds={"parquet"},
        code_version="3",
        after=lambda step, context: _publish_partitions(step, context, stages),
    )
    def styled_paintings(context: StageContext) -> StageSpec:
        """The paintings to restore: what meets every condition of the profile, and the inbox.

        Styles, genres, artists, years, smaller side and orientation. Names are compared without
        case, accents, hyphens and spare space; one that no painting has is refused with the nearest
        known ones. A style that was predicted counts as one, and is marked so. Each painting listed
        becomes a partition of the restoration assets, and one that is listed no longer loses it.
        """
        choice = context.settings.styled_paintings

        def make() -> StageResult:
            predicted = from_parquet(context.read(predicted_by)) if predicted_by else None
            catalogue = with_predicted(from_parquet(context.read("wikiart_paintings")), predicted)
            kept = filter_styles(catalogue, choice)
            inbox = from_parquet(context.read("inbox_paintings"))
            listed, refused = with_inbox(kept, inbox)
            counts = style_counts(catalogue, kept)
            if predicted is None:
                counts = counts.drop(columns="predicted")
            report = _records(counts.rename(columns={"style": "name"}))
            return StageResult(
                {
                    "styled_paintings/paintings.parquet": to_parquet(listed),
                    "reports/styled_paintings.json": report_json(report),
                },
                {
                    "preview": context.mosaic(listed["path"]),
                    "kept": len(kept),
                    "dropped": len(catalogue) - len(kept),
                    "inbox": len(listed) - len(kept),
                    "gave_way": refused or None,
                    "conditions": condition_counts(catalogue, choice),
                    "styles": report,
                    "plot": bar_plot("Paintings by style", _bars(counts)),
                },
            )

        return StageSpec(make)

    return styled_paintings


def _records(table: "pandas.DataFrame") -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _bars(counts: "pandas.DataFrame") -> dict[str, dict[str, float]]:
    """Return the parts of the most frequent styles by name, and of all others together."""
    bars = {row.pop("style"): row for row in _records(counts.head(PLOTTED))}
    if rest := len(counts) - len(bars):
        others = counts.iloc[PLOTTED:].drop(columns="style").sum()
        bars[f"({rest} more styles)"] = {str(part): float(n) for part, n in others.items()}
    return bars
