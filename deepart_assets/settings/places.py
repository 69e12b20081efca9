"""Locates the project's files, the data lake, Dagster's home and the download cache."""

import os
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]
_SHIPPED = Path(__file__).resolve().parents[1] / "_shipped"
_INSTALLED = _SHIPPED.is_dir()

PROJECT = _SHIPPED if _INSTALLED else _CHECKOUT
"""The folder that holds configs/ and data/: the checkout, or one inside the installed package."""


def project_path(path: str | Path) -> Path:
    """Resolve a path of a profile.

    Args:
        path: A path as a user writes it. "~" is the home folder; an absolute path is returned as
            it is. In a checkout, a relative path is relative to the checkout. In an installed
            package, it is relative to the current folder or, for a file that exists only there, to
            the files that come with the package.
    """
    path = Path(path).expanduser()
    if not _INSTALLED:
        return PROJECT / path
    here, shipped = Path.cwd() / path, PROJECT / path
    return shipped if shipped.exists() and not here.exists() else here


def configs_folder() -> Path:
    """Return the folder of profiles and of BasicSR's options."""
    return PROJECT / "configs"


def data_root() -> str:
    """Return the data lake's root: `DEEPART_DATA`, or data/lake.

    data/lake is in the checkout or, for an installed package, in the current folder.
    """
    return os.environ.get("DEEPART_DATA") or str(_working_folder() / "data" / "lake")


def dagster_home() -> Path:
    """Return Dagster's home: `DAGSTER_HOME`, or .dagster_home beside data/."""
    return Path(os.environ.get("DAGSTER_HOME") or _working_folder() / ".dagster_home")


def cache_folder() -> Path:
    """Return where downloads are kept: `DEEPART_CACHE`, or ~/.cache/deepart."""
    return Path(os.environ.get("DEEPART_CACHE") or Path.home() / ".cache" / "deepart")


def _working_folder() -> Path:
    return Path.cwd() if _INSTALLED else _CHECKOUT
