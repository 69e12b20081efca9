"""Decides which paintings may lend their ground to others."""

from collections.abc import Mapping

from deepart_assets.names import name_key
from deepart_assets.settings.grounds import Lenders
from deepart_assets.wikiart.annotations import LICENCE
from deepart_assets.wikiart.labels import overlaps
from deepart_assets.wikiart.styles import NAMED

_NAMED = {**NAMED, "licences": (LICENCE, name_key)}
"""The conditions on a name: the label, and the key of a spelling."""


def refusal(painting: str, labels: Mapping[str, str], choice: Lenders) -> str | None:
    """Return why a painting may not lend its ground, or None if it may.

    Args:
        painting: Its id.
        labels: Its labels; one that is missing is "".
        choice: The conditions.
    """
    if painting in choice.not_paintings:
        return "grounds.lenders.not_paintings has it"
    for setting, (label, key) in _NAMED.items():
        own = key(labels.get(label, ""))
        wanted = {key(name) for name in getattr(choice, setting)}
        if wanted and own not in wanted:
            return f"grounds.lenders.{setting} does not have its {label}"
        unwanted = {key(name) for name in getattr(choice, f"not_{setting}", ())}
        if own and own in unwanted:
            return f"grounds.lenders.not_{setting} has its {label}"
    if choice.years != (None, None) and not overlaps(labels.get("date", ""), *choice.years):
        return "its year is not in grounds.lenders.years"
    return None
