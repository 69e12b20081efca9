"""Keeps materialization records, and decides whether an output is stale.

An output is fresh if its record has the fingerprint of the current provenance (input hashes,
weights, settings, code version) and all of its files are intact.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from deepart_assets.errors import PaintingError, SkipPainting, described
from deepart_assets.storage.hashes import sha256_of
from deepart_assets.storage.lake import Lake, StoredFile
from deepart_assets.storage.records import (
    MaterializationRecord,
    Provenance,
    RecordSummary,
    StageResult,
    Status,
)
from deepart_assets.storage.retries import is_transient

T = TypeVar("T")

RECORDS = "records"
"""The lake's folder: `<asset>/<key>.json`."""

WHOLE = "_whole"
"""The key of an output of the whole data set."""


class MaterializationStore:
    """The records of a lake: one JSON file for each asset and key."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._parsed: dict[str, tuple[str, Any]] = {}

    def get(self, asset: str, key: str = WHOLE) -> MaterializationRecord | None:
        """Return the record of an output, or None if there is none or it is damaged."""
        try:
            content = self.lake.read_json(_record_path(asset, key))
            files = tuple(StoredFile(**file) for file in content.pop("files"))
            if "recipe" in content:  # the name of this field before 0.2
                content["provenance"] = content.pop("recipe")
            return MaterializationRecord(files=files, **content)
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def done(self, asset: str, key: str = WHOLE) -> MaterializationRecord | None:
        """Return the record of an output if its status is "done", else None."""
        record = self.get(asset, key)
        return record if record is not None and record.status == "done" else None

    def whole(self, record: MaterializationRecord) -> MaterializationRecord:
        """Return the full record of a `RecordSummary`; other records as they are."""
        if not isinstance(record, RecordSummary):
            return record
        return self.get(record.asset, record.key) or record

    def put(self, record: MaterializationRecord) -> None:
        """Write a record, after its files."""
        assert not isinstance(record, RecordSummary), "a summary has no provenance"
        self.lake.write_json(_record_path(record.asset, record.key), asdict(record))

    def read(self, record: MaterializationRecord, file: int = 0) -> bytes:
        """Return the bytes of a file of an output, by default the main one.

        Raises:
            FileNotFoundError: The file is missing.
            PaintingError: Its hash is not the recorded one: another run has just replaced it, or
                it is damaged.
        """
        stored = record.files[file]
        data = self.lake.read(stored.path)
        if sha256_of(data) != stored.sha256:
            raise PaintingError(
                f"{stored.path} differs from the record of {record.asset}: another run has"
                " replaced it, or it is damaged. Run again to update what is stale"
            )
        return data

    def parsed(self, record: MaterializationRecord, parse: Callable[[bytes], T]) -> T:
        """Return `parse` of an asset's main file, kept until the file changes.

        There is one `parse` for each asset.

        Raises:
            FileNotFoundError, PaintingError: As for `read`.
        """
        version = record.files[0].sha256
        kept = self._parsed.get(record.asset)
        if kept is None or kept[0] != version:
            kept = self._parsed[record.asset] = version, parse(self.read(record))
        return cast("T", kept[1])

    def remove(self, asset: str, key: str) -> None:
        """Remove a record if it exists; its files stay."""
        self.lake.remove(_record_path(asset, key))

    def sweep(self, asset: str) -> None:
        """Remove temporary files of killed processes (`Lake.sweep`)."""
        for folder in (asset, f"{RECORDS}/{asset}", "registers", "reports"):
            self.lake.sweep(folder)

    def keys(self, asset: str) -> list[str]:
        """Return the keys that have a record, sorted."""
        paths = self.lake.list(f"{RECORDS}/{asset}", ".json")
        return [path.rsplit("/", 1)[1].removesuffix(".json") for path in paths]


def materialize_if_stale(
    store: MaterializationStore,
    asset: str,
    provenance: Provenance,
    make: Callable[[], StageResult],
    *,
    key: str = WHOLE,
    force: bool = False,
) -> tuple[MaterializationRecord, bool]:
    """Return the record of an output, and whether it was computed now.

    `make` runs if the output is stale, or with `force`. Files are written before the record, so
    an output whose computation was killed does not match its record and is stale. `SkipPainting`
    is recorded as "skipped"; any other exception is recorded as "failed" and raised. A failed
    output is always computed again. Files of an earlier success stay.
    """
    known = store.get(asset, key)
    if not force and known is not None and staleness_reason(store, known, provenance) is None:
        return known, False
    return compute_and_record(store, asset, provenance, make, key=key, known=known)


def staleness_reason(
    store: MaterializationStore,
    known: MaterializationRecord | None,
    provenance: Provenance,
    *,
    thorough: bool = False,
) -> str | None:
    """Return why an output is stale, in a few words, or None if it is fresh.

    Args:
        store: The store of the record.
        known: The output's record.
        provenance: The current provenance.
        thorough: Hash the files even if their stamps are unchanged.
    """
    if known is None:
        return "new"
    if known.fingerprint != provenance.fingerprint:
        return _difference(store.whole(known).provenance, asdict(provenance))
    if known.status == "failed":
        return "failed before"
    checked = [store.lake.checked(file, thorough=thorough) for file in known.files]
    for file, found in zip(known.files, checked, strict=True):
        if found is None:
            lost = "damaged" if store.lake.exists(file.path) else "missing"
            return f"{file.path} is {lost}"
    stamped = tuple(file for file in checked if file is not None)
    if [file.stamp for file in stamped] != [file.stamp for file in known.files]:
        whole = store.whole(known)
        if whole.files == known.files:  # else another run has replaced it
            store.put(replace(whole, files=stamped))
    return None


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Name the differences between two provenances."""
    whole = ("code_version", "weights")
    named = [part.replace("_", " ") for part in whole if old.get(part) != new[part]]
    for part, prefix in (("settings", "setting "), ("inputs", "")):
        before, after = old.get(part) or {}, new[part]
        names = sorted({*before, *after})
        named += [prefix + name for name in names if before.get(name) != after.get(name)]
    return f"{', '.join(named) or 'provenance'} changed"


