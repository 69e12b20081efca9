"""Asset checks over the records of an asset; which ones an asset has is decided in `assets`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from deepart_assets.orchestration.metadata import MetadataDict, markdown_table
from deepart_assets.storage import MaterializationRecord


@dataclass(frozen=True)
class Check:
    """A statement about every record of an asset, shown in the UI as an asset check."""

    name: str
    description: str
    fault: Callable[[MaterializationRecord], str | None]
    """Returns what is wrong with a record, or None."""
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR


def check_specs(asset: str, checks: Sequence[Check]) -> list[dg.AssetCheckSpec]:
    """Declare an asset's checks."""
    return [
        dg.AssetCheckSpec(check.name, asset=asset, description=check.description)
        for check in checks
    ]


def check_results(
    asset: str, checks: Sequence[Check], records: Mapping[str, MaterializationRecord]
) -> Iterator[dg.AssetCheckResult]:
    """Judge records, by painting (or "" for the whole), and yield one result a check."""
    for check in checks:
        faults = [
            {"painting": key or asset, "fault": fault}
            for key, record in records.items()
            if (fault := check.fault(record)) is not None
        ]
        metadata: MetadataDict = {"checked": dg.MetadataValue.int(len(records))}
        if faults:
            metadata["faults"] = dg.MetadataValue.md(markdown_table(faults))
        yield dg.AssetCheckResult(
            asset_key=asset,
            check_name=check.name,
            passed=not faults,
            severity=check.severity,
            metadata=metadata,
        )
