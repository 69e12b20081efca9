"""Asset checks over the records of an asset; which ones an asset has is decided in `assets`.

Those of an asset of paintings are judged over the records of all paintings on the list, whatever a
run covers, so that a fault is shown until it is mended.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from deepart_assets.asset_names import check_register
from deepart_assets.orchestration.context import Painting
from deepart_assets.orchestration.metadata import SHOWN, MetadataDict, markdown_table
from deepart_assets.storage import (
    MaterializationRecord,
    MaterializationStore,
    RecordIndex,
    sha256_of_json,
)
from deepart_assets.storage.stamped_cache import StampedCache

Faults = Mapping[str, str]
"""What is wrong with each painting that has a fault, by id ("" for the whole data set)."""

NAMED = 3
"""Paintings that the description of a result names; its table has the others."""


@dataclass(frozen=True)
class Check:
    """A statement about every record of an asset, shown in the UI as an asset check."""

    name: str
    description: str
    fault: Callable[[MaterializationRecord], str | None]
    """Returns what is wrong with a record, or None. It is asked once for each record."""
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    of_failures: bool = False
    """Whether records of failed and skipped paintings are judged, too, which have no figures."""

    def judge(self, record: MaterializationRecord) -> str | None:
        """Return what is wrong with a record, or None."""
        if record.status != "done" and not self.of_failures:
            return None
        try:
            return self.fault(record)
        except KeyError as missing:
            return f"the record lacks {missing}, as it is of an earlier version: restore it again"


def _left(record: MaterializationRecord) -> str | None:
    return f"failed: {record.reason}" if record.status == "failed" else record.doubt


NONE_LEFT = Check(
    "none_left_failed_or_doubtful",
    "No painting has failed here or is doubtful.",
    _left,
    dg.AssetCheckSeverity.WARN,
    of_failures=True,
)
"""The check that every asset of paintings has beside its own."""


def check_specs(asset: str, checks: Sequence[Check]) -> list[dg.AssetCheckSpec]:
    """Declare an asset's checks."""
    return [
        dg.AssetCheckSpec(check.name, asset=asset, description=check.description)
        for check in checks
    ]


def whole_results(
    asset: str, checks: Sequence[Check], record: MaterializationRecord
) -> Iterator[dg.AssetCheckResult]:
    """Judge the record of an unpartitioned asset, and yield one result a check."""
    for check in checks:
        fault = check.judge(record)
        yield _result(asset, check, {"": fault} if fault else {}, 1, {})


def painting_results(
    asset: str,
    checks: Sequence[Check],
    store: MaterializationStore,
    paintings: Mapping[str, Painting],
) -> Iterator[dg.AssetCheckResult]:
    """Judge the records of all listed paintings, and yield one result a check.

    Only records that have changed since they were last judged are read: what was wrong with the
    others is kept in the lake's `registers`, which may be deleted.
    """
    version = sha256_of_json([[check.name, check.description] for check in checks])
    faults: dict[str, dict[str, str]] = {check.name: {} for check in checks}
    judged = 0
    with StampedCache(store.lake, check_register(asset), version) as kept:
        for key, stamp, summary in RecordIndex(store, asset).items():
            if key not in paintings:
                continue
            judged += 1
            if (entry := kept.unchanged(key, stamp)) is None:
                record = store.whole(summary)
                found = {check.name: check.judge(record) for check in checks}
                kept.put(key, stamp, summary.fingerprint, {k: v for k, v in found.items() if v})
                entry = kept.get(key)
            for name, fault in entry.value.items() if entry else ():
                faults[name][key] = fault
        kept.retain(paintings)
    for check in checks:
        yield _result(asset, check, faults[check.name], judged, paintings)


def _result(
    asset: str, check: Check, faults: Faults, judged: int, paintings: Mapping[str, Painting]
) -> dg.AssetCheckResult:
    rows = [
        {
            "painting": key or asset,
            **({"title": paintings[key].caption} if key in paintings else {}),
            "fault": fault,
        }
        for key, fault in sorted(faults.items())
    ]
    metadata: MetadataDict = {"checked": judged}
    description = None
    if rows:
        names = [paintings[key].heading for key in sorted(faults) if key in paintings]
        more = f"; and {len(names) - NAMED} more" if len(names) > NAMED else ""
        of_all = f"{len(names)} of {judged}: {'; '.join(names[:NAMED])}{more}"
        description = of_all if names else faults[""]
        metadata["with_fault"] = len(rows)
        metadata["faults"] = dg.MetadataValue.md(markdown_table(rows[:SHOWN]))
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check.name,
        passed=not rows,
        severity=check.severity,
        metadata=metadata,
        description=description,
    )
