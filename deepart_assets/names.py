"""When two spellings are one name, and which names are near."""

import difflib
import unicodedata
from collections.abc import Iterable

_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ı": "i"}
)
"""Letters that Unicode does not decompose into a base letter and a mark."""


def name_key(name: str) -> str:
    """Return what two spellings of a name share; "" if it has no letter or digit.

    Case, accents, Unicode's forms and invisible characters do not count. Whatever is no letter or
    digit (hyphen, underscore, apostrophe, bracket, space) only separates words. Only the accents
    of the European scripts are dropped: in others a mark may be a vowel.
    """
    plain = _without_accents(_without_accents(name).casefold()).translate(_LETTERS)
    kinds = [(letter, unicodedata.category(letter)) for letter in plain]
    spaced = (letter if kind[0] in "LMN" else " " for letter, kind in kinds if kind != "Cf")
    return " ".join("".join(spaced).split())


def did_you_mean(name: str, known: Iterable[str], most: int = 3) -> str:
    """Return "; did you mean 'a' or 'b'?" with the nearest of the known names; "" without any."""
    close = difflib.get_close_matches(name, list(known), most, 0.5)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def _without_accents(text: str) -> str:
    """Decompose and drop the combining diacritical marks (U+0300 to U+036F)."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")
