"""A configuration type whose values are checked as a whole before a run starts."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg


class CheckedShape(dg.Shape):
    """A shape whose values are checked once more when Dagster builds a run's plan.

    Dagster itself compares names, types and choices.

    Args:
        fields: As for `dg.Shape`.
        check: Raises an exception, whose message is shown, if the values are wrong.
    """

    def __new__(cls, fields: Mapping[str, dg.Field], *_: Any) -> "CheckedShape":
        """Return a shape of its own: Dagster shares one among all with equal fields."""
        made: CheckedShape = object.__new__(cls)
        made._initialized = False
        return made

    def __init__(
        self, fields: Mapping[str, dg.Field], check: Callable[[Mapping[str, Any]], object]
    ) -> None:
        super().__init__(fields)
        self._check = check

    def post_process(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Check the values, which have their defaults, and return them."""
        self._check(value)
        return value
