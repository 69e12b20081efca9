"""What a curator changes: requests that write a file into the lake, and nothing else."""

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepart_assets.desk.decisions import save_choice, save_request
from deepart_assets.desk.desk import Desk
from deepart_assets.desk.inbox import MAX_BYTES as LARGEST_PICTURE
from deepart_assets.desk.inbox import take_in
from deepart_assets.desk.masks import MAX_BYTES, editable_mask, save_mask, save_text
from deepart_assets.desk.pages import painting_state

MAX_WORDS = 64 * 1024
"""Bytes of a text, a choice or a request."""


def writing_routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes of masks, texts, choices, requests and the inbox."""

    def layer(request: Request) -> Response:
        page = desk.painting(request.path_params["key"])
        data = editable_mask(page, desk, request.path_params["layer"])
        return Response(data, media_type="image/png")

    def saved_by(
        save: Callable[..., None], limit: int = MAX_WORDS
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return what hands a body, None to delete, and the version that it replaces to `save`."""

        async def answered(request: Request) -> Response:
            if (expected := request.headers.get("if-match")) is None:
                raise HTTPException(428, "say in If-Match which version is to be replaced")
            data = None if request.method == "DELETE" else await body_of(request, limit)

            def do() -> dict[str, object]:
                save(desk, **request.path_params, data=data, expected=expected)
                desk.index.refresh(at_once=True)
                return painting_state(desk, desk.painting(request.path_params["key"]))

            return JSONResponse(await run_in_threadpool(do))

        return answered

    async def dropped(request: Request) -> Response:
        name, labels = request.path_params["name"], dict(request.query_params)
        data = await body_of(request, LARGEST_PICTURE)
        return JSONResponse({"id": await run_in_threadpool(take_in, desk, name, data, labels)})

    change = ["PUT", "DELETE"]
    return [
        Route("/p/{key}/mask/{layer}.png", layer),
        Route("/p/{key}/mask", saved_by(save_mask, MAX_BYTES), methods=change),
        Route("/p/{key}/text", saved_by(save_text), methods=["PUT"]),
        Route("/inbox/{name}", dropped, methods=["PUT"]),
        Route("/p/{key}/choice", saved_by(save_choice), methods=["PUT"]),
        Route("/p/{key}/request/{outpainter}", saved_by(save_request), methods=change),
    ]


async def body_of(request: Request, limit: int) -> bytes:
    """Return the body of a request.

    Raises:
        HTTPException: It is longer than `limit` bytes, whose rest is not read, or was broken off.
    """
    parts, length = [], 0
    try:
        async for part in request.stream():
            length += len(part)
            if length > limit:
                raise HTTPException(413, f"that is more than {limit // 1024**2} MB")
            parts.append(part)
    except ClientDisconnect as error:
        raise HTTPException(400, "the upload was broken off") from error
    return b"".join(parts)
