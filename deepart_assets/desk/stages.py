"""How the output of a stage stands, and what it was made from, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deepart_assets.storage import MaterializationRecord


@dataclass(frozen=True)
class StageState:
    """How the output of a stage stands."""

    asset: str
    heading: str
    state: str
    """done, waiting (it will be made, or made again), failed, stale (made before something that it
    is made from failed) or skipped."""
    reason: str
    record: MaterializationRecord | None = field(repr=False)

    @property
    def is_stale(self) -> bool:
        """Whether there is an output, made from something else than there is now."""
        return self.state in ("waiting", "stale") and self.record is not None


def provenance_rows(stages: Sequence[StageState]) -> list[tuple[str, dict[str, str]]]:
    """Return what each output was made from: heading, and words and values in the order to show."""
    rows = []
    for stage in stages:
        if (record := stage.record) is None:
            continue
        made = record.provenance
        facts: dict[str, Any] = {
            "made": f"{record.made_at[:19].replace('T', ' ')} UTC",
            "why": record.cause,
            "seconds": record.seconds,
            # Without previews.
            **{
                name.replace("_", " "): value
                for name, value in record.figures.items()
                if value != [] and not str(value).startswith("data:image/")
            },
            "code version": made.get("code_version"),
            "weights": made.get("weights"),
            **{
                f"from {name}": str(value)[:16]
                for name, value in (made.get("inputs") or {}).items()
            },
            "settings": made.get("settings") or None,
        }
        shown = {name: _shown(value) for name, value in facts.items() if value not in (None, "")}
        rows.append((stage.heading, shown))
    return rows


def _shown(value: Any) -> str:
    """Return a fact as text; what has parts as YAML, with line breaks."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, Mapping | list | tuple):
        return str(value)
    import yaml

    return str(yaml.safe_dump(value, allow_unicode=True, sort_keys=False, default_flow_style=None))