def compute_and_record(
    store: MaterializationStore,
    asset: str,
    provenance: Provenance,
    make: Callable[[], StageResult],
    *,
    key: str = WHOLE,
    known: MaterializationRecord | None,
    spent: float = 0.0,
) -> tuple[MaterializationRecord, bool]:
    """Compute an output and record the outcome, as described at `materialize_if_stale`.

    The output is locked against other processes (`Lake.lock`). If one of them has computed it with
    the same provenance meanwhile, its record is returned.

    Args:
        store: The store for files and record.
        asset: Name of the asset.
        provenance: The current provenance.
        make: Computes the output.
        key: The output's key.
        known: Its record when it was found stale.
        spent: Seconds spent on the output before this call.

    Returns:
        The record, and whether it was computed now.
    """
    with store.lake.lock(_record_path(asset, key)):
        now = store.get(asset, key)
        cause = staleness_reason(store, now, provenance)
        if now is not None and now != known and cause is None:
            return now, False
        blank = MaterializationRecord(
            asset, key, "failed", provenance.fingerprint, asdict(provenance),
            cause=cause or "requested",
        )  # fmt: skip
        return _recorded(store, blank, make, time.perf_counter() - spent), True


def _recorded(
    store: MaterializationStore,
    blank: MaterializationRecord,
    make: Callable[[], StageResult],
    start: float,
) -> MaterializationRecord:
    """Run `make` and record the outcome; `start` is a time of `time.perf_counter`."""

    def put(status: Status, **more: Any) -> MaterializationRecord:
        result = replace(
            blank,
            status=status,
            seconds=round(time.perf_counter() - start, 3),
            made_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            **more,
        )
        store.put(result)
        return result

    try:
        made = make()
        contents = made.files.items() if isinstance(made.files, Mapping) else made.files
        written = tuple(
            replace(store.lake.write(path, data), content=made.content.get(path))
            for path, data in contents
        )
        files = (*written, *made.stored)
    except SkipPainting as reason:
        return put("skipped", reason=str(reason))
    except Exception as error:
        put("failed", reason=described(error), transient=is_transient(error))
        raise
    return put(
        "done",
        files=files,
        figures=dict(made.figures),
        verdict=made.verdict,
        doubt=made.doubt,
        hints=dict(made.hints),
    )


def _record_path(asset: str, key: str) -> str:
    return f"{RECORDS}/{asset}/{key}.json"
