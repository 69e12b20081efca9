"""Where things are on this machine.

Belongs here: the folders of the project, of profiles, of data and of downloads. Does not belong
here: what is in them.
"""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
"""The checkout: where configs/ and data/ are."""


def configs_folder() -> Path:
    """Return the folder of profiles and of BasicSR's options."""
    return PROJECT / "configs"


def data_root() -> str:
    """Return the data lake's root: `DEEPART_DATA`, or data/lake in the project."""
    return os.environ.get("DEEPART_DATA") or str(PROJECT / "data" / "lake")


def cache_folder() -> Path:
    """Return where downloads are kept: `DEEPART_CACHE`, or ~/.cache/deepart."""
    return Path(os.environ.get("DEEPART_CACHE") or Path.home() / ".cache" / "deepart")
