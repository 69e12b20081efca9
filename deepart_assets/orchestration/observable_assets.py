"""Assets that are observed, never materialized: the originals, and files that people add.

Their partitions follow the list of paintings or a folder of the data lake.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass

import dagster as dg

from deepart_assets import asset_names
from deepart_assets.dagster_internals.data_versions import DATA_VERSION_TAG, log_event_batch
from deepart_assets.dagster_internals.event_log_edits import forget_materializations
from deepart_assets.orchestration.events import reported_versions
from deepart_assets.orchestration.partitions import PAINTINGS, painting_keys
from deepart_assets.orchestration.resources import Profile
from deepart_assets.wikiart.naming import shown
from deepart_assets.wikiart.painting_folder import CuratorFile, PaintingFolder

ABSENT = "none"
"""The data version of a painting without a file."""


def paintings_asset() -> dg.AssetSpec:
    """Return the asset `paintings`; the step of `styled_paintings` observes what it lists."""
    return dg.AssetSpec(
        asset_names.PAINTINGS,
        deps=[asset_names.STYLED_PAINTINGS],
        partitions_def=PAINTINGS,
        group_name="wikiart",
        description="Each painting to restore: the original and its labels, as"
        f" `{asset_names.STYLED_PAINTINGS}` lists them. A change to one makes that painting's"
        " outputs stale, and no other's.",
    )


def report_observed(
    step: dg.AssetExecutionContext | dg.OpExecutionContext,
    asset: str,
    versions: Mapping[str, str],
    shown: Mapping[str, str] | None = None,
    *,
    always: Collection[str] = (),
) -> None:
    """Log the observations of what has changed, and which paintings there is something of.

    Dagster's staleness follows the observations. Its pages count materializations alone, so a
    painting with a file has one, and one without has none.

    Args:
        step: The context of the step.
        asset: The observed asset.
        versions: The version of each painting, or ABSENT.
        shown: What its partition shows of a painting, by id.
        always: Paintings that are observed even if they have not changed, as those that return.
    """
    known, always = reported_versions(step.instance, asset, versions, observed=True), set(always)
    log_event_batch(
        step,
        (
            dg.AssetObservation(asset, partition=key, tags={DATA_VERSION_TAG: version})
            for key, version in versions.items()
            if key in always or known.get(key) != version
        ),
    )
    _materialize_present(step, asset, versions, shown or {})


def _materialize_present(
    step: dg.AssetExecutionContext | dg.OpExecutionContext,
    asset: str,
    versions: Mapping[str, str],
    shown: Mapping[str, str],
) -> None:
    known = reported_versions(step.instance, asset, versions)
    present = {key: version for key, version in versions.items() if version != ABSENT}
    log_event_batch(
        step,
        (
            dg.AssetMaterialization(
                asset,
                partition=key,
                metadata={"painting": shown[key]} if key in shown else None,
                tags={DATA_VERSION_TAG: version},
            )
            for key, version in present.items()
            if known.get(key) != version
        ),
    )
    forget_materializations(step.instance, asset, sorted(known.keys() - present.keys()))


def versions_of(files: Mapping[str, CuratorFile], keys: Iterable[str]) -> dict[str, str]:
    """Return the version of each painting's file: its SHA-256, or `ABSENT`."""
    return {key: files[key].sha256 if key in files else ABSENT for key in keys}


@dataclass(frozen=True)
class ObservableFolder(PaintingFolder):
    """A `PaintingFolder` as an asset with a partition for each painting."""

    _: KW_ONLY
    asset: str
    """Name of the asset."""
    group: str
    """Group of the asset that reads it."""
    description: str

    def definition(self) -> dg.AssetsDefinition:
        """Return the asset, which the UI offers to observe and nothing materializes."""

        @dg.observable_source_asset(
            name=self.asset,
            description=self.description,
            group_name=self.group,
            partitions_def=PAINTINGS,
        )
        def observe(
            context: dg.OpExecutionContext, profile: dg.ResourceParam[Profile]
        ) -> dg.DataVersionsByPartition:
            keys = painting_keys(context.instance)
            for name, reason in self.strays(profile.lake, set(keys)).items():
                context.log.warning(f"{self.folder}/{shown(name)} {reason}")
            files = self.read(profile.lake, keys, keys)
            versions = versions_of(files, keys)
            _materialize_present(context, self.asset, versions, {})
            return dg.DataVersionsByPartition(versions)

        return observe  # type: ignore[return-value]
