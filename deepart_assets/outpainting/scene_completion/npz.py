"""NumPy's npz files in memory, compressed and without pickle."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def npz_of(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return a file of arrays by name."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def arrays_in(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of such a file, by name.

    Raises:
        ValueError: It is damaged, or none.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (
        *(zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError),
        *(AttributeError, SyntaxError, MemoryError),
    ) as error:
        raise ValueError(str(error) or type(error).__name__) from error
