"""Records of what was made from what, and the decision whether it has to be made again.

An output is identified by the fingerprint of its provenance: the content hashes of its inputs, the
hash of the weights, the settings that affect it, and the stage's code version. It is reused if its
record has the same fingerprint and every file that the record names is present and intact.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from deepart_assets.errors import PaintingError, SkipPainting, UnavailableError
from deepart_assets.storage.lake import Lake, StoredFile, sha256_of, sha256_of_json

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Provenance:
    """Everything an output is made from; all values are plain JSON."""

    code_version: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    weights: str | None = None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the provenance written as canonical JSON."""
        return sha256_of_json({each.name: getattr(self, each.name) for each in fields(self)})


@dataclass(frozen=True)
class StageResult:
    """What a stage hands over: the bytes of each file by lake path, and figures to record.

    `files` may be a generator of (path, bytes), so that a large data set is never held in memory
    as a whole; `figures` are read after the last file and may be filled on the way.
    """

    files: Mapping[str, bytes] | Iterable[tuple[str, bytes]]
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON. A text that starts with `data:image/` is a small picture for the UI."""
    stored: Iterable[StoredFile] = ()
    """Files that are part of the output and lie in the lake already (those of its parts, each with
    a record of its own, say). They are recorded after `files`."""
    verdict: str | None = None
    """Why what follows should leave the painting out; None if it is fine."""


@dataclass(frozen=True)
class MaterializationRecord:
    """What happened when one output was last made (or was skipped, or failed)."""

    asset: str
    key: str
    status: Status
    fingerprint: str
    provenance: Mapping[str, Any]
    files: tuple[StoredFile, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    transient: bool = False
    """Whether it failed for want of something that may be there the next time."""
    verdict: str | None = None
    """As in `StageResult`."""
    seconds: float = 0.0
    made_at: str = ""

    @property
    def data_version(self) -> str:
        """The hash of the files' contents: equal bytes, equal version, whatever made them.

        A verdict makes another version, for what follows is another.
        """
        names: list[Any] = sorted((file.path, file.sha256) for file in self.files)
        if self.verdict is not None:
            names.append(self.verdict)
        return sha256_of(json.dumps(names).encode())

    @property
    def path(self) -> str:
        """The lake path of the first, the main file."""
        return self.files[0].path


class RecordSummary(MaterializationRecord):
    """A record without provenance and figures, of which there may be very many (`register`)."""


RECORDS = "records"
"""The lake's folder: `<asset>/<key>.json`."""

WHOLE = "_whole"
"""The key of an output that is not one painting's but the whole data set's."""


