"""How a painting's output stands: up to date, due and why, or waiting for another.

Belongs here: that decision, which runs and plans share, from records and files alone. Does not
belong here: making anything (`batch`), and what Dagster's event log says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deepart_assets.orchestration.context import Painting, StageContext
from deepart_assets.storage import MaterializationRecord, Provenance, staleness_reason

if TYPE_CHECKING:
    from deepart_assets.orchestration.asset_factory import PaintingAsset

Records = Callable[[str, str], MaterializationRecord | None]
"""Returns the record of an asset and a painting."""


@dataclass(frozen=True)
class Stale:
    """Its output has to be made."""

    painting: Painting
    provenance: Provenance
    because: str


@dataclass(frozen=True)
class Fresh:
    """Its output is there, or it was skipped, and nothing that it is made from has changed."""

    record: MaterializationRecord


@dataclass(frozen=True)
class FailedUnchanged:
    """It failed, nothing that it is made from has changed, and nobody asks to try it again."""

    record: MaterializationRecord


@dataclass(frozen=True)
class MissingUpstream:
    """What it is made from is not there."""

    upstream: str
    record: MaterializationRecord | None


@dataclass(frozen=True)
class Delisted:
    """The painting is not on the list any more."""


OutputStatus = Stale | Fresh | FailedUnchanged | MissingUpstream | Delisted


@dataclass(frozen=True)
class RunPolicy:
    """How eagerly outputs are made."""

    force: bool = False
    """Make them even if they are up to date."""
    retry: bool = True
    """Try again what failed, though nothing has changed."""
    thorough: bool = False
    """Read every file, even if its size and time are those that it had."""


class StalenessChecker:
    """Says how the outputs of one asset stand.

    Args:
        asset: The asset.
        context: Its settings, the lake, the list of paintings.
        keys: The paintings that will be asked for.
        demand: How eagerly outputs are made.

    Raises:
        DeepArtError: What all its paintings need (weights, say) cannot be had.
    """

    def __init__(
        self, asset: PaintingAsset, context: StageContext, keys: Sequence[str], demand: RunPolicy
    ) -> None:
        self._asset, self._context, self._demand = asset, context, demand
        self.files = {each.asset: each.hashes(context.lake, keys) for each in self._asset.observed}
        """SHA-256 of the file of each painting that has one, by observed asset."""
        self.stage = asset.describe(context)
        self._settings = asset.settings(context.settings)
        self._shared = {dep: context.upstream(dep).data_version for dep in asset.deps}

    def stand(self, key: str, records: Records) -> OutputStatus:
        """Return how the output of a painting stands.

        Raises:
            Exception: Whatever is wrong with this painting's details.
        """
        asset = self._asset
        painting = self._context.paintings.get(key)
        if painting is None:
            return Delisted()
        found = {dep: records(dep, key) for dep in asset.painting_deps}
        for dep, record in found.items():
            if record is None or record.status != "done":
                return MissingUpstream(dep, record)
        painting = replace(
            painting,
            inputs={dep: record for dep, record in found.items() if record is not None},
            observed={name: hashes[key] for name, hashes in self.files.items() if key in hashes},
        )
        provenance = self._provenance(painting)
        known = records(asset.name, key)
        because = staleness_reason(
            self._context.store, known, provenance, thorough=self._demand.thorough
        )
        unchanged = known is not None and known.fingerprint == provenance.fingerprint
        if known is not None and because is None and not self._demand.force:
            return Fresh(known)
        again = self._demand.retry or self._demand.force
        if known is not None and unchanged and known.status == "failed":
            again = again or known.transient
            if not again:
                return FailedUnchanged(known)
        return Stale(painting, provenance, because or "asked for")

    def _provenance(self, painting: Painting) -> Provenance:
        inputs = {dep: record.data_version for dep, record in painting.inputs.items()}
        if self._asset.reads_original:
            inputs["original"] = painting.sha256
        return Provenance(
            code_version=self._asset.code_version,
            settings={**self._settings, **self.stage.details(painting)},
            inputs={**inputs, **painting.observed, **self._shared},
            weights=self.stage.weights,
        )
