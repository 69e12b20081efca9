"""Decides which paintings may lend their ground to others."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from deepart_assets.names import did_you_mean, name_key
from deepart_assets.settings.grounds import Lenders
from deepart_assets.wikiart.annotations import LICENCE
from deepart_assets.wikiart.labels import artist_key, overlaps, spellings
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
        wanted, unwanted = _keys(choice, setting), _keys(choice, f"not_{setting}")
        own = key(labels.get(label, "")) if wanted or unwanted else ""
        if wanted and own not in wanted:
            return f"grounds.lenders.{setting} does not have its {label}"
        if own and own in unwanted:
            return f"grounds.lenders.not_{setting} has its {label}"
    if choice.years != (None, None) and not overlaps(labels.get("date", ""), *choice.years):
        return "its year is not in grounds.lenders.years"
    return None


@lru_cache
def _keys(choice: Lenders, setting: str) -> frozenset[str]:
    """Return the keys of a setting's names; once, as a plan asks for each of 100,000 paintings."""
    _, key = _NAMED[setting.removeprefix("not_")]
    return frozenset(map(key, getattr(choice, setting, ())))


_LOOKED_UP = 20
"""Most names of which the nearest are looked for."""


def without_effect(choice: Lenders, artists: Mapping[str, str]) -> Iterator[str]:
    """Yield what to say of each name by which a profile withdraws nothing, with the nearest ones.

    Args:
        choice: The conditions, of which `not_paintings` and `not_artists` withdraw.
        artists: The artist of each painting and ground, by id.
    """
    unknown = [painting for painting in choice.not_paintings if painting not in artists]
    for number, painting in enumerate(unknown):
        near = did_you_mean(painting, artists) if number < _LOOKED_UP else ""
        yield f"grounds.lenders.not_paintings: there is no painting {painting!r}{near}"
    names = spellings(artists.values(), artist_key)
    strangers = [artist for artist in choice.not_artists if artist_key(artist) not in names]
    for number, artist in enumerate(strangers):
        near = did_you_mean(artist, names.values()) if number < _LOOKED_UP else ""
        yield f"grounds.lenders.not_artists: no painting is by {artist!r}{near}"
