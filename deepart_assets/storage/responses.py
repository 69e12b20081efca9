"""What a response to a request for a file says, and the error if it refuses or breaks off.

Messages never contain the address, which may be signed.
"""

import contextlib
import re

import requests
import urllib3
from urllib3.util import Retry

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 509})
"""HTTP statuses that are retried."""
HTML_INSTEAD = "the server sent a web page (log-in or quota) instead"


class TransferError(Exception):
    """Why a transfer failed; the message contains no address.

    Attributes:
        status: The HTTP status, if it is the reason.
        retry_after: Seconds the server asks to wait.
        permanent: Whether retrying is pointless.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        permanent: bool = False,
    ) -> None:
        super().__init__(text)
        self.status, self.retry_after, self.permanent = status, retry_after, permanent


def looks_like_html(data: bytes) -> bool:
    """Return whether a file's first bytes are those of a web page."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n\v\f").lower()
    return start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml"))


def _is_encoded(response: requests.Response) -> bool:
    return response.headers.get("Content-Encoding", "identity").lower() != "identity"


def validator_of(response: requests.Response) -> str:
    """Return the strong ETag or else the modification date; "" if there is none."""
    if _is_encoded(response):
        return ""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def length_of(response: requests.Response) -> int | None:
    """Return the length of the body in bytes; None if it is not announced."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() and not _is_encoded(response) else None


def range_total(response: requests.Response) -> int | None:
    """Return the size of the file as a 416 gives it, or None."""
    found = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def refusal_of(response: requests.Response) -> TransferError:
    """Return why the server refuses, and whether retrying helps."""
    status, retry_after = response.status_code, None
    with contextlib.suppress(urllib3.exceptions.InvalidHeader):
        if header := response.headers.get("Retry-After"):
            retry_after = Retry().parse_retry_after(header)
    permanent = status not in RETRIED
    text = f"HTTP status {status}"
    return TransferError(text, status=status, retry_after=retry_after, permanent=permanent)


def error_from(error: Exception) -> TransferError:
    """Describe an error without its own text, which contains the address."""
    response = getattr(error, "response", None)
    if response is not None and response.status_code >= 400:
        return refusal_of(response)
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return TransferError("the server did not answer in time")
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return TransferError("the connection broke off")
    return TransferError(f"there is no connection ({type(error).__name__})")
