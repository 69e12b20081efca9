"""An index of an asset's records in one file, with the fields that staleness needs.

Listing ten thousand small files is fast and reading them is not, so only records whose stamp
changed are read. An index may be deleted at any time.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.lake import StoredFile
from deepart_assets.storage.materialization_store import RECORDS, MaterializationStore
from deepart_assets.storage.records import RecordSummary

FOLDER = "registers"
"""The lake's folder: `<asset>.tsv` has lines of key, record stamp and summary as JSON."""

_SHORT = (
    "status",
    "fingerprint",
    "reason",
    "transient",
    "verdict",
    "doubt",
    "hints",
    "seconds",
    "made_at",
)


class RecordIndex:
    """A snapshot of the records of an asset.

    Args:
        store: The records.
        asset: Name of the asset.
        save: Whether to write the index where it is not up to date.
    """

    def __init__(self, store: MaterializationStore, asset: str, *, save: bool = True) -> None:
        self._asset = asset
        known = dict(_lines(store, asset))
        self._lines: dict[str, tuple[str, str]] = {}
        stamps = store.lake.stamps(f"{RECORDS}/{asset}")
        for name, stamp in stamps.items():
            key = name.removesuffix(".json")
            if key in known and known[key][0] == stamp:
                self._lines[key] = known[key]
            elif (record := store.get(asset, key)) is not None:
                short = {field: getattr(record, field) for field in _SHORT}
                files = [astuple(each) for each in record.files]
                self._lines[key] = stamp, json.dumps({**short, "files": files})
        if save and self._lines != known:
            lines = (f"{key}\t{stamp}\t{short}\n" for key, (stamp, short) in self._lines.items())
            # On a full disk it stays out of date, and what is there can still be read.
            with suppress(UnavailableError):
                store.lake.write(_path(asset), "".join(lines).encode())

    def get(self, key: str) -> RecordSummary | None:
        """Return the summary of an output's record, or None."""
        if key not in self._lines:
            return None
        short = json.loads(self._lines[key][1])
        files = tuple(StoredFile(*each) for each in short.pop("files"))
        return RecordSummary(asset=self._asset, key=key, provenance={}, files=files, **short)

    def items(self) -> Iterator[tuple[str, str, RecordSummary]]:
        """Yield key, the stamp of the record's file, and summary of each record."""
        for key, (stamp, _) in self._lines.items():
            if (summary := self.get(key)) is not None:
                yield key, stamp, summary


def _lines(store: MaterializationStore, asset: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the intact lines of the file: key, and stamp and summary."""
    try:
        text = store.lake.read(_path(asset)).decode()
    except (FileNotFoundError, UnicodeDecodeError):
        return
    for line in text.splitlines():
        key, _, rest = line.partition("\t")
        stamp, _, short = rest.partition("\t")
        if short.startswith("{") and short.endswith("}"):
            yield key, (stamp, short)


def _path(asset: str) -> str:
    return f"{FOLDER}/{asset}.tsv"
