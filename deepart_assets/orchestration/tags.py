"""The tags of a run: which paintings it covers, why it was started, and what it computes."""

import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from deepart_assets.orchestration.events import RANGE_END_TAG, RANGE_START_TAG
from deepart_assets.orchestration.staleness import RunPolicy

Tags = Mapping[str, str]

REASON = "deepart/reason"
"""Why the run was started, in words."""
ONLY = "deepart/only"
"""The paintings of a range that the run is about, as JSON; it leaves the others alone. What does
not fit into one tag goes on in deepart/only.1, and so on."""
MOST_BYTES = 2400
"""Of a tag of that, which is ASCII: Dagster's index of tags in PostgreSQL has rows of 2,704."""
FORCE = "deepart/force"
"""Whether fresh outputs are computed again."""
THOROUGH = "deepart/thorough"
"""Whether every file is read, so that damaged ones are found."""
RENEW = "deepart/renew"
"""Whether frozen assets (`DataAssetSpec.snapshot_of`) are made again from what there is now."""
AUTOMATED = "deepart/automated"
"""Whether nobody asked for the run: outputs that failed are then retried only after a change."""
INTERACTIVE = "deepart/interactive"
"""Whether the run's starter also starts its follow-up runs; sensors then ignore it."""
PRIORITY = "dagster/priority"
"""Of the queued runs the highest is next; 0 where nothing is said."""
AFTER_OTHERS = "-1"
"""Priority of scheduled runs and evaluations: what somebody waits for comes first."""
RETRY = "dagster/retry_strategy"
"""What a run does that replaces one whose process was killed."""
BACKFILL = "dagster/backfill"
"""The backfill that a run is part of, which waits for an event of each of its partitions."""
ALL_STEPS = "ALL_STEPS"
"""All steps: existing results are reused, and an earlier plan is made again."""


def policy_of(tags: Tags) -> RunPolicy:
    """Return the policy that a run's tags ask for."""
    return RunPolicy(
        force=tags.get(FORCE) == "true",
        retry=tags.get(AUTOMATED) != "true",
        thorough=tags.get(THOROUGH) == "true",
    )


def policy_tags(asked: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of the runs that follow from a plan, by its configuration or metadata."""
    return {
        tag: "true" for name, tag in (("force", FORCE), ("thorough", THOROUGH)) if asked.get(name)
    }


def asks_for_events(tags: Tags) -> bool:
    """Return whether a run reports outputs that Dagster knows already."""
    return BACKFILL in tags


def range_tags(keys: Sequence[str]) -> dict[str, str]:
    """Return the tags of a run over neighbouring partitions, given in their order."""
    return {RANGE_START_TAG: keys[0], RANGE_END_TAG: keys[-1]} if keys else {}


def only_tags(keys: Sequence[str], wanted: Collection[str] | None) -> dict[str, str]:
    """Return the tags of a run over a range of which not all are wanted; None: all are."""
    among = None if wanted is None else set(wanted)  # of 100,000, a list would take a minute
    found = keys if among is None else [key for key in keys if key in among]
    if len(found) == len(keys):
        return {}
    text = json.dumps(found)
    parts = [text[at : at + MOST_BYTES] for at in range(0, len(text), MOST_BYTES)]
    return {_only(number): part for number, part in enumerate(parts)}


def wanted_keys(tags: Tags, keys: Sequence[str]) -> list[str]:
    """Return the paintings of a run's range that the run is about."""
    names = itertools.takewhile(tags.__contains__, map(_only, itertools.count()))
    text = "".join(tags[name] for name in names)
    wanted = set(json.loads(text)) if text else None
    return [key for key in keys if wanted is None or key in wanted]


def _only(number: int) -> str:
    return f"{ONLY}.{number}" if number else ONLY
