"""The application: its routes, what its errors look like, and the guard around it."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from deepart_assets.desk.desk import Desk, UnknownError
from deepart_assets.desk.masks import ConflictError
from deepart_assets.desk.pages import reading_routes
from deepart_assets.desk.rendering import HERE
from deepart_assets.desk.security import Guard
from deepart_assets.desk.writes import writing_routes
from deepart_assets.errors import DeepArtError


def create_app(desk: Desk) -> ASGIApp:
    """Return the ASGI application of a desk."""

    def failure(request: Request, error: Exception) -> Response:
        status = 404 if isinstance(error, UnknownError | FileNotFoundError) else 422
        if isinstance(error, ConflictError):
            status = 409
        if isinstance(error, HTTPException):
            status, text = error.status_code, error.detail
        else:
            text = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(desk.render("error.html.j2", status=status, text=text), status)
        return JSONResponse({"error": text}, status)

    app = Starlette(
        routes=[
            *reading_routes(desk),
            *writing_routes(desk),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={
            HTTPException: failure,
            DeepArtError: failure,
            FileNotFoundError: failure,
            ValueError: failure,
        },
    )
    options = desk.options
    return Guard(app, token=options.token, read_only=options.read_only, csrf=desk.csrf)
