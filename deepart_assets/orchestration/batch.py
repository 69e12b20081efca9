"""The paintings of one step: make or reuse each, tell Dagster of each, let none stop the others.

Belongs here: the loop over a batch and what becomes of each painting. Does not belong here: how a
stage becomes an asset (`factory`), how events are written (`events`).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import dagster as dg

from deepart_assets.orchestration.events import Version, latest_versions, painting_materialization
from deepart_assets.orchestration.metadata import metadata_of
from deepart_assets.orchestration.observed import ABSENT, ORIGINALS, Observed, news
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.studio import Painting, PaintingStage, Studio, Together
from deepart_assets.orchestration.together import begun
from deepart_assets.storage import Recipe, Record, keep, up_to_date

Event = dg.AssetMaterialization | dg.AssetObservation


@dataclass(frozen=True)
class Due:
    """A painting whose output has to be made."""

    painting: Painting
    recipe: Recipe


class Batch:
    """The paintings of one step: which are done, which failed and why."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        profile: Profile,
        asset: str,
        *,
        code_version: str,
        deps: Sequence[str],
        painting_deps: Sequence[str],
        observed: Sequence[Observed],
        reads_original: bool,
    ) -> None:
        self.context = context
        self.ledger = profile.ledger
        self.studio = Studio(profile.settings, profile.ledger, context.log)
        self.asset = asset
        self.code_version = code_version
        self.keys = list(context.partition_keys)
        self.deps = deps
        self.painting_deps = painting_deps
        self.observed = observed
        self.reads_original = reads_original
        self.done: dict[str, Record] = {}
        self.failed: dict[str, str] = {}
        self._start = time.perf_counter()
        self._told = 0

    def run(self, describe: Callable[[Studio], PaintingStage]) -> Iterator[Event]:
        """Make or reuse each painting's output and yield its events."""
        instance = self.context.instance
        files = {each.asset: each.hashes(self.ledger.lake, self.keys) for each in self.observed}
        listed = self.studio.paintings
        seen = {ORIGINALS: {key: listed[key].version for key in self.keys if key in listed}}
        for asset, found in files.items():
            seen[asset] = {key: found.get(key, ABSENT) for key in self.keys}
        for asset, versions in seen.items():
            yield from news(instance, asset, versions)
        # Read before the data: a later materialization of an upstream must count as newer.
        self._versions: Mapping[str, Mapping[str, Version]] = {
            **{dep: latest_versions(instance, dep, None) for dep in self.deps},
            **{dep: latest_versions(instance, dep, self.keys) for dep in self.painting_deps},
            **{asset: latest_versions(instance, asset, self.keys, observed=True) for asset in seen},
        }
        stage = describe(self.studio)
        shared = {dep: self.studio.upstream(dep).data_version for dep in self.deps}
        size = stage.make.size if isinstance(stage.make, Together) else 1
        due: list[Due] = []
        for key in self.keys:
            own = {asset: found[key] for asset, found in files.items() if key in found}
            match self._look(stage, key, shared, own):
                case Due() as one:
                    due.append(one)
                case told, event:
                    yield from self._tell(key, told, event)
            if len(due) == size:
                yield from self._work(stage, due)
                due = []
        yield from self._work(stage, due)

    def _look(
        self,
        stage: PaintingStage,
        key: str,
        shared: Mapping[str, str],
        own: Mapping[str, str],
    ) -> Due | tuple[str, Event | None]:
        """Say what is due of a painting, or what to tell of it without any work."""
        painting = self.studio.paintings.get(key)
        if painting is None:
            self.failed[key] = "not among styled_paintings any more: withdraw its partition"
            return self.failed[key], None
        found = {dep: self.ledger.get(dep, key) for dep in self.painting_deps}
        upstream = {
            dep: record for dep, record in found.items() if record and record.status == "done"
        }
        for dep, record in found.items():
            if dep not in upstream:
                return self._left_out(key, dep, record)
        painting = replace(painting, inputs=upstream, observed=own)
        try:
            recipe = self._recipe(stage, painting, shared)
        except Exception as error:
            return self._failure(key, error)
        known = up_to_date(self.ledger, self.asset, recipe, key)
        return Due(painting, recipe) if known is None else self._outcome(known, computed=False)

    def _work(self, stage: PaintingStage, due: Sequence[Due]) -> Iterator[Event]:
        """Make what is due, together if the stage can, and tell of each painting."""
        start = time.perf_counter()
        if isinstance(stage.make, Together):
            makes = begun(stage.make, [each.painting for each in due])
        else:
            makes = [partial(stage.make, each.painting) for each in due]
        spent = (time.perf_counter() - start) / max(1, len(due))
        for each, make in zip(due, makes, strict=True):
            key = each.painting.id
            try:
                record = keep(self.ledger, self.asset, each.recipe, make, key=key, spent=spent)
            except Exception as error:  # one bad painting never stops the others
                yield from self._tell(key, *self._failure(key, error))
            else:
                yield from self._tell(key, *self._outcome(record, computed=True))

    def _tell(self, key: str, told: str, event: Event | None) -> Iterator[Event]:
        if event is not None:
            yield event
        self._told += 1
        left = len(self.keys) - self._told
        seconds = (time.perf_counter() - self._start) / self._told * left
        remaining = f"; about {seconds:.0f} s left" if seconds >= 1 else ""
        self.context.log.info(
            f"{self.asset} {self._told}/{len(self.keys)} {key}: {told}{remaining}"
        )

    def _outcome(self, record: Record, *, computed: bool) -> tuple[str, Event]:
        key = record.key
        if record.status == "skipped":
            return f"skipped, {record.reason}", self._observation(key, str(record.reason))
        self.done[key] = record
        event = painting_materialization(
            self.asset,
            key,
            code_version=self.code_version,
            data_version=record.data_version,
            inputs={
                dep: version
                for dep, known in self._versions.items()
                if (version := known.get("" if dep in self.deps else key)) is not None
            },
            metadata=metadata_of(record, self.ledger.lake, computed=computed),
        )
        return took(record, computed), event

    def _failure(self, key: str, error: Exception) -> tuple[str, None]:
        self.failed[key] = f"{type(error).__name__}: {error}"
        self.context.log.error(f"{self.asset} {key} failed", exc_info=error)
        return f"failed, {self.failed[key]}", None

    def _recipe(
        self, stage: PaintingStage, painting: Painting, shared: Mapping[str, str]
    ) -> Recipe:
        inputs = {dep: record.data_version for dep, record in painting.inputs.items()}
        if self.reads_original:
            inputs["original"] = painting.sha256
        return Recipe(
            code_version=self.code_version,
            settings={**stage.settings, **stage.details(painting)},
            inputs={**inputs, **painting.observed, **shared},
            weights=stage.weights,
        )

    def _left_out(self, key: str, dep: str, record: Record | None) -> tuple[str, Event | None]:
        """Pass on a skip; wait, without a fault of its own, for what failed or is missing."""
        if record is not None and record.status == "skipped":
            skip = replace(record, asset=self.asset, files=(), figures={}, seconds=0.0)
            self.ledger.put(skip)
            return f"skipped, {record.reason}", self._observation(key, str(record.reason))
        state = "failed" if record is not None else "has no result yet"
        return f"left out: {dep} {state}", None

    def _observation(self, key: str, reason: str) -> dg.AssetObservation:
        return dg.AssetObservation(self.asset, partition=key, metadata={"skipped": reason})


def took(record: Record, computed: bool) -> str:
    """Say in words how long an output took, or since when it is there."""
    return f"{record.seconds:.1f} s" if computed else f"up to date, made {record.made_at}"
