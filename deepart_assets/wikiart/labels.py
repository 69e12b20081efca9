"""Makes names and years of a catalogue comparable."""

import re
from collections import Counter
from collections.abc import Callable, Iterable

from deepart_assets.names import name_key

Years = tuple[int, int]
"""First and last year; years before Christ are negative."""

_NOBODY = {
    *("unknown", "anonymous", "anonymus", "anonymer", "anon", "unidentified", "undetermined"),
    *("nan", "none", "null", "various"),
    *("artist", "artists", "painter", "master", "author", "the", "an"),
}
"""Words of which the name of an unknown artist consists."""


def artist_key(name: str) -> str:
    """Return a key that is common to all spellings of an artist; "" for an unknown artist.

    As `name_key`, but regardless of word order: "Manet, Édouard" equals "Edouard Manet". Names such
    as "", "unknown", "Anonymous", "anon." and "unidentified artist" are unknown.
    """
    words = name_key(name).split()
    return "" if _NOBODY.issuperset(words) else " ".join(sorted(words))


def spellings(names: Iterable[str], key: Callable[[str], str] = name_key) -> dict[str, str]:
    """Return the most frequent spelling of each name by key, with normalised spaces, without "".

    Of equally frequent spellings the first in sort order is returned.
    """
    found: dict[str, str] = {}
    counts = Counter(" ".join(name.split()) for name in names)
    for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        found.setdefault(key(name), name)
    found.pop("", None)
    return found


# --- years ---------------------------------------------------------------------------------------

_DASH = re.compile(r"\s*[-‐‑‒–—―−]\s*")
_CALENDAR = re.compile(r"(?<!\d)(\d{4})([-/.])\d{1,2}\2\d{1,2}(?!\d)")
_NUMBERED_PART = re.compile(r"\b([1-4])(?:st|nd|rd|th)(?=[\s-]+(?:half|third|quarter))")
_PART = (
    r"(?:\b(early|mid(?:dle)?|late|(?:first|second|third|fourth|last)[\s-]+(?:half|third|quarter))"
    r"[\s-]+(?:of\s+)?(?:the\s+)?)?"
)
_CENTURY = re.compile(_PART + r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)\b")
_SPAN = re.compile(_PART + r"(?<!\d)(\d{2,3}0)['’]?s\b")
_YEAR = re.compile(r"(?<!\d)(\d{3,4})(?:[-/](\d{1,2}))?(?!\d|['’]?s\b)")
_BEFORE_CHRIST = re.compile(r"\bb\.?\s?c(?:\.?\s?e)?\b")
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4}
_PIECES = {"half": 2, "third": 3, "quarter": 4}
_FIRST_YEAR, _LAST_YEAR = 100, 2100
"""Numbers outside are not years, except before Christ."""


def overlaps(text: str, first: int | None, last: int | None) -> bool:
    """Return whether the possible years of a date overlap some others; none do without a year."""
    years = years_of(text)
    if years is None:
        return False
    return (last is None or years[0] <= last) and (first is None or years[1] >= first)


def years_of(text: str) -> Years | None:
    """Return the first and last year of a catalogue's free-text date, or None.

    * "1889", "1889.0", "c.1890", "before 1890", "14 July 1889", "1889-07-14": that year; words
      around a year are ignored.
    * "1876-1878", "1510–15", "1910/11": the range. An end of one or two digits replaces the last
      digits of the start, unless it would precede the start ("1898-02" is 1898).
    * "1890s": the decade. "1500s", "16th century": the century (1500 to 1599, 1501 to 1600).
    * "early", "mid" and "late" mean thirds of these; "first half", "last quarter" and so on are
      taken literally.
    * Several years: from the first to the last ("1889, 1893" is 1889 to 1893).
    * Numbers before "BC" or "BCE" are negative; parts such as "early" are ignored there.
    * Years have three or four digits and lie between 100 and 2100; other numbers are ignored.
    """
    plain = _CALENDAR.sub(r"\1", _DASH.sub("-", text.casefold()))
    plain = _NUMBERED_PART.sub(lambda found: list(_ORDINALS)[int(found[1]) - 1], plain)
    turn = max((found.start() for found in _BEFORE_CHRIST.finditer(plain)), default=0)
    spans: list[Years] = []

    def add(start: int, first: int, last: int, part: str | None = None) -> None:
        if start < turn:
            spans.append((-last, -first))
        elif first >= _FIRST_YEAR and last <= _LAST_YEAR:
            spans.append(_part(part, first, last) if part else (first, last))

    if "cent" in plain or re.search(r"\d(?:st|nd|rd|th)\sc\b", plain):
        for found in _CENTURY.finditer(plain):
            last = 100 * int(found[2])
            add(found.start(2), last - 99, last, found[1])
    for found in _SPAN.finditer(plain):
        first = int(found[2])
        add(found.start(2), first, first + (9 if first % 100 else 99), found[1])
    for found in _YEAR.finditer(plain):
        first, end = int(found[1]), found[2] or ""
        last = int(found[1][: -len(end)] + end) if end else first
        add(found.start(), first, max(first, last))
    if not spans:
        return None
    return min(first for first, _ in spans), max(last for _, last in spans)


def _part(name: str, first: int, last: int) -> Years:
    """Return the named part of a span of years, including years that it covers partly."""
    word, *rest = name.replace("-", " ").split()
    pieces = _PIECES[rest[0]] if rest else 3
    number = {"early": 1, "mid": 2, "middle": 2, "late": 3, "last": pieces, **_ORDINALS}[word]
    number, length = min(number, pieces), last - first + 1
    start, stop = length * (number - 1) // pieces, -(-length * number // pieces)
    return first + start, first + stop - 1
