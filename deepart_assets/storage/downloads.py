"""The download cache: files verified against the profile and lock files in the lake."""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepart_assets.errors import UnavailableError
from deepart_assets.progress import Progress, gigabytes
from deepart_assets.storage.fetching import may_fetch, not_fetched
from deepart_assets.storage.hashes import sha256_of_file
from deepart_assets.storage.lake import Lake
from deepart_assets.storage.local_files import StateFile, lock_file
from deepart_assets.storage.responses import TransferError, looks_like_html
from deepart_assets.storage.transfer import ATTEMPTS, Locate, Transfer

DISK_RESERVE = 500_000_000
"""Bytes of disk space that a download leaves free."""


@dataclass(frozen=True)
class Download:
    """A file to download.

    Attributes:
        name: Its path in the cache folder; its lock file is `locks/<name>.json` in the lake.
        origin: What it is, for messages: "Kaggle's painter-by-numbers/train.zip".
        locate: Returns the file's current address.
        remedy: What to do if it is unavailable; `remedies` has others by HTTP status.
        check: Raises UnavailableError if the file is not of the expected kind.
        sha256: Expected SHA-256 or its first digits, set in the profile at `sha256_key`; None: that
            of the first use.
        attempts: Number of consecutive attempts that may fail.
    """

    name: str
    origin: str
    locate: Locate = field(repr=False)
    remedy: str
    remedies: Mapping[int, str] = field(default_factory=dict)
    check: Callable[[Path], object] = lambda file: None
    sha256: str | None = None
    sha256_key: str = "sha256"
    attempts: int = ATTEMPTS


@dataclass(frozen=True)
class CachedFile:
    """A verified file in the cache folder."""

    path: Path
    sha256: str
    size: int


