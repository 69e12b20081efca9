"""Whether an output is fresh or stale, and why.

Runs and plans decide it here alike, from records and files alone; Dagster's event log has no say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from deepart_assets.orchestration.asset_spec import DataAssetSpec, PaintingAssetSpec
from deepart_assets.orchestration.context import Painting, StageContext, StageSpec
from deepart_assets.storage import MaterializationRecord, Provenance, staleness_reason

Records = Callable[[str, str], MaterializationRecord | None]
"""Returns the record of an asset and a painting."""


@dataclass(frozen=True)
class Stale:
    """The output has to be computed."""

    painting: Painting
    provenance: Provenance
    reason: str
    record: MaterializationRecord | None


@dataclass(frozen=True)
class Fresh:
    """The output exists, or was skipped, and nothing it is made from has changed."""

    record: MaterializationRecord


@dataclass(frozen=True)
class FailedUnchanged:
    """It failed, nothing it is made from has changed, and the policy is not to retry."""

    record: MaterializationRecord


@dataclass(frozen=True)
class MissingUpstream:
    """What it is made from does not exist."""

    upstream: str
    record: MaterializationRecord | None


@dataclass(frozen=True)
class Delisted:
    """The painting is no longer on the list of paintings to restore."""


OutputStatus = Stale | Fresh | FailedUnchanged | MissingUpstream | Delisted


@dataclass(frozen=True)
class RunPolicy:
    """Which outputs a run computes."""

    force: bool = False
    """Compute them even if they are fresh."""
    retry: bool = True
    """Retry what failed even if nothing has changed."""
    thorough: bool = False
    """Read every file, even if its size and time are unchanged."""


class StalenessChecker:
    """Checks the outputs of one asset.

    Args:
        spec: The asset.
        context: Settings, the lake, the list of paintings.
        keys: The paintings that will be checked.
        policy: Which outputs are computed.

    Raises:
        DeepArtError: Something that all its paintings need (weights, say) is unavailable.
    """

    def __init__(
        self,
        spec: PaintingAssetSpec,
        context: StageContext,
        keys: Sequence[str],
        policy: RunPolicy,
    ) -> None:
        self._spec, self._context, self._policy = spec, context, policy
        listed = context.paintings
        self.files = {each.asset: each.read(context.lake, listed, keys) for each in spec.observed}
        """The file of each painting that has one, by observed asset."""
        with context.fetching():
            self.stage = spec.stage(context)
        self._settings = spec.settings(context.settings)
        self._shared = {dep: context.upstream(dep).data_version for dep in spec.deps}

    def is_wanted(self, key: str) -> bool:
        """Return whether a painting has the file that its output needs, if it needs one."""
        return not self._spec.needs_file or any(key in files for files in self.files.values())

    def status(self, key: str, records: Records) -> OutputStatus:
        """Return the status of a painting's output, which is wanted (`is_wanted`).

        Raises:
            Exception: Whatever is wrong with this painting's own settings.
        """
        painting = self._context.paintings.get(key)
        if painting is None:
            return Delisted()
        upstream = {dep: records(dep, key) for dep in self._spec.painting_deps}
        done = {dep: each for dep, each in upstream.items() if each and each.status == "done"}
        for dep, record in upstream.items():
            if dep not in done and dep not in self._spec.optional_deps:
                return MissingUpstream(dep, record)
        painting = replace(
            painting,
            inputs=done,
            observed={name: files[key] for name, files in self.files.items() if key in files},
        )
        provenance = self._provenance(painting)
        known = records(self._spec.name, key)
        reason = staleness_reason(
            self._context.store, known, provenance, thorough=self._policy.thorough
        )
        if known is not None and reason is None and not self._policy.force:
            return Fresh(known)
        if known is not None and known.status == "failed":
            unchanged = known.fingerprint == provenance.fingerprint
            retry = self._policy.retry or self._policy.force or known.transient
            if unchanged and not retry:
                return FailedUnchanged(known)
        painting = replace(painting, fingerprint=provenance.fingerprint)
        return Stale(painting, provenance, reason or "requested", known)

    def _provenance(self, painting: Painting) -> Provenance:
        inputs = {dep: record.data_version for dep, record in painting.inputs.items()}
        if self._spec.reads_original:
            inputs["original"] = painting.sha256
        observed = {name: file.sha256 for name, file in painting.observed.items()}
        return Provenance(
            code_version=self._spec.code_version,
            settings={**self._settings, **self.stage.details(painting)},
            inputs={**inputs, **observed, **self._shared},
            weights=self.stage.weights,
        )


def provenance_of(spec: DataAssetSpec, context: StageContext, stage: StageSpec) -> Provenance:
    """Return everything that the output of an unpartitioned asset is made from.

    Raises:
        DeepArtError: An upstream asset has no result.
    """
    return Provenance(
        code_version=spec.code_version,
        settings=spec.settings(context.settings),
        inputs={
            **{dep: context.upstream(dep).data_version for dep in spec.deps},
            **{k: v for dep in spec.painting_deps for k, v in context.versions(dep).items()},
            **stage.inputs,
        },
        weights=stage.weights,
    )
