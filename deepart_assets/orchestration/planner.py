"""What would be made if everything was brought up to date, painting by painting, and why.

Belongs here: walking all paintings through all their assets, and putting paintings together into
runs. Does not belong here: how one output stands (`standing`), starting runs (`automation`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

from deepart_assets.errors import DeepArtError
from deepart_assets.orchestration.asset_factory import PaintingAsset
from deepart_assets.orchestration.context import StageContext
from deepart_assets.orchestration.staleness import (
    Fresh,
    MissingUpstream,
    OutputStatus,
    Records,
    RunPolicy,
    Stale,
    StalenessChecker,
)
from deepart_assets.storage import RecordIndex

UNTOLD = "Dagster has not heard of it"
"""Why an output is in a plan that is there already: a run will reuse it and tell."""

Told = Mapping[str, Mapping[str, str]]
"""The data version that Dagster knows, by asset and painting."""


@dataclass(frozen=True)
class StaleOutput:
    """An output that would be made."""

    painting: str
    asset: str
    because: str


class Plan:
    """Looks at all outputs of some paintings.

    Args:
        assets: The assets of a painting, each after those that it depends on.
        context: Settings, lake, the list of paintings.
        keys: The paintings.
        demand: How eagerly outputs are made.
        told: What Dagster knows.
    """

    def __init__(
        self,
        assets: Sequence[PaintingAsset],
        context: StageContext,
        keys: Sequence[str],
        demand: RunPolicy,
        told: Told,
    ) -> None:
        self._context, self._keys, self._told = context, keys, told
        self._examiners: list[tuple[PaintingAsset, StalenessChecker]] = []
        self.unavailable: dict[str, str] = {}
        """Assets that cannot be made now, whatever the painting, and why."""
        for asset in assets:
            try:
                self._examiners.append((asset, StalenessChecker(asset, context, keys, demand)))
            except DeepArtError as error:
                self.unavailable[asset.name] = str(error)

    def stale(self) -> Iterator[StaleOutput]:
        """Yield what would be made, painting after painting."""
        register = cache(partial(RecordIndex, self._context.store))
        for key in self._keys:
            records = cache(lambda asset, key: register(asset).get(key))
            due: set[str] = set()
            for asset, checker in self._examiners:
                upstream = next((dep for dep in asset.painting_deps if dep in due), None)
                if upstream is not None:
                    because: str | None = f"{upstream} is made again"
                else:
                    try:
                        because = self._because(asset, key, checker.stand(key, records), records)
                    except Exception as error:  # the run will tell of it
                        because = f"{type(error).__name__}: {error}"
                if because is not None:
                    due.add(asset.name)
                    yield StaleOutput(key, asset.name, because)

    def _because(
        self, asset: PaintingAsset, key: str, standing: OutputStatus, records: Records
    ) -> str | None:
        match standing:
            case Stale(because=because):
                return because
            case Fresh(record):
                told = self._told.get(asset.name, {}).get(key)
                is_told = record.status != "done" or told == record.data_version
                return None if is_told else UNTOLD
            case MissingUpstream(upstream, record) if (
                record is not None and record.status == "skipped"
            ):
                own = records(asset.name, key)
                passed_on = own is not None and own.status == "skipped"
                return None if passed_on else f"{upstream} was skipped"
        return None


def runs_of(
    keys: Sequence[str], order: Sequence[str], *, max_gap: int, max_size: int
) -> list[list[str]]:
    """Put paintings together into runs over neighbouring partitions.

    Args:
        keys: The paintings to restore; those that are in no partition are left out.
        order: All partitions, in Dagster's order.
        max_gap: Most other partitions between two neighbouring paintings of one run.
        max_size: Most partitions of one run, those in between included.

    Returns:
        For each run its partitions, the ones between included.
    """
    wanted = set(keys)
    places = [place for place, key in enumerate(order) if key in wanted]
    spans: list[tuple[int, int]] = []
    for place in places:
        first, last = spans[-1] if spans else (0, -1)
        if spans and place - last - 1 <= max_gap and place - first < max_size:
            spans[-1] = first, place
        else:
            spans.append((place, place))
    return [list(order[first : last + 1]) for first, last in spans]
