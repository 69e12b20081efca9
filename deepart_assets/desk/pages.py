"""What the desk shows: the wall, a painting, its pictures, and downloads."""

import math
import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepart_assets import asset_names
from deepart_assets.desk.desk import Desk, UnknownError
from deepart_assets.desk.inbox import waiting_and_left_out
from deepart_assets.desk.masks import NO_FILE, mask_kind, text_of
from deepart_assets.desk.painting import PaintingPage
from deepart_assets.desk.pictures import SIDES
from deepart_assets.desk.rows import SORTS, Query, Row
from deepart_assets.desk.stages import provenance_rows
from deepart_assets.imaging.archive import converted_to_tiff
from deepart_assets.wikiart.painting_folder import MASKS

PAGE = 60
"""Paintings on a page of the wall."""

_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
"""Of pictures whose address has their version."""

_AT_FIRST = {**Query._field_defaults, "page": 1}
"""What a wall shows of whose address says nothing."""

_VERSION = re.compile(r"[0-9a-f]{16}")


def reading_routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes that change nothing."""

    def wall(request: Request) -> Response:
        query, asked = _query(request), request.query_params.get("page", "")
        found = desk.index.find(query)
        pages = max(1, math.ceil(len(found) / PAGE))
        number = min(max(1, int(asked) if re.fullmatch("[0-9]+", asked) else 1), pages)
        shown = found[(number - 1) * PAGE : number * PAGE]

        def address(**changed: object) -> str:
            return "/" + _asking({**query._asdict(), **changed})

        page = desk.render(
            "wall.html.j2",
            rows=shown,
            found=len(found),
            query=query,
            page=number,
            pages=pages,
            counts=desk.index.counts(),
            sorts=SORTS,
            address=address,
            thumb=_wall_picture,
            href=lambda row: _page(row.listed.id, query),
        )
        return HTMLResponse(page)

    def painting(request: Request) -> Response:
        page = desk.painting(request.path_params["id"])
        return HTMLResponse(
            desk.render(
                "painting.html.j2",
                page=page,
                listed=page.listed,
                data=painting_state(desk, page),
                provenance=provenance_rows(page.stages),
                row=desk.index.rows().get(page.listed.id),
                lenders=desk.lenders(),
                neighbours=_neighbours(desk, page.listed.id, _query(request)),
                wall="/" + _asking(_query(request)._asdict()),
                quote=quote,
            )
        )

    def state(request: Request) -> Response:
        return JSONResponse(painting_state(desk, desk.painting(request.path_params["id"])))

    def thumbnail(request: Request) -> Response:
        path, version = _asked(request)
        side = request.path_params["side"]
        if side not in SIDES:
            raise UnknownError(f"there are no thumbnails of {side} pixels")
        data = desk.cache.thumbnail(path, version, side)
        return Response(data, media_type="image/jpeg", headers=_FOR_EVER)

    def size(request: Request) -> Response:
        height, width = desk.cache.size(*_asked(request))
        return JSONResponse({"height": height, "width": width}, headers=_FOR_EVER)

    def tile(request: Request) -> Response:
        of = request.path_params
        data = desk.cache.tile(*_asked(request), of["level"], of["column"], of["row"])
        return Response(data, media_type="image/jpeg", headers=_FOR_EVER)

    def _asked(request: Request) -> tuple[str, str]:
        of = request.path_params
        if not _VERSION.fullmatch(of["version"]):
            raise UnknownError("there is no such version")
        return desk.picture_path(desk.listed(of["id"]), of["picture"]), of["version"]

    def download(request: Request) -> Response:
        listed = desk.listed(request.path_params["id"])
        picture = request.path_params["picture"]
        if picture == "sheet":
            sheet = desk.painting(listed.id).sheet()
            if sheet is None:
                raise UnknownError(f"{listed.id} has no sheet")
            path = sheet.path
        else:
            path = desk.picture_path(listed, picture)
        name = path.rsplit("/", 1)[1]
        name = name if picture == "original" else f"{listed.id}-{picture}.{name.rsplit('.', 1)[1]}"
        if request.query_params.get("format") == "tiff":
            return _attachment(
                converted_to_tiff(desk.lake.read(path)), f"{name.rsplit('.', 1)[0]}.tiff"
            )
        if desk.lake.is_local:
            if not desk.lake.exists(path):
                raise FileNotFoundError(path)
            return FileResponse(desk.lake.full_path(path), filename=name)
        return _attachment(desk.lake.read(path), name)

    def inbox(request: Request) -> Response:
        return HTMLResponse(desk.render("inbox.html.j2", **waiting_and_left_out(desk)))

    address = "{id}/{picture}/{version}"
    return [
        Route("/", wall),
        Route("/inbox", inbox),
        Route("/p/{id}", painting),
        Route("/p/{id}/state", state),
        Route(f"/thumb/{address}/{{side:int}}.jpg", thumbnail),
        Route(f"/tiles/{address}/size.json", size),
        Route(f"/tiles/{address}/{{level:int}}-{{column:int}}-{{row:int}}.jpg", tile),
        Route("/file/{id}/{picture}", download),
    ]


def painting_state(desk: Desk, page: PaintingPage) -> dict[str, object]:
    """Return what the page of a painting needs to follow what is being made, as JSON."""
    key = quote(page.listed.id)

    def version(asset: str) -> str:
        return page.file_hashes.get(asset, NO_FILE)

    return {
        "id": page.listed.id,
        "best": page.best,
        "mask": {
            "version": version(asset_names.CURATED_MASKS),
            "kind": mask_kind(page, desk),
            "seen": page.is_used(asset_names.CURATED_MASKS)
            or desk.seen_by_sensor("curated_masks_folder", desk.located(MASKS, page.listed.id)),
        },
        "text": {
            "is_read": desk.is_described,
            "own": text_of(desk, page.listed.id),
            "version": version(asset_names.SUBJECT_TEXTS),
        },
        "choice": page.choice.model_dump() | {"version": version(asset_names.CURATOR_CHOICES)},
        "requests": {
            name: {
                **page.request(name).model_dump(),
                "version": version(asset_names.requests(name)),
                "takes": taken,
                "made": page.candidates(name),
            }
            for name, taken in desk.requestable.items()
        },
        "results": page.results,
        "width": page.listed.width,
        "height": page.listed.height,
        "pictures": [
            {
                "key": each.key,
                "caption": each.caption,
                "group": each.group,
                "credit": each.credit,
                "version": each.version,
                "thumb": f"/thumb/{key}/{each.key}/{each.version}/240.jpg",
                "tiles": f"/tiles/{key}/{each.key}/{each.version}",
            }
            for each in page.pictures.values()
        ],
        "stages": [
            {
                "asset": each.asset,
                "heading": each.heading,
                "state": each.state,
                "reason": each.reason or (page.fault(each) if each.state == "done" else ""),
                "made_at": each.record.made_at if each.record is not None else "",
            }
            for each in page.stages
        ],
    }


def _wall_picture(row: Row, side: int) -> str:
    asset, version = row.picture
    return f"/thumb/{quote(row.listed.id)}/{asset}/{version}/{side}.jpg"


def _neighbours(desk: Desk, key: str, query: Query) -> tuple[str | None, str | None]:
    """Return the addresses of the paintings before and after one on the wall it was found on."""
    keys = [row.listed.id for row in desk.index.find(query, key)]
    place = keys.index(key)
    before = keys[place - 1] if place else None
    after = keys[place + 1] if place + 1 < len(keys) else None
    return before and _page(before, query), after and _page(after, query)


def _page(key: str, query: Query) -> str:
    return f"/p/{quote(key, safe='')}{_asking(query._asdict())}"


def _query(request: Request) -> Query:
    given = request.query_params
    return Query(*(given.get(name, default) for name, default in Query._field_defaults.items()))


def _asking(words: Mapping[str, object]) -> str:
    """Return what follows an address, "" where all is as at first."""
    kept = {name: value for name, value in words.items() if value != _AT_FIRST[name]}
    return "?" + urlencode(kept) if kept else ""


def _attachment(data: bytes, name: str) -> Response:
    disposition = f"attachment; filename*=utf-8''{quote(name)}"
    return Response(
        data,
        media_type="application/octet-stream",
        headers={"content-disposition": disposition},
    )
