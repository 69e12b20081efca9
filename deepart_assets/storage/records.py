"""What is recorded of an output: its provenance, its files and figures, and how it came out.

Where records are kept, and what makes an output stale, is in `materialization_store`.
"""

import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from deepart_assets.storage.hashes import sha256_of, sha256_of_json
from deepart_assets.storage.lake import StoredFile

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Provenance:
    """Everything an output is computed from, as plain JSON."""

    code_version: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    weights: str | None = None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the provenance as canonical JSON."""
        return sha256_of_json({each.name: getattr(self, each.name) for each in fields(self)})


@dataclass(frozen=True)
class StageResult:
    """The result of a stage: the bytes of each file by lake path, and figures to record.

    `files` may be a generator of (path, bytes), to save memory; `figures` are read after the last
    file.
    """

    files: Mapping[str, bytes] | Iterable[tuple[str, bytes]]
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON. A string that starts with `data:image/` is a preview for the UI."""
    stored: Iterable[StoredFile] = ()
    """Files of the output that are in the lake already. They are recorded after `files`."""
    content: Mapping[str, str] = field(default_factory=dict)
    """`StoredFile.content` of those of `files` that have one, by lake path."""
    verdict: str | None = None
    """Why downstream stages should skip the painting, or None."""
    doubt: str | None = None
    """Why people should look at the output, or None; nothing depends on it. With a verdict,
    too, the painting waits for them."""
    hints: Mapping[str, Any] = field(default_factory=dict)
    """Small plain JSON for some of what is made from it: they are no part of the data version, so
    that who reads one has it in its provenance, too."""


@dataclass(frozen=True)
class MaterializationRecord:
    """The outcome of the last computation of an output."""

    asset: str
    key: str
    status: Status
    fingerprint: str
    provenance: Mapping[str, Any]
    files: tuple[StoredFile, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    transient: bool = False
    """Whether the failure may pass, such as a missing network."""
    verdict: str | None = None
    """See `StageResult.verdict`."""
    doubt: str | None = None
    """See `StageResult.doubt`."""
    hints: Mapping[str, Any] = field(default_factory=dict)
    """See `StageResult.hints`."""
    seconds: float = 0.0
    made_at: str = ""
    """UTC, ISO 8601, to the millisecond: an output may be made again within a second."""
    cause: str = ""
    """Why it was computed: "new", or what had changed; "" in records of an older version."""

    @cached_property
    def data_version(self) -> str:
        """The hash of the files' versions, and of the verdict if there is one."""
        names: list[Any] = sorted((file.path, file.version) for file in self.files)
        if self.verdict is not None:
            names.append(self.verdict)
        return sha256_of(json.dumps(names).encode())

    @property
    def path(self) -> str:
        """The lake path of the main file, which is the first."""
        return self.files[0].path


class RecordSummary(MaterializationRecord):
    """A record without provenance, figures and cause, as a `RecordIndex` has it."""

    @classmethod
    def of(cls, record: MaterializationRecord) -> "RecordSummary":
        """Return the summary of a record, whose figures may hold pictures."""
        kept = {each.name: getattr(record, each.name) for each in fields(record)}
        return cls(**{**kept, "provenance": {}, "figures": {}, "cause": ""})


RESTS = timedelta(days=7)
"""After which an evaluation tries anew what could not be had, and with it all the rest."""


def attempt(
    previous: MaterializationRecord | None,
    among: Container[str] | None = None,
    rests: timedelta = timedelta(0),
) -> int:
    """Return the number of this attempt at an output, from the record of the previous one.

    It is part of the provenance: it increases after an attempt that left something out (the figure
    `left_out`), so that it is tried again, and otherwise stays, so that nothing becomes stale.

    Args:
        previous: The record, if the previous attempt came to a result.
        among: The names whose leaving out counts; by default whatever was left out.
        rests: How old the record has to be.
    """
    if previous is None:
        return 0
    last = int(previous.provenance["inputs"].get("attempt", 0))
    left_out = previous.figures.get("left_out") or ()
    is_old = datetime.now(UTC) - datetime.fromisoformat(previous.made_at) >= rests
    return last + (is_old and any(among is None or each in among for each in left_out))