class MaterializationStore:
    """The records of a lake: one small JSON file for each asset and key."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def get(self, asset: str, key: str = WHOLE) -> MaterializationRecord | None:
        """Return the record of an output, or None. An unreadable record counts as none."""
        try:
            content = self.lake.read_json(_record_path(asset, key))
            files = tuple(StoredFile(**file) for file in content.pop("files"))
            if "recipe" in content:  # the name of this field before 0.2
                content["provenance"] = content.pop("recipe")
            return MaterializationRecord(files=files, **content)
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def done(self, asset: str, key: str = WHOLE) -> MaterializationRecord | None:
        """Return the record of an output that was made, or None."""
        record = self.get(asset, key)
        return record if record is not None and record.status == "done" else None

    def whole(self, record: MaterializationRecord) -> MaterializationRecord:
        """Return a record with all that is known of it."""
        if not isinstance(record, RecordSummary):
            return record
        return self.get(record.asset, record.key) or record

    def put(self, record: MaterializationRecord) -> None:
        """Write a record; its files must have been written before."""
        assert not isinstance(record, RecordSummary), "it would lose its provenance"
        self.lake.write_json(_record_path(record.asset, record.key), asdict(record))

    def read(self, record: MaterializationRecord, file: int = 0) -> bytes:
        """Return the bytes of a file of an output; the first is the main one.

        Raises:
            FileNotFoundError: It is gone.
            PaintingError: It is not what was recorded, so nothing may be recorded as made from it:
                another run has just made it anew, or it was damaged.
        """
        stored = record.files[file]
        data = self.lake.read(stored.path)
        if sha256_of(data) != stored.sha256:
            raise PaintingError(
                f"{stored.path} is not what was recorded of {record.asset}: another run has made it"
                " meanwhile, or it was damaged. Run again; what is stale is made anew"
            )
        return data

    def remove(self, asset: str, key: str) -> None:
        """Forget a record; its files are left alone. One that is not there is no error."""
        self.lake.remove(_record_path(asset, key))

    def sweep(self, asset: str) -> int:
        """Remove what killed processes left of an asset (`Lake.sweep`); return how many files."""
        return sum(self.lake.sweep(folder) for folder in (asset, f"records/{asset}", "reports"))

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
    """Return the record of an output and whether it was computed now.

    `make` runs only if no intact output has this provenance's fingerprint, or with `force`. Its
    files are written first and the record last, so a process killed in between leaves an
    output whose hash does not match its record, which the next run makes again.

    A `SkipPainting` becomes a record with status "skipped". Any other exception leaves a record
    with status "failed" and is raised again; failed outputs are always tried again when asked for.
    Files of an earlier success stay where they are.
    """
    known = store.get(asset, key)
    if not force and known is not None and staleness_reason(store, known, provenance) is None:
        return known, False
    return compute_and_record(store, asset, provenance, make, key=key), True


def staleness_reason(
    store: MaterializationStore,
    known: MaterializationRecord | None,
    provenance: Provenance,
    *,
    thorough: bool = False,
) -> str | None:
    """Say in a few words why an output has to be made (again), or None if it is up to date.

    Args:
        store: Where the record is.
        known: The output's record.
        provenance: What it would be made from now.
        thorough: Read its files even if their size and time are those that they had.
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
        if whole.files == known.files:  # else another run has made it meanwhile
            store.put(replace(whole, files=stamped))
    return None


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Name what two provenances differ in."""
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
    spent: float = 0.0,
) -> MaterializationRecord:
    """Make an output now and record what came of it, as `materialize_if_stale` says.

    Processes of this machine take turns at an output (`Lake.lock`), so its record tells of its
    files. What another has made by the same provenance since this work began is not made twice.

    Args:
        store: Where the files and the record go.
        asset: Whose output it is.
        provenance: What it is made from.
        make: Makes it, or ends what was begun before together with others.
        key: The output's key.
        spent: Seconds of work on it before this call.
    """
    began = datetime.now(UTC) - timedelta(seconds=spent)
    with store.lake.lock(_record_path(asset, key)):
        known = store.get(asset, key)
        just_made = known is not None and datetime.fromisoformat(known.made_at) >= began
        if known is not None and just_made and staleness_reason(store, known, provenance) is None:
            return known
        blank = MaterializationRecord(
            asset, key, "failed", provenance.fingerprint, asdict(provenance)
        )
        return _recorded(store, blank, make, time.perf_counter() - spent)


def _recorded(
    store: MaterializationStore,
    blank: MaterializationRecord,
    make: Callable[[], StageResult],
    start: float,
) -> MaterializationRecord:
    """Fill in a record with what `make` does; `start` is on the clock of `time.perf_counter`."""

    def put(status: Status, **more: Any) -> MaterializationRecord:
        result = replace(
            blank,
            status=status,
            seconds=round(time.perf_counter() - start, 3),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            **more,
        )
        store.put(result)
        return result

    try:
        made = make()
        contents = made.files.items() if isinstance(made.files, Mapping) else made.files
        written = tuple(store.lake.write(path, data) for path, data in contents)
        files = (*written, *made.stored)
    except SkipPainting as reason:
        return put("skipped", reason=str(reason))
    except Exception as error:
        transient = isinstance(error, UnavailableError | OSError | MemoryError)
        put("failed", reason=f"{type(error).__name__}: {error}", transient=transient)
        raise
    return put("done", files=files, figures=dict(made.figures), verdict=made.verdict)


def _record_path(asset: str, key: str) -> str:
    return f"{RECORDS}/{asset}/{key}.json"
