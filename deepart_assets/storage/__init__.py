"""The data lake, and the records of how its files were made."""

from deepart_assets.storage.hashes import sha256_of, sha256_of_file, sha256_of_json
from deepart_assets.storage.lake import Lake, StoredFile, stamp_of
from deepart_assets.storage.materialization_store import (
    MaterializationStore,
    compute_and_record,
    materialize_if_stale,
    staleness_reason,
)
from deepart_assets.storage.record_index import RecordIndex
from deepart_assets.storage.records import MaterializationRecord, Provenance, StageResult

__all__ = [
    "Lake",
    "MaterializationRecord",
    "MaterializationStore",
    "Provenance",
    "RecordIndex",
    "StageResult",
    "StoredFile",
    "compute_and_record",
    "materialize_if_stale",
    "sha256_of",
    "sha256_of_file",
    "sha256_of_json",
    "staleness_reason",
    "stamp_of",
]
