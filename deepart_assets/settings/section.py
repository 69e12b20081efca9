"""The base of all settings.

Belongs here: what the parts of a profile have in common, and laying some settings over others. Does
not belong here: any setting.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""What a profile may call its outpainters and the peers of its segmenter."""


class Section(BaseModel):
    """A part of the settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def deep_merge(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested settings; a section of another kind replaces the old one as a whole."""
    merged = dict(base)
    for key, value in given.items():
        old = base.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and _same_kind(old, value):
            merged[key] = deep_merge(old, value)
        else:
            merged[key] = value
    return merged


def _same_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return all(
        new.get(name, old.get(name)) == old.get(name) for name in ("kind", "type", "options")
    )
