"""The specification of an asset, as the decorators in `asset_factory` take it.

There are two kinds: of the whole data set, and with a partition for each painting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Generic, TypeVar

import dagster as dg

from deepart_assets.orchestration.checks import NONE_LEFT, Check
from deepart_assets.orchestration.context import PaintingStageSpec, StageContext, StageSpec
from deepart_assets.orchestration.observable_assets import ObservableFolder
from deepart_assets.settings import Settings
from deepart_assets.storage import sha256_of_json

SettingsOf = Callable[[Settings], Mapping[str, Any]]
"""Picks the settings that affect an asset's results, as plain JSON."""


def no_settings(settings: Settings) -> Mapping[str, Any]:
    """Pick nothing: for assets whose results depend on no setting."""
    return {}


StageT = TypeVar("StageT", StageSpec, PaintingStageSpec)


@dataclass(frozen=True)
class _AssetSpec(Generic[StageT]):
    """What both kinds of asset have in common."""

    stage: Callable[[StageContext], StageT]
    """Says what the output is made from and how; its docstring is the description in the UI."""
    _: KW_ONLY
    kinds: set[str]
    """Shown as icons in the UI."""
    name: str = ""
    """By default the name of `stage`."""
    settings: SettingsOf = no_settings
    deps: Sequence[str] = ()
    """Upstream assets of the whole data set."""
    painting_deps: Sequence[str] = ()
    """Upstream assets with a partition for each painting."""
    edges: Sequence[str] = ()
    """The assets with a partition for each painting that Dagster's graph shows as upstream: without
    those that the others imply (`lineage`)."""
    code_version: str = "1"
    """Raised whenever the stage computes something else."""
    checks: Sequence[Check] = ()
    pool: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.stage.__name__)

    @property
    def all_checks(self) -> Sequence[Check]:
        """The asset's own checks and those of its kind."""
        return self.checks

    def dagster_code_version(self, settings: Settings) -> str:
        """Return what Dagster compares: the stage's code version and a hash of its settings."""
        return f"{self.code_version}.{sha256_of_json(self.settings(settings))[:8]}"


@dataclass(frozen=True)
class DataAssetSpec(_AssetSpec[StageSpec]):
    """An unpartitioned asset.

    It depends on whole data sets (`deps`), on every painting of `painting_deps`, and on the
    `settings` picked.
    """

    _: KW_ONLY
    group: str
    snapshot_of: Sequence[str] = ()
    """Upstream assets with a partition for each painting that the output is made from as they are
    then. It is frozen: what changes in them makes it stale only when it is renewed on purpose."""
    is_followed: bool = False
    """Whether sensors act on its materializations, so that a reused output is one as well."""
    after: Callable[[dg.AssetExecutionContext, StageContext], None] | None = None
    """Runs once the result is recorded, whether it was computed or reused."""


@dataclass(frozen=True)
class PaintingAssetSpec(_AssetSpec[PaintingStageSpec]):
    """An asset with a partition for each painting.

    A painting's output depends on its original (unless `reads_original` is off and only its labels
    count), on the same painting in `painting_deps`, on the whole of `deps`, on its own file in each
    of the `observed` folders, and on the `settings` picked.
    """

    _: KW_ONLY
    group: str = "restoration"
    observed: Sequence[ObservableFolder] = field(default=())
    needs_file: bool = False
    """Whether it is made only for paintings with a file in one of the `observed` folders."""
    reads_original: bool = True
    optional_deps: frozenset[str] = frozenset()
    """Those of `painting_deps` whose failure or lack does not keep a painting's output from being
    made; `Painting.inputs` has them where they are done."""
    covered: Sequence[str] = ()
    """What the version by which Dagster knows an output covers beside its bytes: what is further
    up, and read further down without an edge (`lineage`)."""

    @property
    def all_checks(self) -> Sequence[Check]:
        """The asset's own checks and those of its kind."""
        return [*self.checks, NONE_LEFT]


PipelineAssetSpec = DataAssetSpec | PaintingAssetSpec
