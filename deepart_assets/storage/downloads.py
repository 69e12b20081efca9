"""The download cache: resumable downloads, verified against lock files in the lake.

The transfer itself is in `transfer`. Those of kaggle and gdown do not retry after status 429 or
500, gdown's does not keep a validator across processes, and neither checks the free disk.
"""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.answers import Fault, looks_like_a_page
from deepart_assets.storage.lake import Lake, sha256_of_file
from deepart_assets.storage.progress import TransferProgress, gigabytes
from deepart_assets.storage.transfer import ATTEMPTS, Locate, Transfer
from deepart_assets.storage.weights import check_sha256

MARGIN = 500_000_000
"""Bytes of the disk that a download leaves free."""


@dataclass(frozen=True)
class Download:
    """A file to be had.

    Attributes:
        name: Its path in the cache folder; its lock file is `locks/<name>.json` in the lake.
        origin: What it is, for messages: "Kaggle's painter-by-numbers/train.zip".
        locate: Asks where it is at the moment.
        remedy: What to do if it cannot be had; `remedies` has other words for an HTTP status.
        check: Raises UnavailableError if the file is not of the kind that it should be, before
            anything is noted of it.
        sha256: Given in the profile under `sha256_key`; None: that of the first use.
        attempts: So many in a row may fail; fewer where one can do without the file.
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
class Fetched:
    """A whole file in the cache folder."""

    path: Path
    sha256: str
    size: int


class Downloads:
    """The downloads of this machine.

    Args:
        cache: Folder of this machine; several processes may use it at once.
        lake: Holds the lock files: origin, SHA-256, size and day of the first use. What is fetched
            later, here or on another machine, must be the same.
        report: Called with log lines.
    """

    def __init__(
        self, cache: Path, lake: Lake, report: Callable[[str], None] = lambda text: None
    ) -> None:
        self.cache = cache
        self.lake = lake
        self.report = report

    def fetch(self, download: Download) -> Fetched:
        """Return the file, from the cache or from where it is.

        A transfer that was interrupted, if only by the end of the process, goes on where it
        stopped. Of two processes that want the same file one waits for the other.

        Raises:
            UnavailableError: It cannot be had, is a web page, has not the bytes of its lock file
                or of the profile, or the disk is full; says what to do, and shows no address.
        """
        target = self.cache / download.name
        expected = self._expected(download)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with _Note(target.with_name(f".{target.name}.note"), self.report) as note:
                if target.is_file():
                    fetched = self._kept(target, note) or self._adopt(download, target)
                    self._verify(download, fetched, expected)
                else:
                    fetched = self._bring(download, target, note, expected)
                note.store(_stamp(fetched))
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

    # --- the file ---

    def _kept(self, target: Path, note: "_Note") -> Fetched | None:
        """Return a file that was verified before and not changed since."""
        noted = note.load()
        fetched = Fetched(target, str(noted.get("sha256")), target.stat().st_size)
        return fetched if noted == _stamp(fetched) else None

    def _adopt(self, download: Download, target: Path) -> Fetched:
        """Look at a file that somebody put there, or that changed since."""
        self.report(f"{download.name}: checking {target}")
        try:
            self._check(download, target)
        except UnavailableError as error:
            raise UnavailableError(f"{error}; delete {target}") from error
        return Fetched(target, sha256_of_file(target), target.stat().st_size)

    def _bring(
        self, download: Download, target: Path, note: "_Note", expected: Fetched | None
    ) -> Fetched:
        partial = target.with_name(f".{target.name}.partial")

        def admit(total: int, have: int) -> None:
            if expected is not None and expected.size != total:
                raise self._mismatch(download, f"{total} bytes", str(expected.size))
            self._check_space(download, total - have)

        refusal = None
        try:
            Transfer(
                download.locate,
                partial,
                note,
                admit=admit,
                moved=TransferProgress(download.name, self.report),
                report=lambda text: self.report(f"{download.name}: {text}"),
                checked=expected is not None or download.sha256 is not None,
                attempts=download.attempts,
            ).run()
        except Fault as fault:
            remedy = download.remedies.get(fault.status or 0, download.remedy)
            refusal = f"{download.origin} could not be downloaded: {fault}; {remedy}"
        if refusal is not None:  # raised out here, without the error that may hold an address
            raise UnavailableError(refusal)
        size = partial.stat().st_size
        self.report(f"{download.name}: {gigabytes(size)} GB are here, checking")
        try:
            self._check(download, partial)
            fetched = Fetched(partial, sha256_of_file(partial), size)
            self._verify(download, fetched, expected)
        except UnavailableError:
            note.store({})
            partial.unlink()
            raise
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
        return replace(fetched, path=target)

    def _check(self, download: Download, file: Path) -> None:
        with file.open("rb") as opened:
            if looks_like_a_page(opened.read(512)):
                raise UnavailableError(
                    f"{download.origin} is a web page (log-in or quota): {download.remedy}"
                )
        download.check(file)

    def _check_space(self, download: Download, missing: int) -> None:
        free = shutil.disk_usage(self.cache).free
        if missing + MARGIN > free:
            raise UnavailableError(
                f"{download.origin} needs {gigabytes(missing + MARGIN)} GB of disk and"
                f" {self.cache} has {gigabytes(free)} GB left: make room, or move the cache with"
                " DEEPART_CACHE"
            )

    # --- the lock ---

    def _expected(self, download: Download) -> Fetched | None:
        lock = _lock(download)
        try:
            found = self.lake.read_json(lock)
            return Fetched(self.cache / download.name, str(found["sha256"]), int(found["size"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise UnavailableError(
                f"{self.lake.full_path(lock)} cannot be read as a lock file: delete it, and"
                f" {download.origin} is noted again"
            ) from error

    def _verify(self, download: Download, fetched: Fetched, expected: Fetched | None) -> None:
        check_sha256(download.origin, fetched.sha256, download.sha256, download.sha256_key)
        if expected is not None and fetched.sha256 != expected.sha256:
            found = f"the SHA-256 {fetched.sha256}"
            raise self._mismatch(download, found, expected.sha256)

    def _mismatch(self, download: Download, found: str, noted: str) -> UnavailableError:
        return UnavailableError(
            f"{download.origin} has {found}, not {noted} as at its first use: if the new file is"
            f" meant, delete {self.lake.full_path(_lock(download))} and materialize again; if not,"
            f" delete {self.cache / download.name}, and it is fetched again"
        )

    def _record(self, download: Download, fetched: Fetched) -> None:
        content = {
            "origin": download.origin,
            "sha256": fetched.sha256,
            "size": fetched.size,
            "first_used": datetime.now(UTC).date().isoformat(),
        }
        self.lake.write_json(_lock(download), content)


class _Note:
    """What is known of a file of the cache, held by one process at a time."""

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        self._path = path
        self._report = report

    def __enter__(self) -> "_Note":
        self._file = self._path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._report(f"{self._path.parent}: another process fetches this file, waiting")
            fcntl.flock(self._file, fcntl.LOCK_EX)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def load(self) -> dict[str, Any]:
        """Return what was stored last; nothing if the process ended while storing it."""
        self._file.seek(0)
        try:
            content = json.loads(self._file.read())
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    def store(self, content: dict[str, Any]) -> None:
        """Replace what was stored before."""
        self._file.truncate(0)
        self._file.write(json.dumps(content).encode())
        self._file.flush()


def _lock(download: Download) -> str:
    return f"locks/{download.name}.json"


def _stamp(fetched: Fetched) -> dict[str, Any]:
    return {
        "sha256": fetched.sha256,
        "size": fetched.size,
        "mtime_ns": fetched.path.stat().st_mtime_ns,
    }
