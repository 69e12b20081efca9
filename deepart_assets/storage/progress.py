"""Reports the rate and the time left of a transfer."""

import time
from collections.abc import Callable

TOLD_EVERY = 10.0
"""Seconds between two lines of progress."""


class TransferProgress:
    """Tells now and then how far a transfer is.

    Args:
        name: What is transferred.
        told: Is told "name: 1.2 of 36.0 GB, 34 MB/s, about 17 min left".
    """

    def __init__(self, name: str, told: Callable[[str], None]) -> None:
        self._name = name
        self._told = told
        self._last: tuple[float, int] | None = None

    def __call__(self, have: int, total: int | None) -> None:
        """Take note of the bytes that are here and of the size, None where it is not known."""
        now = time.monotonic()
        if self._last is None:
            self._last = now, have
            return
        seconds = now - self._last[0]
        if seconds < TOLD_EVERY:
            return
        rate = max(have - self._last[1], 1) / seconds
        self._last = now, have
        far = f"{gigabytes(have)} GB" if total is None else _share(have, total)
        left = "" if total is None else f", about {_duration((total - have) / rate)} left"
        self._told(f"{self._name}: {far}, {rate / 1e6:.3g} MB/s{left}")


def _share(have: int, total: int) -> str:
    return f"{gigabytes(have)} of {gigabytes(total)} GB"


def gigabytes(size: int) -> str:
    """Return a number of bytes in GB, as many digits as say something."""
    return f"{size / 1e9:.1f}" if size >= 1e8 else f"{size / 1e9:.4f}"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
