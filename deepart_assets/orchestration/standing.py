"""How a painting's output stands: up to date, due and why, or waiting for another.

Belongs here: that decision, which runs and plans share, from records and files alone. Does not
belong here: making anything (`batch`), and what Dagster's event log says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deepart_assets.orchestration.studio import Painting, Studio
from deepart_assets.storage import Recipe, Record, reason_to_make

if TYPE_CHECKING:
    from deepart_assets.orchestration.factory import PaintingAsset

Records = Callable[[str, str], Record | None]
"""Returns the record of an asset and a painting."""


@dataclass(frozen=True)
class Due:
    """Its output has to be made."""

    painting: Painting
    recipe: Recipe
    because: str


@dataclass(frozen=True)
class UpToDate:
    """Its output is there, or it was skipped, and nothing that it is made from has changed."""

    record: Record


@dataclass(frozen=True)
class FailedBefore:
    """It failed, nothing that it is made from has changed, and nobody asks to try it again."""

    record: Record


@dataclass(frozen=True)
class Waiting:
    """What it is made from is not there."""

    upstream: str
    record: Record | None


@dataclass(frozen=True)
class Withdrawn:
    """The painting is not on the list any more."""


Standing = Due | UpToDate | FailedBefore | Waiting | Withdrawn


@dataclass(frozen=True)
class Demand:
    """How eagerly outputs are made."""

    force: bool = False
    """Make them even if they are up to date."""
    retry: bool = True
    """Try again what failed, though nothing has changed."""
    thorough: bool = False
    """Read every file, even if its size and time are those that it had."""


class Examiner:
    """Says how the outputs of one asset stand.

    Args:
        asset: The asset.
        studio: Its settings, the lake, the list of paintings.
        keys: The paintings that will be asked for.
        demand: How eagerly outputs are made.

    Raises:
        DeepArtError: What all its paintings need (weights, say) cannot be had.
    """

    def __init__(
        self, asset: PaintingAsset, studio: Studio, keys: Sequence[str], demand: Demand
    ) -> None:
        self._asset, self._studio, self._demand = asset, studio, demand
        self.files = {each.asset: each.hashes(studio.lake, keys) for each in self._asset.observed}
        """SHA-256 of the file of each painting that has one, by observed asset."""
        self.stage = asset.describe(studio)
        self._settings = asset.settings(studio.settings)
        self._shared = {dep: studio.upstream(dep).data_version for dep in asset.deps}

    def stand(self, key: str, records: Records) -> Standing:
        """Return how the output of a painting stands.

        Raises:
            Exception: Whatever is wrong with this painting's details.
        """
        asset = self._asset
        painting = self._studio.paintings.get(key)
        if painting is None:
            return Withdrawn()
        found = {dep: records(dep, key) for dep in asset.painting_deps}
        for dep, record in found.items():
            if record is None or record.status != "done":
                return Waiting(dep, record)
        painting = replace(
            painting,
            inputs={dep: record for dep, record in found.items() if record is not None},
            observed={name: hashes[key] for name, hashes in self.files.items() if key in hashes},
        )
        recipe = self._recipe(painting)
        known = records(asset.name, key)
        because = reason_to_make(self._studio.ledger, known, recipe, thorough=self._demand.thorough)
        unchanged = known is not None and known.fingerprint == recipe.fingerprint
        if known is not None and because is None and not self._demand.force:
            return UpToDate(known)
        again = self._demand.retry or self._demand.force
        if known is not None and unchanged and known.status == "failed":
            again = again or known.transient
            if not again:
                return FailedBefore(known)
        return Due(painting, recipe, because or "asked for")

    def _recipe(self, painting: Painting) -> Recipe:
        inputs = {dep: record.data_version for dep, record in painting.inputs.items()}
        if self._asset.reads_original:
            inputs["original"] = painting.sha256
        return Recipe(
            code_version=self._asset.code_version,
            settings={**self._settings, **self.stage.details(painting)},
            inputs={**inputs, **painting.observed, **self._shared},
            weights=self.stage.weights,
        )
