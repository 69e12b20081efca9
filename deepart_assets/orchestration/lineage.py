"""The edges of the asset graph: those that a longer path implies are left out.

A painting's output reads its original and several upstream outputs, most of which the others are
made from as well. Drawn in full, the graph cannot be read. What is left out still reaches Dagster:
the version by which it knows an output on the longer path covers what is read past it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from deepart_assets import asset_names
from deepart_assets.orchestration.asset_spec import (
    DataAssetSpec,
    PaintingAssetSpec,
    PipelineAssetSpec,
)

ALWAYS_SHOWN = frozenset({asset_names.PREDICTED_MASKS})
"""What is never left out. Where a curator's mask takes the place of a prediction, the subject mask
stays the same if the prediction changes, and so does all that is made from the mask alone."""

SpecsByPart = Mapping[str, Sequence[PipelineAssetSpec]]


def without_implied_edges(parts: SpecsByPart) -> dict[str, list[PipelineAssetSpec]]:
    """Return the specifications with their `edges` and what their versions cover (`covered`).

    Args:
        parts: The assets by part of the pipeline.
    """
    specs = {spec.name: spec for part in parts.values() for spec in part}
    reads: dict[str, list[str]] = {}
    required: dict[str, list[str]] = defaultdict(list)
    for name, spec in specs.items():
        reads[name] = list(spec.painting_deps)
        optional: frozenset[str] = frozenset()
        if isinstance(spec, PaintingAssetSpec):
            reads[name].insert(0, asset_names.PAINTINGS)
            optional = spec.optional_deps  # where it is missing, it implies nothing
        required[name] = [dep for dep in reads[name] if dep not in optional]

    @cache
    def above(name: str) -> set[str]:
        return set(required[name]).union(*map(above, required[name]))

    edges: dict[str, list[str]] = {}
    covered: dict[str, set[str]] = defaultdict(set)
    for name, deps in reads.items():
        implied = {
            dep
            for dep in deps
            if dep not in ALWAYS_SHOWN and any(dep in above(each) for each in required[name])
        }
        edges[name] = [dep for dep in deps if dep not in implied]
        for dep in implied:
            for between in above(name):
                if dep in above(between):
                    covered[between].add(dep)

    def resolved(spec: PipelineAssetSpec) -> PipelineAssetSpec:
        if isinstance(spec, DataAssetSpec):
            return replace(spec, edges=edges[spec.name])
        return replace(spec, edges=edges[spec.name], covered=sorted(covered[spec.name]))

    return {part: [resolved(spec) for spec in of_part] for part, of_part in parts.items()}
