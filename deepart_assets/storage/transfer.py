"""Transfers one remote file to a local one, resuming and retrying as needed.

An interrupted transfer resumes with Range and If-Range (RFC 9110, sections 13.1.5 and 14), never
from the bytes of another version of the file. No message shows an address: it may be signed.
"""

import contextlib
import logging
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import requests
import urllib3

from deepart_assets.storage.answers import (
    Fault,
    fault_of,
    length_of,
    looks_like_a_page,
    refusal,
    span_of,
    total_of,
    validator_of,
)

ATTEMPTS = 8
"""Attempts in a row that may fail where nothing else is asked for."""
TIMEOUT = (15.0, 60.0)
"""Seconds to connect and to wait for the next bytes."""
LONGEST_PAUSE = 60.0
"""Seconds between two attempts when the server does not ask for more."""
LONGEST_ASKED = 600.0
"""Seconds that a server may ask to wait."""
BLOCK = 1 << 18
"""At most so many bytes are read at once."""
EXPIRED = frozenset({400, 401, 403, 404, 410})
"""Answers to an address that worked before and may have run out."""


@dataclass(frozen=True)
class Address:
    """Where a file can be had at the moment. Both parts may be secret, so neither is shown."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


Locate = Callable[[requests.Session], Address]
"""Ask where a file is. May raise RequestException, HTTPError with its response, or `Fault`."""


class Memory(Protocol):
    """What is remembered of an unfinished transfer when the process ends."""

    def load(self) -> dict[str, Any]:
        """Return what was stored last, or nothing."""

    def store(self, content: dict[str, Any]) -> None:
        """Remember `content` in place of what was stored before."""


def wait(seconds: float) -> None:
    """Pause between two attempts."""
    time.sleep(seconds)


class Transfer:
    """One file on its way.

    Args:
        locate: Where the file is; asked again when the address has run out.
        partial: The local file, which grows and holds everything when `run` returns.
        memory: Survives the process, together with `partial`.
        admit: Called with the file's size once it is announced and the bytes already here; raises
            what it likes to stop the transfer.
        moved: Called with the bytes here and the size (None: not announced) after each block.
        report: Called with a sentence when an attempt failed.
        checked: The file's hash is known beforehand, so that its end need not be asked for.
        attempts: So many in a row may fail to bring anything before the transfer gives up.
    """

    def __init__(
        self,
        locate: Locate,
        partial: Path,
        memory: Memory,
        *,
        admit: Callable[[int, int], None],
        moved: Callable[[int, int | None], None],
        report: Callable[[str], None],
        checked: bool,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._locate = locate
        self._partial = partial
        self._memory = memory
        self._admit = admit
        self._moved = moved
        self._report = report
        self._checked = checked
        self._attempts = attempts
        self._address: Address | None = None
        noted = memory.load()
        self._validator: str | None = noted.get("validator")
        self._total: int | None = noted.get("total")
        has_rest = partial.is_file() and partial.stat().st_size <= (self._total or 0)
        if not self._validator or not has_rest:
            self._discard()

    def run(self) -> None:
        """Bring the whole file.

        Raises:
            Fault: It cannot be had; what came so far is kept where it can be continued.
            OSError: The local file cannot be written.
        """
        furthest, failures = self._have(), 0
        with _quiet(), requests.Session() as session:
            while True:
                fault = None
                try:
                    if self._attempt(session):
                        break
                except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                    fault = fault_of(error)
                except Fault as error:
                    fault = error
                if (have := self._have()) > furthest:
                    furthest, failures = have, 0
                elif fault is not None:
                    failures += 1
                if fault is None:
                    continue
                if fault.lasting or failures >= self._attempts:
                    raise Fault(str(fault), status=fault.status, lasting=True)
                pause = _pause(failures, fault.asked)
                self._report(f"{fault}; again in {pause:.0f} s")
                wait(pause)

    # --- one attempt ---

    def _attempt(self, session: requests.Session) -> bool:
        """Ask for what is missing; return whether it is certain that nothing is."""
        have = self._have()
        whole = self._total == have
        if whole and self._checked:
            return True
        if have and not whole and not self._validator:
            have = 0  # the rest could be another version's
        with self._ask(session, have) as response:
            if response.status_code == 416:
                if whole and total_of(response) in (None, have):
                    return True
                raise self._changed("the server sends less than it announced")
            if response.status_code == 206:
                if whole:
                    raise self._changed("the server sends more than it announced")
                if not self._continues(response, have):
                    raise self._changed("the server's file changed")
            elif response.status_code == 200:
                if whole and self._is_same(response):
                    return True  # a server without ranges cannot be asked for more
                have = 0
                self._begin(response)
            else:
                fault = refusal(response)
                if whole and fault.lasting:
                    return True  # nor one that does not like the question
                raise fault
            self._receive(response, have)
        return False

    def _ask(self, session: requests.Session, have: int) -> requests.Response:
        """Ask for the bytes from `have` on, at a new address where the known one has run out."""
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
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

    def _continues(self, response: requests.Response, have: int) -> bool:
        """Tell whether a partial answer is the rest of the file that is here."""
        span = span_of(response)
        if span is None or span[0] != have:
            return False
        if span[1] is not None and self._total is not None and span[1] != self._total:
            return False
        # An answer to If-Range need not repeat a date.
        return validator_of(response) in ("", self._validator or "")

    def _is_same(self, response: requests.Response) -> bool:
        same_size = length_of(response) in (None, self._total)
        return same_size and validator_of(response) == (self._validator or "")

    def _begin(self, response: requests.Response) -> None:
        self._discard()
        self._total = length_of(response)
        self._validator = validator_of(response)
        self._note()

    def _receive(self, response: requests.Response, have: int) -> None:
        if "text/html" in response.headers.get("Content-Type", "").lower():
            raise self._page()
        if self._total is not None:
            self._admit(self._total, have)
        with self._partial.open("r+b", buffering=0) as file:
            file.seek(have)
            for block in _blocks(response):
                if have == 0 and looks_like_a_page(block):
                    raise self._page()
                _write(file.fileno(), block)
                have += len(block)
                if self._total is not None and have > self._total:
                    raise self._changed("the server sends more than it announced")
                self._moved(have, self._total)
        if self._total is None:
            self._total = have
            self._note()

    # --- what is here ---

    def _have(self) -> int:
        return self._partial.stat().st_size

    def _discard(self) -> None:
        # In this order: bytes without a note are worthless, a note without bytes is harmless.
        self._memory.store({})
        self._partial.open("wb").close()
        self._validator = self._total = None

    def _note(self) -> None:
        # Without a validator the rest could be of another version: then nothing is continued.
        self._memory.store({"validator": self._validator, "total": self._total})

    def _changed(self, text: str) -> Fault:
        self._discard()
        return Fault(text)

    def _page(self) -> Fault:
        self._discard()
        return Fault("a web page (log-in or quota) came in its place", lasting=True)


def _blocks(response: requests.Response) -> Iterator[bytes]:
    yield response.raw.read(512, decode_content=True)  # enough to tell a page
    while block := response.raw.read1(BLOCK, decode_content=True):  # whatever is there
        yield block


def _write(descriptor: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]


def _pause(failures: int, asked: float | None) -> float:
    if asked is not None:
        return min(asked, LONGEST_ASKED)
    return min(2.0 ** max(failures - 1, 0), LONGEST_PAUSE) * random.uniform(0.5, 1.0)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep urllib3 from logging addresses, which it does for those who log everything."""
    log = logging.getLogger("urllib3.connectionpool")
    level = log.level
    log.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        log.setLevel(level)
