"""The base of all settings.

Belongs here: what every part of a profile has in common, and laying some settings over others. Does
not belong here: any setting.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def laid_over(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested settings; a section of another kind replaces the old one as a whole."""
    merged = dict(base)
    for key, value in given.items():
        old = base.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and _same_kind(old, value):
            merged[key] = laid_over(old, value)
        else:
            merged[key] = value
    return merged


def _same_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return all(
        new.get(name, old.get(name)) == old.get(name) for name in ("kind", "type", "options")
    )
