"""Records as Dagster metadata: figures, pictures and tables for the UI."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from deepart_assets.storage import Lake, MaterializationRecord

MetadataDict = dict[str, Any]
"""Metadata by name: `dg.MetadataValue`, or plain values, of which Dagster makes them."""

SHOWN = 100
"""Rows of a table in the UI."""


def metadata_of(record: MaterializationRecord, lake: Lake, *, computed: bool) -> MetadataDict:
    """Return what the UI shows of an output: what is wrong with it first, provenance last."""
    shown: MetadataDict = {}
    for name, value in (("verdict", record.verdict), ("doubt", record.doubt)):
        if value is not None:
            shown[name] = value
    for name, value in record.figures.items():
        if value is not None:
            shown[name] = _value(value)
    if record.files:
        shown["file"] = lake.full_path(record.path)
    if record.provenance.get("weights"):
        shown["weights"] = str(record.provenance["weights"])
    return {
        **shown,
        "settings": dict(record.provenance.get("settings", {})),
        "made": record.made_at if computed else f"reused from {record.made_at}",
        "seconds": float(record.seconds),
        "fingerprint": record.fingerprint,
    }


def duration(record: MaterializationRecord, computed: bool) -> str:
    """Say in words how long an output took, or when it was made."""
    return f"{record.seconds:.1f} s" if computed else f"fresh, made {record.made_at}"


def _value(value: Any) -> Any:
    match value:
        case str() if value.startswith("data:image/"):
            return dg.MetadataValue.md(f"![]({value})")
        case str() | int() | float():
            return value
        case [*rows] if rows and all(isinstance(row, Mapping) for row in rows):
            return dg.MetadataValue.md(markdown_table(rows))
    return dg.MetadataValue.json(value)


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a Markdown table, with the columns in order of first appearance.

    Without rows it is the word "nothing".
    """
    if not rows:
        return "nothing"
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        cells = [_cell(row.get(name)) for name in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
