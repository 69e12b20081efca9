"""Reports how far a long piece of work is: items or bytes done, and the time left."""

import time
from collections.abc import Callable

REPORT_SECONDS = 10.0
"""Seconds between two reports."""


class Progress:
    """Calls `report` at most every `REPORT_SECONDS`.

    Args:
        name: Name of the work.
        done: Items or bytes done before the work starts.
        total: Items or bytes in all; None if unknown.
        report: Called with "name 3/10; about 7 s left", for bytes with "name: 1.2 of 36.0 GB,
            34 MB/s, about 17 min left".
        in_bytes: Whether the numbers are bytes.
    """

    def __init__(
        self,
        name: str,
        done: int,
        total: int | None,
        report: Callable[[str], object],
        *,
        in_bytes: bool = False,
    ) -> None:
        self.total = total
        self._name, self._start, self._report, self._in_bytes = name, done, report, in_bytes
        self._started = self._reported = time.monotonic()

    def update(self, done: int, remark: str = "") -> None:
        """Report `done`, with a remark, if the last report is some time ago."""
        now = time.monotonic()
        if done < self._start:  # the work has started over
            self._start, self._started = done, now
        if now - self._reported < REPORT_SECONDS or done == self._start:
            return
        self._reported = now
        rate = (done - self._start) / max(now - self._started, 1e-9)
        left = "" if self.total is None else f"about {duration((self.total - done) / rate)} left"
        if not self._in_bytes:
            self._report(f"{self._name} {done}/{self.total}{remark}; {left}")
            return
        of_total = "" if self.total is None else f" of {gigabytes(self.total)}"
        size = f"{gigabytes(done)}{of_total} GB, {rate / 1e6:.3g} MB/s"
        self._report(f"{self._name}: {size}{', ' if left else ''}{left}")


def gigabytes(size: int) -> str:
    """Format a number of bytes in GB."""
    return f"{size / 1e9:.1f}" if size >= 1e8 else f"{size / 1e9:.4f}"


def duration(seconds: float) -> str:
    """Say a number of seconds in words."""
    if seconds >= 7200:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
