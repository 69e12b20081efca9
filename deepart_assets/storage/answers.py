"""What an HTTP response says about a file, and why a download attempt failed."""

import contextlib
import re

import requests
import urllib3
from urllib3.util import Retry

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 509})
"""Statuses that another attempt may not meet."""


class Fault(Exception):
    """Why an attempt failed, in words that hold no address.

    `status` is the HTTP status if that was it, `asked` the seconds that the server wants to be left
    alone; after a `lasting` fault no attempt follows.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int | None = None,
        asked: float | None = None,
        lasting: bool = False,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.asked = asked
        self.lasting = lasting


def looks_like_a_page(data: bytes) -> bool:
    """Tell whether the bytes of a file, or its first ones, begin as a web page does."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n\v\f").lower()
    return start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml"))


def validator_of(response: requests.Response) -> str:
    """Return what identifies the version of a file: a strong ETag, or else its date; or ""."""
    if _is_encoded(response):
        return ""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def length_of(response: requests.Response) -> int | None:
    """Return the size that a 200 announces for the bytes that are kept."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() and not _is_encoded(response) else None


def _is_encoded(response: requests.Response) -> bool:
    """Tell whether the bytes are compressed on the way, though we ask for them as they are."""
    return response.headers.get("Content-Encoding", "identity").lower() != "identity"


def span_of(response: requests.Response) -> tuple[int, int | None] | None:
    """Return the first byte and the whole size that a 206 names."""
    named = response.headers.get("Content-Range", "")
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", named)
    if found is None:
        return None
    return int(found[1]), None if found[2] == "*" else int(found[2])


def total_of(response: requests.Response) -> int | None:
    """Return the whole size that a 416 names."""
    found = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def refusal(response: requests.Response) -> Fault:
    """Return the fault that an answer's status is, with what its Retry-After asks for."""
    status = response.status_code
    asked = None
    with contextlib.suppress(urllib3.exceptions.InvalidHeader):
        if named := response.headers.get("Retry-After"):
            asked = Retry().parse_retry_after(named)
    return Fault(f"HTTP status {status}", status=status, asked=asked, lasting=status not in PASSING)


def fault_of(error: Exception) -> Fault:
    """Say what went wrong without the error's own text, which holds the address."""
    response = getattr(error, "response", None)
    if response is not None and response.status_code >= 400:
        return refusal(response)
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return Fault("the server did not answer in time")
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return Fault("the connection broke off")
    return Fault(f"there is no connection ({type(error).__name__})")
