"""The tags of a run: which paintings it covers, why it was started, and what it computes."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from deepart_assets.orchestration.events import RANGE_END_TAG, RANGE_START_TAG
from deepart_assets.orchestration.staleness import RunPolicy

Tags = Mapping[str, str]

REASON = "deepart/reason"
"""Why the run was started, in words."""
ONLY = "deepart/only"
"""The paintings of a range that the run is about, as JSON; it leaves the others alone."""
MOST_BYTES = 2400
"""Of that JSON, which is ASCII: Dagster's index of tags in PostgreSQL has rows of 2,704 at most."""
FORCE = "deepart/force"
"""Whether fresh outputs are computed again."""
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
    return RunPolicy(force=tags.get(FORCE) == "true", retry=tags.get(AUTOMATED) != "true")


def asks_for_events(tags: Tags) -> bool:
    """Return whether a run reports outputs that Dagster knows already."""
    return BACKFILL in tags


def range_tags(keys: Sequence[str]) -> dict[str, str]:
    """Return the tags of a run over neighbouring partitions, given in their order."""
    return {RANGE_START_TAG: keys[0], RANGE_END_TAG: keys[-1]} if keys else {}


def only_about(
    ranges: Iterable[Sequence[str]], wanted: Collection[str] | None
) -> Iterator[tuple[Sequence[str], dict[str, str]]]:
    """Yield the partitions of each run over ranges of which not all paintings are wanted, and its
    tag; None: all are. A range with more of them than a tag holds is cut."""
    among = None if wanted is None else set(wanted)  # of 100,000, a list would take a minute
    for keys in ranges:
        found = keys if among is None else [key for key in keys if key in among]
        if len(found) == len(keys):
            yield keys, {}
            continue
        for part in _that_fit(found):
            span = keys[keys.index(part[0]) : keys.index(part[-1]) + 1]
            yield span, {} if len(part) == len(span) else {ONLY: json.dumps(part)}


def _that_fit(keys: Sequence[str]) -> Iterator[list[str]]:
    part, size = list[str](), 0
    for key in keys:
        length = len(json.dumps(key)) + 2  # with the comma, or one of the brackets, and a space
        if part and size + length > MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(key)
        size += length
    if part:
        yield part


def wanted_keys(tags: Tags, keys: Sequence[str]) -> list[str]:
    """Return the paintings of a run's range that the run is about."""
    wanted = set(json.loads(tags[ONLY])) if ONLY in tags else None
    return [key for key in keys if wanted is None or key in wanted]
