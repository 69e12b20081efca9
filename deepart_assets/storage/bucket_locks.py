"""Locks in a bucket, by S3's conditional writes: what a folder's file locks are on one machine."""

import contextlib
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

LEASE_SECONDS = 60.0
"""A lock that its holder has not renewed for so long is another's: its machine is gone."""

RENEW_SECONDS = LEASE_SECONDS / 4

POLL_SECONDS = 0.5
"""Between two looks at another's lock."""

CONDITION_FAILED = {409, 412}
"""HTTP statuses: another write was faster, or the condition does not hold."""


@contextlib.contextmanager
def lock_object(fs: Any, path: str) -> Iterator[None]:
    """Hold the lock that an object is while it exists.

    Whoever waits takes over a lock that stays the same for `LEASE_SECONDS` by its own clock, so
    machines need not agree on the time. A server that ignores the conditions of a write locks
    nothing.

    Args:
        fs: An fsspec file system for S3.
        path: The object's path.
    """
    lock = _Lock(fs, path)
    lock.acquire()
    released = threading.Event()
    keeper = threading.Thread(target=lock.renew_until, args=(released,), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        released.set()
        keeper.join()
        lock.release()


class _Lock:
    def __init__(self, fs: Any, path: str) -> None:
        self._fs, self._path = fs, path
        self._owner = uuid.uuid4().hex
        self._renewals = 0

    def acquire(self) -> None:
        seen, since = None, time.monotonic()
        while not self._write(IfNoneMatch="*"):
            with contextlib.suppress(FileNotFoundError):  # just released
                if self._is_mine():  # the answer to the first attempt was lost
                    return
                etag = self._fs.info(self._path)["ETag"]
                if etag != seen:
                    seen, since = etag, time.monotonic()
                elif time.monotonic() - since >= LEASE_SECONDS and self._replace(etag):
                    return
                time.sleep(POLL_SECONDS)

    def _replace(self, etag: str) -> bool:
        """Write the lock if it still has an ETag; return False if it has another one."""
        # Ceph compares the condition's quotes, too, with its own tag, which has none.
        return self._write(IfMatch=etag) or self._write(IfMatch=etag.strip('"'))

    def renew_until(self, released: threading.Event) -> None:
        while not released.wait(RENEW_SECONDS):
            with contextlib.suppress(Exception):  # of botocore, too: the next one may be answered
                # The ETag first: if the lock is mine after that, the ETag is that of my own.
                etag = self._fs.info(self._path)["ETag"]
                if not self._is_mine():
                    return
                self._renewals += 1
                # A request may wait for minutes (`retries`), and the lock be another's by then. If
                # the condition does not hold, the next look tells that from a lost answer.
                self._replace(etag)

    def release(self) -> None:
        # Of botocore, too. The lease ends by itself, and what was done under the lock is done.
        with contextlib.suppress(Exception):
            if self._is_mine():
                self._fs.rm_file(self._path)

    def _is_mine(self) -> bool:
        return self._fs.cat_file(self._path).startswith(self._owner.encode())

    def _write(self, **condition: str) -> bool:
        """Write the lock; return False if the condition does not hold."""
        content = f"{self._owner} {self._renewals}".encode()
        try:
            self._fs.pipe_file(self._path, content, **condition)
        except OSError as error:
            answer = getattr(error.__cause__, "response", {}).get("ResponseMetadata", {})
            if answer.get("HTTPStatusCode") in CONDITION_FAILED:
                return False
            raise
        return True
