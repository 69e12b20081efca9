"""The partitions of the restoration assets: one for each painting to restore."""

from collections.abc import Sequence

import dagster as dg

from deepart_assets import asset_names

PAINTINGS = dg.DynamicPartitionsDefinition(name=asset_names.PAINTINGS)
"""`styled_paintings` adds and removes the keys."""


def painting_keys(instance: dg.DagsterInstance) -> Sequence[str]:
    """Return the partition keys in Dagster's order."""
    return instance.get_dynamic_partitions(str(PAINTINGS.name))


def partition_ranges(
    keys: Sequence[str], order: Sequence[str], *, max_gap: int, max_size: int
) -> list[list[str]]:
    """Group paintings into ranges of neighbouring partitions, one for each run.

    Args:
        keys: The paintings to restore; those without a partition are left out.
        order: All partitions, in Dagster's order.
        max_gap: Most other partitions between two neighbouring paintings of a range.
        max_size: Most partitions of a range, those in between included.

    Returns:
        The partitions of each range, those in between included.
    """
    wanted = set(keys)
    spans: list[tuple[int, int]] = []
    for place in (place for place, key in enumerate(order) if key in wanted):
        first, last = spans[-1] if spans else (0, -1)
        if spans and place - last - 1 <= max_gap and place - first < max_size:
            spans[-1] = first, place
        else:
            spans.append((place, place))
    return [list(order[first : last + 1]) for first, last in spans]
