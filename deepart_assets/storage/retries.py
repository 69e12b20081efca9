"""What may be over by itself; an object store's requests are repeated until it answers."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.errors import UnavailableError, first_line

PATIENCE_SECONDS = 180.0
"""How long a request is repeated: a server restarts, or a network is away for a minute."""

PAUSE_SECONDS = 2.0
"""Between two attempts, each of which the client of S3 repeats for some seconds itself."""

UNANSWERED = {"ConnectionError", "ClientConnectionError", "HTTPClientError", "TimeoutError"}
"""Names of Python's, aiohttp's and botocore's errors, so that the latter two need no import."""


def is_transient(error: BaseException) -> bool:
    """Return whether an error may be over without anything having been changed.

    Something is unavailable, disk or network fail, or there is too little memory, though an error
    made from that says it in other words.
    """
    return (
        isinstance(error, (UnavailableError, OSError))
        or _is_unanswered(error)
        or any(each and is_out_of_memory(each) for each in (error, error.__cause__))
    )


class PatientFileSystem:
    """An fsspec file system whose methods wait for a server that does not answer.

    What a server refuses is not repeated. Every request of a data lake may be made twice: a second
    upload replaces the first.
    """

    def __init__(self, fs: Any) -> None:
        self._fs = fs

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._fs, name)
        return partial(_patiently, found) if callable(found) else found

    def check_answers(self, path: str) -> None:
        """Ask once for something that need not be there, and wait no longer than the client does.

        Raises:
            UnavailableError: The store does not answer; its address may be wrong.
        """
        try:
            self._fs.info(path)
        except Exception as error:
            if _is_unanswered(error):
                raise UnavailableError(
                    f"the object store does not answer ({first_line(error)}): start it, or correct"
                    " AWS_ENDPOINT_URL or DEEPART_DATA"
                ) from error


def _patiently(request: Callable[..., Any], *args: Any, **more: Any) -> Any:
    deadline = None
    while True:
        try:
            return request(*args, **more)
        except Exception as error:
            if not _is_unanswered(error):
                raise
            if deadline is None:
                deadline = time.monotonic() + PATIENCE_SECONDS
                logging.getLogger(__name__).warning(
                    "No answer, asking again for %.0f s: %s", PATIENCE_SECONDS, error
                )
            if time.monotonic() >= deadline:
                raise
        time.sleep(PAUSE_SECONDS)


def _is_unanswered(error: BaseException) -> bool:
    names = {cls.__name__ for cls in type(error).__mro__}
    return bool(names & UNANSWERED) and "SSLError" not in names
