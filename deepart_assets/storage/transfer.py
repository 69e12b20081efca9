"""Transfers one remote file to a local one, resuming and retrying as needed.

An interrupted transfer resumes with Range and If-Range (RFC 9110, sections 13.1.5 and 14). Messages
never contain the address, which may be signed.
"""

import contextlib
import logging
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests
import urllib3

from deepart_assets.progress import Progress
from deepart_assets.storage.local_files import StateFile
from deepart_assets.storage.responses import (
    HTML_INSTEAD,
    TransferError,
    error_from,
    length_of,
    looks_like_html,
    range_total,
    refusal_of,
    validator_of,
)

ATTEMPTS = 8
"""Default number of consecutive attempts that may fail."""
TIMEOUT = (15.0, 60.0)
"""Timeouts in seconds: to connect, and between bytes."""
MAX_BACKOFF = 60.0
"""Longest pause between attempts in seconds, without a Retry-After."""
MAX_RETRY_AFTER = 600.0
"""Longest Retry-After in seconds that is honoured."""
BLOCK = 1 << 18
EXPIRED = frozenset({400, 401, 403, 404, 410})
"""HTTP statuses of a signed address that has expired."""


@dataclass(frozen=True)
class Address:
    """The current address of a file. Both fields may be secret, so neither is in the repr."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


Locate = Callable[[requests.Session], Address]
"""Returns a file's address; may raise `requests.RequestException` or `TransferError`."""


def wait(seconds: float) -> None:
    """Pause between two attempts."""
    time.sleep(seconds)


class Transfer:
    """The transfer of one file.

    Args:
        locate: Returns the file's address; called again when it has expired.
        partial: The local file, complete when `run` returns.
        state: Keeps validator and size of the remote file across processes.
        check_size: Called with the announced size and the bytes present; raises to stop.
        progress: Updated after each block.
        report: Called with a log line after a failed attempt.
        has_hash: Whether the hash is known, so that the end need not be confirmed.
        attempts: Number of consecutive attempts without new bytes before giving up.
    """

    def __init__(
        self,
        locate: Locate,
        partial: Path,
        state: StateFile,
        *,
        check_size: Callable[[int, int], None],
        progress: Progress,
        report: Callable[[str], None],
        has_hash: bool,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._locate, self._partial, self._state = locate, partial, state
        self._check_size, self._progress, self._report = check_size, progress, report
        self._has_hash, self._attempts = has_hash, attempts
        self._address: Address | None = None
        stored = state.load()
        self._validator: str | None = stored.get("validator")
        self._total: int | None = stored.get("total")
        can_resume = partial.is_file() and self._size() <= (self._total or 0)
        if not self._validator or not can_resume:
            self._discard()

    def run(self) -> None:
        """Transfer the whole file.

        Raises:
            TransferError: It failed; a part that can be resumed is kept.
            OSError: The local file cannot be written.
        """
        furthest, failures = self._size(), 0
        with _no_addresses_in_logs(), requests.Session() as session:
            while True:
                error = None
                try:
                    if self._attempt(session):
                        return
                except (requests.RequestException, urllib3.exceptions.HTTPError) as caught:
                    error = error_from(caught)
                except TransferError as caught:
                    error = caught
                if self._size() > furthest:
                    furthest, failures = self._size(), 0
                elif error is not None:
                    failures += 1
                if error is None:
                    continue
                if error.permanent or failures >= self._attempts:
                    raise TransferError(str(error), status=error.status, permanent=True)
                pause = _pause(failures, error.retry_after)
                self._report(f"{error}; retrying in {pause:.0f} s")
                wait(pause)

    def _attempt(self, session: requests.Session) -> bool:
        """Request the missing bytes; return whether the file is known to be complete."""
        start = self._size()
        complete = self._total == start
        if complete and self._has_hash:
            return True
        if not complete and not self._validator:
            start = 0  # the rest may be of another version
        with self._get(session, start) as response:
            match response.status_code:
                case 416 if complete and range_total(response) in (None, start):
                    return True
                case 416:
                    raise self._restart("the server sends less than it announced")
                case 206 if complete:
                    raise self._restart("the server sends more than it announced")
                case 206 if not self._continues(response, start):
                    raise self._restart("the server's file changed")
                case 206:
                    pass
                case 200 if complete and self._is_same(response):
                    return True  # the server does not support ranges
                case 200:
                    start = 0
                    self._discard()
                    self._total, self._validator = length_of(response), validator_of(response)
                    self._save_state()
                case _:
                    refusal = refusal_of(response)
                    if complete and refusal.permanent:
                        return True  # the server refuses ranges past the end
                    raise refusal
            self._receive(response, start)
        return False

    def _get(self, session: requests.Session, start: int) -> requests.Response:
        """Request the bytes from `start`, from a new address if the known one has expired."""
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if self._validator:
                headers["If-Range"] = self._validator
        while True:
            is_new = self._address is None
            address = self._address or self._locate(session)
            response = session.get(
                address.url, headers={**address.headers, **headers}, stream=True, timeout=TIMEOUT
            )
            self._address = address
            if is_new or response.status_code not in EXPIRED:
                return response
            response.close()
            self._address = None

    def _continues(self, response: requests.Response, start: int) -> bool:
        """Return whether a 206 is the rest of the partial file."""
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != start:
            return False
        if self._total is not None and found[2] not in ("*", str(self._total)):
            return False
        return validator_of(response) in ("", self._validator or "")  # a 206 may omit the date

    def _is_same(self, response: requests.Response) -> bool:
        same_size = length_of(response) in (None, self._total)
        return same_size and validator_of(response) == (self._validator or "")

    def _receive(self, response: requests.Response, size: int) -> None:
        if "text/html" in response.headers.get("Content-Type", "").lower():
            raise self._restart(HTML_INSTEAD, permanent=True)
        if self._total is not None:
            self._check_size(self._total, size)
        self._progress.total = self._total
        with self._partial.open("r+b", buffering=0) as file:
            file.seek(size)
            for block in _blocks(response):
                if size == 0 and looks_like_html(block):
                    raise self._restart(HTML_INSTEAD, permanent=True)
                rest = memoryview(block)
                while rest:
                    rest = rest[file.write(rest) :]
                size += len(block)
                if self._total is not None and size > self._total:
                    raise self._restart("the server sends more than it announced")
                self._progress.update(size)
        if self._total is None:
            self._total = size
            self._save_state()

    def _size(self) -> int:
        return self._partial.stat().st_size

    def _save_state(self) -> None:
        self._state.store({"validator": self._validator, "total": self._total})

    def _discard(self) -> None:
        # The state first: it must never describe other bytes.
        self._state.store({})
        self._partial.open("wb").close()
        self._validator = self._total = None

    def _restart(self, text: str, *, permanent: bool = False) -> TransferError:
        self._discard()
        return TransferError(text, permanent=permanent)


def _blocks(response: requests.Response) -> Iterator[bytes]:
    yield response.raw.read(512, decode_content=True)  # enough for `looks_like_html`
    while block := response.raw.read1(BLOCK, decode_content=True):
        yield block


def _pause(failures: int, retry_after: float | None) -> float:
    if retry_after is not None:
        return min(retry_after, MAX_RETRY_AFTER)
    return min(2.0 ** max(failures - 1, 0), MAX_BACKOFF) * random.uniform(0.5, 1.0)


@contextlib.contextmanager
def _no_addresses_in_logs() -> Iterator[None]:
    """Silence urllib3's debug log, which contains addresses."""
    log = logging.getLogger("urllib3.connectionpool")
    level = log.level
    log.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        log.setLevel(level)
