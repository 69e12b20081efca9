"""The base class of all settings, and the deep merge of nested settings."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A name that a profile gives to a source, an outpainter or a segmenter."""

NonEmpty = Annotated[str, Field(min_length=1)]
"""A text, a name or a path."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A share or a probability, from 0 to 1."""

PositiveShare = Annotated[float, Field(gt=0, le=1)]
"""A share above 0, up to 1."""


def other_than(*taken: str) -> AfterValidator:
    """Return the validator of names beside those of the rows that an evaluation has anyway."""

    def validated(name: str) -> str:
        if name in taken:
            raise ValueError(f"{name} is a row of its own: give it another name")
        return name

    return AfterValidator(validated)


def _in_order(years: tuple[int | None, int | None]) -> tuple[int | None, int | None]:
    first, last = years
    if first is not None and last is not None and first > last:
        raise ValueError(f"the first year, {first}, is after the last, {last}")
    return years


YearRange = Annotated[
    tuple[int | None, int | None],
    AfterValidator(_in_order),
    Field(
        description="First and last year. A painting passes if its possible years overlap these;"
        " a painting without a year does not.",
    ),
]


class Section(BaseModel):
    """A section of the settings: immutable, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    performance_only: ClassVar[frozenset[str]] = frozenset()
    """Fields that change how fast a result is computed, but not the result."""

    def provenance(self, *exclude: str) -> dict[str, Any]:
        """Return the settings that a result depends on, as JSON: all but `performance_only`.

        Args:
            exclude: Further fields to leave out, whose values are in the provenance elsewhere.
        """
        return self.model_dump(mode="json", exclude={*self.performance_only, *exclude})


def deep_merge(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the keys of `given`; a section of another `kind` replaces the old one."""
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
