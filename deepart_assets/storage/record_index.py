"""An index of all records of an asset in one file, as far as staleness needs them.

Listing records is fast where reading ten thousand small files is not: the listing tells which
records changed since the index was written, and only those are read. An index may be deleted.
"""

import json
from collections.abc import Iterator

from deepart_assets.storage.materialization_store import (
    RECORDS,
    MaterializationStore,
    RecordSummary,
    StoredFile,
)

FOLDER = "registers"
"""The lake's folder: `<asset>.tsv` with key, stamp of the record, the record in short as JSON."""

_SHORT = ("status", "fingerprint", "reason", "transient", "verdict", "seconds", "made_at")


class RecordIndex:
    """The records of an asset as they were when this was made.

    Args:
        store: Whose records.
        asset: Of which asset.
    """

    def __init__(self, store: MaterializationStore, asset: str) -> None:
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
                files = [(each.path, each.sha256, each.size, each.stamp) for each in record.files]
                self._lines[key] = stamp, json.dumps({**short, "files": files})
        if self._lines != known:
            lines = (f"{key}\t{stamp}\t{short}\n" for key, (stamp, short) in self._lines.items())
            store.lake.write(_path(asset), "".join(lines).encode())

    def get(self, key: str) -> RecordSummary | None:
        """Return the record of an output without provenance and figures, or None."""
        if key not in self._lines:
            return None
        short = json.loads(self._lines[key][1])
        files = tuple(StoredFile(*each) for each in short.pop("files"))
        return RecordSummary(asset=self._asset, key=key, provenance={}, files=files, **short)


def _lines(store: MaterializationStore, asset: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield what the file says, as far as it is whole: key, and stamp and record."""
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
