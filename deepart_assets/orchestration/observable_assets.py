"""What is observed of each painting, and never made: its original, files people lay beside it.

Belongs here: assets whose partitions follow a list or a folder of the data lake, and telling
Dagster what is new of them. Does not belong here: what is in the files.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import dagster as dg

from deepart_assets.orchestration.events import latest_versions, painting_observation
from deepart_assets.orchestration.resources import Profile
from deepart_assets.storage import Lake, sha256_of

ABSENT = "none"
"""The data version of a painting without a file."""

ORIGINALS = "paintings"
"""The asset whose partitions are the paintings to restore, each with its original."""


def originals_asset(
    catalogue: str, partitions: dg.DynamicPartitionsDefinition, group: str
) -> dg.AssetSpec:
    """Return the asset `paintings`; the step of `catalogue` observes what it lists."""
    return dg.AssetSpec(
        ORIGINALS,
        deps=[catalogue],
        partitions_def=partitions,
        group_name=group,
        description=f"Each painting to restore: the original and its labels, as `{catalogue}` lists"
        " them. A change of one makes that painting's outputs stale, and no other's.",
    )


def changed_observations(
    instance: dg.DagsterInstance,
    asset: str,
    versions: Mapping[str, str],
    *,
    anew: Collection[str] = (),
) -> Iterator[dg.AssetObservation]:
    """Yield an observation of each painting whose version is not as Dagster last heard.

    Of those `anew` in any case: what returns may be as it was, and is changed_observations.
    """
    known = latest_versions(instance, asset, list(versions), observed=True)
    again = set(anew)
    for key, version in versions.items():
        if key in again or key not in known or known[key].data_version != version:
            yield painting_observation(asset, key, version)


@dataclass(frozen=True)
class ObservableFolder:
    """One folder of such files."""

    asset: str
    """Name of the asset."""
    description: str
    folder: str
    """In the data lake; the file of a painting is `<folder>/<painting id><suffix>`."""
    suffix: str
    partitions: dg.DynamicPartitionsDefinition
    group: str

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
            group_name=self.group,
            partitions_def=self.partitions,
        )
        def observe(
            context: dg.OpExecutionContext, profile: dg.ResourceParam[Profile]
        ) -> dg.DataVersionsByPartition:
            keys = context.instance.get_dynamic_partitions(str(self.partitions.name))
            known = {f"{key}{self.suffix}" for key in keys}
            for name in sorted(self.names(profile.lake) - known):
                context.log.warning(
                    f"{self.folder}/{name} belongs to no painting: name it"
                    f" <painting id>{self.suffix}"
                )
            hashes = self.hashes(profile.lake, keys)
            return dg.DataVersionsByPartition({key: hashes.get(key, ABSENT) for key in keys})

        return observe  # type: ignore[return-value]
