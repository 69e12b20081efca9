"""Who may ask what: the token, the host, the origin of writes, and the headers of every answer."""

import hmac
import secrets
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""The hosts of a browser on the same machine."""

COOKIE = "deepart_desk"
CSRF = "x-deepart-csrf"
"""The header that every write carries; its value is in the desk's own pages alone."""

_READS = ("GET", "HEAD")

_HEADERS = {
    "content-security-policy": "default-src 'none'; img-src 'self' blob: data:; script-src 'self';"
    " style-src 'self' 'unsafe-inline'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}

_ASK = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Deep Art</title>
<link rel="stylesheet" href="/static/desk.css">
<main class="ask"><h1>Deep Art</h1><form method="get">
<label>Token <input name="token" type="password" autocomplete="current-password" autofocus></label>
<button>Open</button></form>
<p>The desk prints it where it was started.</p></main></html>"""


class Guard:
    """ASGI middleware that refuses what a browser on another site, or a stranger, may send.

    Args:
        app: The application.
        token: Asked of every request, unless it is None.
        read_only: Whether to refuse all writes.
        csrf: The value of the header `CSRF` in every write.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, read_only: bool, csrf: str) -> None:
        self._app, self._token, self._read_only, self._csrf = app, token, read_only, csrf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._token is None and urlsplit(f"//{host}").hostname not in LOOPBACK:
            return _error(421, f"the desk answers at 127.0.0.1 only, not at {host!r}")
        if self._token is not None and not scope["path"].startswith("/static/"):
            asked = self._without_token(scope, headers)
            if asked is not None:
                return asked
        fault = None if scope["method"] in _READS else self._fault_of_write(headers, host)
        return None if fault is None else _error(403, fault)

    def _fault_of_write(self, headers: Headers, host: str) -> str | None:
        origin = headers.get("origin")
        if self._read_only:
            return "this desk is read-only"
        if origin is not None and urlsplit(origin).netloc != host:
            return f"a write from {origin} is refused: it is another site"
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return "a write from another site is refused"
        if not hmac.compare_digest(headers.get(CSRF, "").encode(), self._csrf.encode()):
            return "the desk has been restarted since this page was loaded: reload it"
        return None

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer to a request without a token, or with one in its address."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get("token")
        if given is not None and self._is_token(given.strip()) and scope["method"] in _READS:
            rest = urlencode([each for each in query if each[0] != "token"])
            # Only the path, without a second slash: "//elsewhere" would be another site.
            place = "/" + scope["path"].lstrip("/\\") + (f"?{rest}" if rest else "")
            answer = RedirectResponse(place, 303)
            answer.set_cookie(
                COOKIE, given.strip(), httponly=True, samesite="lax", max_age=30 * 86400
            )
            return answer
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if (cookie is not None and self._is_token(cookie.value)) or self._is_token(bearer):
            return None
        if "text/html" in headers.get("accept", ""):
            return HTMLResponse(_ASK, 401)
        return _error(401, "the desk asks for its token")

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), (self._token or "").encode())


def new_secret() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(24)


def _error(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status)
