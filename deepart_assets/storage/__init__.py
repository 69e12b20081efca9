"""The one place where the pipeline's files and the records of how they were made are kept.

Belongs here: paths, atomic writes, content hashes (`lake`), records and fingerprints (`ledger`),
all records of an asset at once (`register`).
Does not belong here: what is in a file (`imaging`, the model families) or Dagster's event history.
"""

from deepart_assets.storage.lake import (
    Lake,
    StoredFile,
    sha256_of,
    sha256_of_file,
    sha256_of_json,
    stamp_of,
)
from deepart_assets.storage.ledger import (
    Ledger,
    Made,
    Recipe,
    Record,
    keep,
    make_or_reuse,
    reason_to_make,
)
from deepart_assets.storage.register import Register

__all__ = [
    "Lake",
    "Ledger",
    "Made",
    "Recipe",
    "Record",
    "Register",
    "StoredFile",
    "keep",
    "make_or_reuse",
    "reason_to_make",
    "sha256_of",
    "sha256_of_file",
    "sha256_of_json",
    "stamp_of",
]
