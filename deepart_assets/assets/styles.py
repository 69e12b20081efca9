"""The paintings to restore, and zero-shot style labels for those without a style."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from deepart_assets import asset_names
from deepart_assets.errors import SettingsError
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import StageContext, StageSpec
from deepart_assets.orchestration.leaving import remove_partitions
from deepart_assets.orchestration.observable_assets import report_observed
from deepart_assets.orchestration.partitions import PAINTINGS, painting_keys
from deepart_assets.reports import bar_plot, report_json
from deepart_assets.settings import Settings
from deepart_assets.settings.wikiart import StyleLabels
from deepart_assets.storage import StageResult
from deepart_assets.storage.delisted import ASIDE, bring_back, set_aside
from deepart_assets.wikiart.catalogue import from_parquet, to_parquet
from deepart_assets.wikiart.naming import INBOX
from deepart_assets.wikiart.style_labels import StyleLabeller, label_styles
from deepart_assets.wikiart.styles import (
    condition_counts,
    filter_styles,
    style_counts,
    with_inbox,
    with_labels,
)

if TYPE_CHECKING:
    import pandas

PLOTTED = 30
"""Styles with a bar of their own; Kaggle's catalogue has more than a hundred."""


def style_assets(settings: Settings, stages: Sequence[str]) -> list[PipelineAssetSpec]:
    """Return the list of paintings to restore, after the style labels if the profile has any."""
    if settings.wikiart.style_labels is None:
        return [_styled_paintings(stages)]
    return [style_labels, _styled_paintings(stages, style_labels.name)]


def _labels_wanted(settings: Settings) -> StyleLabels:
    """Return the settings of the style labels, of a profile whose graph has them.

    Raises:
        SettingsError: The run's settings have none.
    """
    if settings.wikiart.style_labels is None:
        raise _part_of_the_graph()
    return settings.wikiart.style_labels


def _part_of_the_graph() -> SettingsError:
    return SettingsError(
        "whether there are wikiart.style_labels is part of the graph: set or remove them in the"
        " profile, not for a single run"
    )


@data_asset(
    group="wikiart",
    settings=lambda settings: _labels_wanted(settings).model_dump(mode="json"),
    deps=[asset_names.WIKIART_PAINTINGS],
    kinds={"huggingface", "parquet"},
)
def style_labels(context: StageContext) -> StageSpec:
    """A style for each painting without one, by zero-shot image classification.

    Candidates are the profile's styles, or else those of the catalogue. A painting keeps no style
    if the best one scores less than `minimal_score`. Each painting is classified once.
    """
    choice = _labels_wanted(context.settings)
    labeller = StyleLabeller(choice)

    def make() -> StageResult:
        catalogue = from_parquet(context.read(asset_names.WIKIART_PAINTINGS))
        labels, figures = label_styles(
            catalogue,
            choice,
            labeller,
            context.original,
            lake=context.lake,
            report=context.log.info,
        )
        return StageResult(
            {"style_labels/labels.parquet": to_parquet(labels)},
            {**figures, "paintings": _records(labels.head(100))},
        )

    return StageSpec(make, weights=labeller.model_hash)


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
    shown = {key: painting.heading for key, painting in listed.items()}
    report_observed(step, asset_names.PAINTINGS, versions, shown, always=new)
    remove_partitions(step.instance, known - listed.keys())
    if gone := set_aside(context.store, stages, listed):
        step.log.info(f"{len(gone)} paintings left the list: their results are in {ASIDE}/")


def _styled_paintings(stages: Sequence[str], labelled_by: str | None = None) -> PipelineAssetSpec:
    @data_asset(
        group="wikiart",
        settings=lambda settings: settings.styled_paintings.model_dump(mode="json"),
        deps=[
            asset_names.WIKIART_PAINTINGS,
            asset_names.INBOX_PAINTINGS,
            *filter(None, [labelled_by]),
        ],
        kinds={"parquet"},
        code_version="5",  # 5: a double of what the inbox replaces is kept
        is_followed=True,
        after=lambda step, context: _publish_partitions(step, context, stages),
    )
    def styled_paintings(context: StageContext) -> StageSpec:
        """The paintings to restore: what meets every condition of the profile, and the inbox.

        Styles, genres, artists, years, smaller side and orientation. Names are compared without
        case, accents, hyphens and spare space; one that no painting has is refused with the nearest
        known ones. A zero-shot style counts as a style and is marked. Each painting listed
        becomes a partition of the restoration assets, and one that is listed no longer loses it.
        """
        choice = context.settings.styled_paintings
        if (labelled_by is None) != (context.settings.wikiart.style_labels is None):
            raise _part_of_the_graph()

        def make() -> StageResult:
            labels = from_parquet(context.read(labelled_by)) if labelled_by else None
            catalogue = with_labels(
                from_parquet(context.read(asset_names.WIKIART_PAINTINGS)), labels
            )
            kept = filter_styles(catalogue, choice)
            inbox = from_parquet(context.read(asset_names.INBOX_PAINTINGS))
            listed, refused = with_inbox(kept, inbox)
            counts = style_counts(catalogue, kept)
            if labels is None:
                counts = counts.drop(columns="labelled")
            report = _records(counts.rename(columns={"style": "name"}))
            return StageResult(
                {
                    "styled_paintings/paintings.parquet": to_parquet(listed),
                    asset_names.report_path(asset_names.STYLED_PAINTINGS): report_json(report),
                },
                {
                    "preview": context.mosaic(listed["path"]),
                    "kept": len(kept),
                    "dropped": len(catalogue) - len(kept),
                    "inbox": int(listed["path"].str.startswith(f"{INBOX.folder}/").sum()),
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
