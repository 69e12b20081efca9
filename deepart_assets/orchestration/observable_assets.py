"""Assets that are observed, never materialized: the originals, and files that people add.

Their partitions follow the list of paintings or a folder of the data lake.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import dagster as dg

from deepart_assets import asset_names
from deepart_assets.orchestration.events import latest_versions, painting_observation
from deepart_assets.orchestration.partitions import PAINTINGS, painting_keys
from deepart_assets.orchestration.resources import Profile
from deepart_assets.storage import Lake, sha256_of

ABSENT = "none"
"""The data version of a painting without a file."""


def paintings_asset() -> dg.AssetSpec:
    """Return the asset `paintings`; the step of `styled_paintings` observes what it lists."""
    return dg.AssetSpec(
        asset_names.PAINTINGS,
        deps=[asset_names.STYLED_PAINTINGS],
        partitions_def=PAINTINGS,
        group_name="restoration",
        description="Each painting to restore: the original and its labels, as"
        f" `{asset_names.STYLED_PAINTINGS}` lists them. A change to one makes that painting's"
        " outputs stale, and no other's.",
    )


def changed_observations(
    instance: dg.DagsterInstance,
    asset: str,
    versions: Mapping[str, str],
    *,
    always: Collection[str] = (),
) -> Iterator[dg.AssetObservation]:
    """Yield an observation of each painting whose version is not as Dagster last heard.

    Those in `always` are observed in any case: a painting that returns may be unchanged.
    """
    known = latest_versions(instance, asset, list(versions), observed=True)
    always = set(always)
    for key, version in versions.items():
        if key in always or key not in known or known[key].data_version != version:
            yield painting_observation(asset, key, version)


@dataclass(frozen=True)
class ObservableFolder:
    """A folder with at most one file for each painting, which people fill."""

    asset: str
    """Name of the asset."""
    description: str
    folder: str
    """In the data lake; the file of a painting is `<folder>/<painting id><suffix>`."""
    suffix: str
    stray: Callable[[str], bool] = lambda name: True
    """Whether a file that belongs to no painting is reported here, by its name. Of several assets
    that share a folder one does."""

    def path(self, key: str) -> str:
        """Return the lake path of a painting's file, whether it is there or not."""
        return f"{self.folder}/{key}{self.suffix}"

    def names(self, lake: Lake) -> set[str]:
        """Return the names of the files that are there, those of no painting too."""
        return {path.rsplit("/", 1)[1] for path in lake.list(self.folder)}

    def hashes(self, lake: Lake, keys: Iterable[str]) -> dict[str, str]:
        """Return the SHA-256 of the file of each painting that has one."""
        there = self.names(lake)
        return {
            key: sha256_of(lake.read(self.path(key)))
            for key in keys
            if f"{key}{self.suffix}" in there
        }

    def definition(self) -> dg.AssetsDefinition:
        """Return the asset, which the UI offers to observe and nothing materializes."""

        @dg.observable_source_asset(
            name=self.asset,
            description=self.description,
            group_name="restoration",
            partitions_def=PAINTINGS,
        )
        def observe(
            context: dg.OpExecutionContext, profile: dg.ResourceParam[Profile]
        ) -> dg.DataVersionsByPartition:
            keys = painting_keys(context.instance)
            known = {f"{key}{self.suffix}" for key in keys}
            for name in sorted(filter(self.stray, self.names(profile.lake) - known)):
                context.log.warning(
                    f"{self.folder}/{name} belongs to no painting: rename it"
                    f" <painting id>{self.suffix}"
                )
            hashes = self.hashes(profile.lake, keys)
            return dg.DataVersionsByPartition({key: hashes.get(key, ABSENT) for key in keys})

        return observe  # type: ignore[return-value]
