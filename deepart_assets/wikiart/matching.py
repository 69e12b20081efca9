"""Finds the row of a CSV that is about a picture, by the path or the name that the row has."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from deepart_assets.wikiart.naming import object_folders, shown, without_suffix

_Tail = tuple[str, ...]
"""A name, the folder it is in, the folder of that, and so on, as far as wanted."""
_SEVERAL = -1


class Matches(NamedTuple):
    """Which row is about which picture."""

    rows: list[int]
    """The number of each picture's row, or -1."""
    shared: dict[int, int]
    """How many pictures a row is about, of those that are about several."""


def plain(name: str) -> str:
    """Return a name as names are compared: in NFC, without blanks around it."""
    if name.isascii():
        return name.strip()
    return unicodedata.normalize("NFC", shown(name)).strip()


def matches(paths: Sequence[str], keys: Sequence[str]) -> Matches:
    """Match pictures and rows.

    A row with the very path of a picture is about it. Else the row and the picture belong together
    that have the most folders in common, counted from the name, without case; a stem is enough of a
    name. No other row and no other picture may have the same folders in common with them. What is
    left belongs to a row that is the end of its path, such as a bare name, with all the others of
    that name: a painting may be there twice, in the folders of two styles.

    Args:
        paths: The paths of the pictures.
        keys: What each row calls its picture: a path, a name or a stem, also as an address or as
            Windows writes it. Of equal ones the first counts.
    """
    exact: dict[str, int] = {}
    rows: dict[_Tail, int] = {}
    for number, key in enumerate(keys):
        exact.setdefault(plain(key.replace("\\", "/")), number)
        rows.setdefault(_parts(key), number)
    by_name, first_names = _tables(rows.items())
    by_stem, first_stems = _tables((_stem(parts), number) for parts, number in rows.items())
    parts_of = [_parts(path) for path in paths]
    distinct = set(parts_of)
    names, stems = _counts(distinct), _counts(map(_stem, distinct))

    def found(path: str, parts: _Tail) -> int:
        if (number := exact.get(plain(path), -1)) >= 0:
            return number
        stem = _stem(parts)
        # A stem may be a whole key, of which `without_suffix` would leave less: "St. Jerome".
        ways = ((by_name, names, parts), (by_name, stems, stem), (by_stem, stems, stem))
        for length in range(len(parts), 0, -1):
            for table, pictures, own in ways:
                number = table.get(own[:length], _SEVERAL)
                if number != _SEVERAL and pictures[own[:length]] == 1:
                    return number
        return -1

    def found_again(parts: _Tail) -> int:
        stem = _stem(parts)
        for length in range(len(parts), 0, -1):
            for table, own in ((left, parts), (left, stem), (left_stems, stem)):
                if (number := table.get(own[:length], -1)) >= 0:
                    return number
        if len(parts) > 1:
            return -1
        # A picture in no folder, with rows that have some: they are about one painting.
        return first_names.get(parts, first_stems.get(stem, -1))

    numbers = [found(path, parts) for path, parts in zip(paths, parts_of, strict=True)]
    used = {exact[path] for path in map(plain, paths) if path in exact}
    left = {parts: number for parts, number in rows.items() if number not in used}
    left_stems: dict[_Tail, int] = {}
    for parts, number in left.items():
        left_stems.setdefault(_stem(parts), number)
    numbers = [
        number if number >= 0 else found_again(parts)
        for number, parts in zip(numbers, parts_of, strict=True)
    ]
    counts = Counter(number for number in numbers if number >= 0)
    return Matches(numbers, {number: count for number, count in counts.items() if count > 1})


def _parts(path: str) -> _Tail:
    path = plain(path.replace("\\", "/")).casefold()
    if "://" in path:
        path = unquote(path.partition("?")[0])
    folders = [each for each in object_folders(path) if each not in ("", ".")]
    return path.rsplit("/", 1)[-1], *reversed(folders)


def _stem(parts: _Tail) -> _Tail:
    return without_suffix(parts[0]), *parts[1:]


def _tails(parts: _Tail) -> Iterator[_Tail]:
    return (parts[:length] for length in range(1, len(parts) + 1))


def _counts(names: Iterable[_Tail]) -> Counter[_Tail]:
    return Counter(tail for parts in names for tail in _tails(parts))


def _tables(rows: Iterable[tuple[_Tail, int]]) -> tuple[dict[_Tail, int], dict[_Tail, int]]:
    """Return the only row that has a tail, or `_SEVERAL`, and the first that has it."""
    only: dict[_Tail, int] = {}
    first: dict[_Tail, int] = {}
    for parts, number in rows:
        for tail in _tails(parts):
            first.setdefault(tail, number)
            only[tail] = number if tail not in only else _SEVERAL
    return only, first
