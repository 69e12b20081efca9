"""What a curator changes: requests that write a file into the lake, and nothing else."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepart_assets.desk.decisions import save_choice, save_request
from deepart_assets.desk.desk import Desk
from deepart_assets.desk.inbox import MAX_BYTES as LARGEST_PICTURE
from deepart_assets.desk.inbox import take_in
from deepart_assets.desk.masks import (
    MAX_BYTES,
    editable_mask,
    remove_mask,
    save_mask,
    save_text,
)
from deepart_assets.desk.pages import painting_state

MAX_WORDS = 64 * 1024
"""Bytes of a text, a choice or a request."""


def writing_routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes of masks, texts, choices, requests and the inbox."""

    def layer(request: Request) -> Response:
        page = desk.painting(request.path_params["id"])
        data = editable_mask(page, desk, request.path_params["layer"])
        return Response(data, media_type="image/png")

    async def mask(request: Request) -> Response:
        key, expected = request.path_params["id"], _expected(request)
        if request.method == "DELETE":
            return await answered(lambda: remove_mask(desk, key, expected), key)
        data = await body_of(request, MAX_BYTES)
        return await answered(lambda: save_mask(desk, key, data, expected), key)

    async def text(request: Request) -> Response:
        key, expected = request.path_params["id"], _expected(request)
        data = await body_of(request, MAX_WORDS)
        return await answered(lambda: save_text(desk, key, data, expected), key)

    async def choice(request: Request) -> Response:
        key, expected = request.path_params["id"], _expected(request)
        data = await body_of(request, MAX_WORDS)
        return await answered(lambda: save_choice(desk, key, data, expected), key)

    async def asked(request: Request) -> Response:
        key, outpainter = request.path_params["id"], request.path_params["outpainter"]
        expected = _expected(request)
        data = None if request.method == "DELETE" else await body_of(request, MAX_WORDS)
        return await answered(lambda: save_request(desk, key, outpainter, data, expected), key)

    async def dropped(request: Request) -> Response:
        name, labels = request.path_params["name"], dict(request.query_params)
        data = await body_of(request, LARGEST_PICTURE)
        return JSONResponse({"id": await run_in_threadpool(take_in, desk, name, data, labels)})

    async def answered(change: Callable[[], object], key: str) -> Response:
        def do() -> dict[str, object]:
            change()
            desk.index.refresh(at_once=True)
            return painting_state(desk, desk.painting(key))

        return JSONResponse(await run_in_threadpool(do))

    return [
        Route("/p/{id}/mask/{layer}.png", layer),
        Route("/p/{id}/mask", mask, methods=["PUT", "DELETE"]),
        Route("/p/{id}/text", text, methods=["PUT"]),
        Route("/inbox/{name}", dropped, methods=["PUT"]),
        Route("/p/{id}/choice", choice, methods=["PUT"]),
        Route("/p/{id}/request/{outpainter}", asked, methods=["PUT", "DELETE"]),
    ]


def _expected(request: Request) -> str:
    if (expected := request.headers.get("if-match")) is None:
        raise HTTPException(428, "say in If-Match which version is to be replaced")
    return expected


async def body_of(request: Request, limit: int) -> bytes:
    """Return the body of a request.

    Raises:
        HTTPException: It is longer than `limit` bytes; the rest is not read.
    """
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > limit:
            raise HTTPException(413, f"that is more than {limit // 1024**2} MB")
        parts.append(part)
    return b"".join(parts)
