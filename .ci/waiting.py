"""Waits for what other processes do."""

import time
from collections.abc import Callable
from typing import Any


def wait_for(what: str, happened: Callable[[], Any], seconds: float = 400) -> Any:
    """Return what `happened` returns, once it is true.

    Raises:
        TimeoutError: It is not, for so long.
    """
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.25)
    return found