class Downloads:
    """The downloads of this machine.

    Args:
        cache: A local folder; several processes may use it at once.
        lake: Has the lock files: origin, SHA-256, size and date of the first use. Later downloads,
            also on other machines, must have the same bytes.
        report: Called with log lines.
    """

    def __init__(
        self, cache: Path, lake: Lake, report: Callable[[str], None] = lambda text: None
    ) -> None:
        self.cache = cache
        self.lake = lake
        self.report = report

    def fetch(self, download: Download) -> CachedFile:
        """Return the file from the cache, or download it.

        Interrupted transfers resume, also in another process. A second process that needs the same
        file waits for the first. A whole file of other bytes is kept as `<name>.refused` until the
        next call, which takes it without a transfer if it is the expected one by then.

        Raises:
            UnavailableError: The file is unavailable, a web page, or different from the lock file
                or the profile, or the disk is full. The message has the remedy and no address.
        """
        target = self.cache / download.name
        if not may_fetch() and not target.is_file():
            raise not_fetched(download.origin)
        expected = self._expected(download)
        try:
            with contextlib.ExitStack() as stack:
                waiting = f"{target.parent}: waiting for another process's download"
                lock_file(target, stack, lambda: self.report(waiting))
                state = StateFile(target.with_name(f".{target.name}.note"))
                if not target.is_file():
                    self._take_refused(download, target, expected)
                if target.is_file():
                    stored = state.load()
                    size = target.stat().st_size
                    fetched = CachedFile(target, str(stored.get("sha256")), size)
                    if stored != _stamp(fetched):
                        fetched = self._inspect(download, target)
                    self._verify(download, fetched, expected)
                else:
                    fetched = self._download(download, target, state, expected)
                state.store(_stamp(fetched))
        except OSError as error:
            is_full = error.errno == errno.ENOSPC
            fault = "the disk is full" if is_full else error.strerror or type(error).__name__
            raise UnavailableError(
                f"{target} cannot be written ({fault}): make room, or move the cache with"
                " DEEPART_CACHE"
            ) from None
        if expected is None:
            self._record(download, fetched)
        return fetched

    def _take_refused(self, download: Download, target: Path, expected: CachedFile | None) -> None:
        """Put a file of other bytes in its place if these are expected by now; else remove it."""
        refused = _refused(target)
        if not refused.is_file():
            return
        found = CachedFile(refused, sha256_of_file(refused), refused.stat().st_size)
        try:
            self._verify(download, found, expected)
        except UnavailableError:
            refused.unlink()
        else:
            refused.replace(target)

    def _inspect(self, download: Download, target: Path) -> CachedFile:
        """Check a file that the user put into the cache, or that has changed."""
        self.report(f"{download.name}: checking {target}")
        try:
            self._check(download, target)
        except UnavailableError as error:
            raise UnavailableError(f"{error}; delete {target}") from error
        return CachedFile(target, sha256_of_file(target), target.stat().st_size)

    def _download(
        self, download: Download, target: Path, state: StateFile, expected: CachedFile | None
    ) -> CachedFile:
        partial = target.with_name(f".{target.name}.partial")

        def check_size(total: int, present: int) -> None:
            if expected is not None and expected.size != total:
                raise self._mismatch(download, f"{total} bytes", str(expected.size))
            self._check_space(download, total - present)

        present = partial.stat().st_size if partial.is_file() else 0
        failure = None
        try:
            Transfer(
                download.locate,
                partial,
                state,
                check_size=check_size,
                progress=Progress(download.name, present, None, self.report, in_bytes=True),
                report=lambda text: self.report(f"{download.name}: {text}"),
                has_hash=expected is not None or download.sha256 is not None,
                attempts=download.attempts,
            ).run()
        except TransferError as error:
            remedy = download.remedies.get(error.status or 0, download.remedy)
            failure = f"{download.origin} could not be downloaded: {error}; {remedy}"
        if failure is not None:  # raised here, without a context that may contain the address
            raise UnavailableError(failure)
        size = partial.stat().st_size
        self.report(f"{download.name}: checking {gigabytes(size)} GB")
        try:
            self._check(download, partial)
        except UnavailableError:
            state.store({})
            partial.unlink()
            raise
        fetched = CachedFile(partial, sha256_of_file(partial), size)
        try:
            self._verify(download, fetched, expected)
        except UnavailableError:
            state.store({})
            partial.replace(_refused(target))  # it may be meant
            raise
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
        return replace(fetched, path=target)

    def _check(self, download: Download, file: Path) -> None:
        with file.open("rb") as opened:
            if looks_like_html(opened.read(512)):
                raise UnavailableError(
                    f"{download.origin} is a web page (log-in or quota): {download.remedy}"
                )
        download.check(file)

    def _check_space(self, download: Download, missing: int) -> None:
        free = shutil.disk_usage(self.cache).free
        if missing + DISK_RESERVE > free:
            raise UnavailableError(
                f"{download.origin} needs {gigabytes(missing + DISK_RESERVE)} GB of disk and"
                f" {self.cache} has {gigabytes(free)} GB left: make room, or move the cache with"
                " DEEPART_CACHE"
            )

    def _expected(self, download: Download) -> CachedFile | None:
        lock = _lock_path(download)
        try:
            found = self.lake.read_json(lock)
            return CachedFile(self.cache / download.name, str(found["sha256"]), int(found["size"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise UnavailableError(
                f"{self.lake.full_path(lock)} cannot be read as a lock file: delete it to lock"
                f" {download.origin} again"
            ) from error

    def _verify(self, download: Download, fetched: CachedFile, expected: CachedFile | None) -> None:
        check_sha256(download.origin, fetched.sha256, download.sha256, download.sha256_key)
        if expected is not None and fetched.sha256 != expected.sha256:
            found = f"the SHA-256 {fetched.sha256}"
            raise self._mismatch(download, found, expected.sha256)

    def _mismatch(self, download: Download, found: str, noted: str) -> UnavailableError:
        return UnavailableError(
            f"{download.origin} has {found}, not {noted} as at its first use: if the new file is"
            f" intended, delete {self.lake.full_path(_lock_path(download))} and materialize again;"
            f" if not, delete {self.cache / download.name} to download it again"
        )

    def _record(self, download: Download, fetched: CachedFile) -> None:
        content = {
            "origin": download.origin,
            "sha256": fetched.sha256,
            "size": fetched.size,
            "first_used": datetime.now(UTC).date().isoformat(),
        }
        self.lake.write_json(_lock_path(download), content)


def _lock_path(download: Download) -> str:
    return f"locks/{download.name}.json"


def _refused(target: Path) -> Path:
    """Return where a complete file is kept that has other bytes than those expected."""
    return target.with_name(f"{target.name}.refused")


def _stamp(fetched: CachedFile) -> dict[str, Any]:
    return {
        "sha256": fetched.sha256,
        "size": fetched.size,
        "mtime_ns": fetched.path.stat().st_mtime_ns,
    }


def check_sha256(shown: str, found: str, given: str | None, key: str) -> None:
    """Check the SHA-256 of a file against the profile.

    Args:
        shown: Name of the file, for the message.
        found: Its SHA-256 in lower case.
        given: The expected SHA-256 or its first digits; None accepts any.
        key: The setting of the expected SHA-256, for the message.

    Raises:
        UnavailableError: They differ.
    """
    if given is not None and not found.startswith(given.lower()):
        raise UnavailableError(
            f"{shown} has the SHA-256 {found}, not {given.lower()}: correct {key} in the profile if"
            " this file is meant"
        )
