"""The tags of a run: which paintings it is of, and what was asked of it.

Belongs here: names of tags, and reading and writing them. Does not belong here: deciding what to
run.
"""

from collections.abc import Mapping, Sequence

from deepart_assets.orchestration.events import RANGE_END_TAG, RANGE_START_TAG
from deepart_assets.orchestration.staleness import RunPolicy

Tags = Mapping[str, str]
"""The tags of a run."""

REASON = "deepart/reason"
"""Why a run was asked for, in words."""
FORCE = "deepart/force"
"""Whether what is up to date is made again."""
AUTOMATED = "deepart/automated"
"""Whether nobody asked for the run: what failed is then left alone unless something changed."""
INTERACTIVE = "deepart/interactive"
"""Whether who started the run starts what follows from it, too: sensors then leave it alone."""
PRIORITY = "dagster/priority"
"""Of the runs that wait in the queue the highest is next; 0 where nothing is said."""
RETRY = "dagster/retry_strategy"
"""What a run does that replaces one whose process was killed."""
ALL_STEPS = "ALL_STEPS"
"""All of it: what is there is reused, and a plan that was made before is made anew."""


def policy_of(tags: Tags) -> RunPolicy:
    """Return what a run's tags ask for."""
    return RunPolicy(force=tags.get(FORCE) == "true", retry=tags.get(AUTOMATED) != "true")


def range_tags(keys: Sequence[str]) -> dict[str, str]:
    """Return the tags of a run over neighbouring partitions, given in their order."""
    return {RANGE_START_TAG: keys[0], RANGE_END_TAG: keys[-1]} if keys else {}
