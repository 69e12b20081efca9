"""The gallery: the paintings as static pages in the lake, with the templates of the desk.

They open from `file://` and from any web server: the links are relative, and a search needs no
server. Pages and pictures are written where they have changed.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from deepart_assets import asset_names
from deepart_assets.desk.index import PaintingIndex
from deepart_assets.desk.painting import PaintingPage, Picture
from deepart_assets.desk.pictures import thumbnails
from deepart_assets.desk.rendering import HERE, STATUSES, templates
from deepart_assets.desk.rows import Query, Row
from deepart_assets.errors import PaintingError
from deepart_assets.storage import MaterializationStore, RecordIndex, sha256_of, sha256_of_json
from deepart_assets.wikiart.left_out import LeftOut
from deepart_assets.work import in_parallel

FOLDER = asset_names.GALLERY
"""The lake's folder: `index.html`, and beside it the folders below."""
PAINTINGS, PICTURES, STATIC = f"{FOLDER}/paintings", f"{FOLDER}/pictures", f"{FOLDER}/static"
WRITTEN = f"{FOLDER}/written.json"
"""What each page of a painting was written from, and the versions of its pictures."""

PAGE = 60
"""Paintings on a page of the wall."""

SMALL, LARGE = 480, 960
"""Longer sides of the pictures of the wall and of a painting's page, in pixels."""

WORKERS = 4
"""Pictures decoded at a time."""

_ASSETS = ("desk.css", "gallery.js", "compare.js")
_TEMPLATES = ("base", "parts", "wall", "gallery", "gallery_painting", "gallery_left_out")


class Shown(NamedTuple):
    """What the gallery has of a painting."""

    key: str
    """The hash of all that its page is written from."""
    wall: str
    """The version of the picture that stands for it; "" if it cannot be shown."""
    pictures: Sequence[str]
    """The versions of all its pictures."""


class Gallery:
    """The gallery of a lake.

    Args:
        store: The records.
        outpainters: The names of the profile's outpainters, the best first.
        left_out: The files that are not used.
        facts: Returns what is to be said of a painting, by name, from its records by asset.
        warn: Receives a line for each picture that cannot be shown.
    """

    def __init__(
        self,
        store: MaterializationStore,
        outpainters: Sequence[str],
        left_out: Sequence[LeftOut] = (),
        facts: Callable[[Mapping[str, Any]], Mapping[str, str]] = lambda _: {},
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store, self._lake, self._outpainters = store, store.lake, list(outpainters)
        self._left_out, self._facts, self._warn = left_out, facts, warn
        self._index = PaintingIndex(store, self._outpainters)
        self.rows = list(self._index.rows().values())
        self.counts = self._index.counts()

    @property
    def version(self) -> str:
        """The hash of all that the gallery is made from."""
        return sha256_of_json([self._keys, self._left_out])

    @cached_property
    def _keys(self) -> dict[str, str]:
        """What each page is made from, by painting."""
        look = [(HERE / "static" / name).read_bytes() for name in _ASSETS]
        look += [(HERE / "templates" / f"{name}.html.j2").read_bytes() for name in _TEMPLATES]
        # The pages have a link to what was left out, if anything was.
        common = [sha256_of(b"\0".join(look)), bool(self._left_out)]
        sheets = RecordIndex(self._store, asset_names.RESTORATION_SHEETS)
        keys = {}
        for place, row in enumerate(self.rows):
            sheet = sheets.get(row.listed.id)
            outcomes = self._index.outcomes(row.listed.id).items()
            keys[row.listed.id] = sha256_of_json(
                [
                    common,
                    row.listed,
                    row.statuses,
                    row.reason,
                    [(asset, each._replace(stamp="", made_at="")) for asset, each in outcomes],
                    sheet and (sheet.status, sheet.data_version),
                    self._neighbours(place),
                ]
            )
        return keys

    def write(self) -> Iterator[tuple[str, bytes]]:
        """Write what has changed, pictures before the pages that show them; yield the first page.

        A page therefore never shows a picture that is not there. `remove_unlisted` removes what no
        page needs any longer.
        """
        for name in _ASSETS:
            self._lake.write(f"{STATIC}/{name}", (HERE / "static" / name).read_bytes())
        shown = self._write_paintings()
        self._lake.write_json(WRITTEN, shown)
        rows = [self._found(row, shown[row.listed.id].wall) for row in self.rows]
        data = f"statuses = {json.dumps(STATUSES)}\npaintings = [\n" + ",\n".join(rows) + "\n]\n"
        self._lake.write(f"{FOLDER}/paintings.js", data.encode())
        left_out = self._render("gallery_left_out.html.j2", rows=self._left_out)
        self._lake.write(f"{FOLDER}/left_out.html", left_out)
        pages = max(1, math.ceil(len(self.rows) / PAGE))
        for number in range(pages, 0, -1):
            page = self._wall(number, pages, shown)
            if number == 1:
                yield f"{FOLDER}/{_wall_name(1)}", page
            else:
                self._lake.write(f"{FOLDER}/{_wall_name(number)}", page)

    def _write_paintings(self) -> dict[str, Shown]:
        try:
            before = {k: Shown(*each) for k, each in self._lake.read_json(WRITTEN).items()}
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            before = {}
        pages, pictures = self._lake.stamps(PAINTINGS), set(self._lake.stamps(PICTURES))

        def one(place: int) -> tuple[str, Shown]:
            key = self.rows[place].listed.id
            old = before.get(key)
            if (
                old is not None
                and old.key == self._keys[key]
                and f"{key}.html" in pages
                and all(_name(each, LARGE) in pictures for each in old.pictures)
            ):
                return key, old
            return key, self._write_painting(place, pictures)

        return dict(in_parallel(one, range(len(self.rows)), WORKERS))

    def _write_painting(self, place: int, there: set[str]) -> Shown:
        row = self.rows[place]
        listed = row.listed
        page = PaintingPage(self._store, listed, self._outpainters, self._index.folded)
        wanted, shown = _pictures(page, self._outpainters), []
        wall = [each for each in wanted if each.key != asset_names.UNFINISHED_PAINTINGS][-1].version
        for picture in wanted:
            sides = [LARGE, SMALL] if picture.version == wall else [LARGE]
            try:
                if any(_name(picture.version, side) not in there for side in sides):
                    made = thumbnails(self._lake, picture.path, picture.version, sides)
                    for side, data in made.items():
                        self._lake.write(f"{PICTURES}/{_name(picture.version, side)}", data)
                        there.add(_name(picture.version, side))
                shown.append(picture)
            except (PaintingError, FileNotFoundError) as error:
                self._warn(f"{picture.path} cannot be shown in the gallery: {error}")
        there_now = {each.version for each in shown}
        mask = page.records.get(asset_names.SUBJECT_MASKS)
        content = self._render(
            "gallery_painting.html.j2",
            root="../",
            home="../index.html",
            listed=listed,
            row=row,
            neighbours=self._neighbours(place),
            pictures=[
                {"caption": each.caption, "address": f"../pictures/{_name(each.version, LARGE)}"}
                for each in shown
            ],
            facts=self._facts(page.records),
            mask=mask.figures.get("preview")
            if mask is not None and (mask.doubt or not mask.verdict)
            else None,
            files=[(caption, f"../../{quote(path)}") for caption, path in _files(page)],
        )
        self._lake.write(f"{PAINTINGS}/{listed.id}.html", content)
        whole = len(shown) == len(wanted)  # else it is tried again
        return Shown(
            self._keys[listed.id] if whole else "",
            wall if wall in there_now else "",
            [each.version for each in shown],
        )

    def _wall(self, number: int, pages: int, shown: Mapping[str, Shown]) -> bytes:
        def address(page: int = 1, **changed: str) -> str:
            words = urlencode({name: value for name, value in changed.items() if value})
            return _wall_name(page) + (f"#{words}" if words else "")

        def thumb(row: Row, side: int) -> str:
            version = shown[row.listed.id].wall
            return version and f"pictures/{_name(version, side)}"

        return self._render(
            "gallery.html.j2",
            rows=self.rows[(number - 1) * PAGE : number * PAGE],
            found=len(self.rows),
            query=Query(),
            page=number,
            pages=pages,
            counts={**self.counts, "artist": Counter()},  # the script adds the artists
            sorts={},
            address=address,
            href=lambda row: f"paintings/{quote(row.listed.id)}.html",
            thumb=thumb,
        )

    def _render(self, template: str, *, root: str = "", **content: Any) -> bytes:
        shared = {
            "root": root,
            "home": "index.html",
            "places": {"wall": (f"{root}index.html", "Paintings")}
            | ({"left_out": (f"{root}left_out.html", "Left out")} if self._left_out else {}),
            "csrf": "",
            "dagster": "",
        }
        return templates().get_template(template).render(**{**shared, **content}).encode()

    def _neighbours(self, place: int) -> tuple[str | None, str | None]:
        around = (place - 1, place + 1)
        before, after = (
            f"{quote(self.rows[each].listed.id)}.html" if 0 <= each < len(self.rows) else None
            for each in around
        )
        return before, after

    def _found(self, row: Row, wall: str) -> str:
        """Return what the search knows of a painting, as JSON."""
        it = row.listed
        ratio = round(it.width / it.height, 4)
        statuses = " ".join(row.statuses)
        words = [it.id, it.title, it.artist, it.date, it.style, statuses, wall, ratio, row.reason]
        return json.dumps(words, ensure_ascii=False, separators=(",", ":"))


def remove_unlisted(store: MaterializationStore) -> None:
    """Remove pages and pictures that the gallery no longer has; call it once that is recorded."""
    with suppress(FileNotFoundError):
        shown = {key: Shown(*each) for key, each in store.lake.read_json(WRITTEN).items()}
        pages = max(1, math.ceil(len(shown) / PAGE))
        walls = {_wall_name(number) for number in range(1, pages + 1)}
        versions = {version for each in shown.values() for version in each.pictures}
        listed = {
            PICTURES: {_name(version, side) for version in versions for side in (SMALL, LARGE)},
            PAINTINGS: {f"{key}.html" for key in shown},
            FOLDER: {*walls, "left_out.html", "paintings.js", "written.json"},
        }
        for folder, names in listed.items():
            for path in store.lake.list(folder):
                if path.rsplit("/", 1)[1] not in names:
                    store.lake.remove(path)


def _pictures(page: PaintingPage, outpainters: Sequence[str]) -> list[Picture]:
    """Return what a painting's page shows: the original first, the best result last.

    An outpainting is decoded sooner than its enlargement, which is taken where a support was put
    back, so that it covers the original.
    """
    keys = ["original", asset_names.UNFINISHED_PAINTINGS]
    for name in reversed(outpainters):
        large = page.records.get(asset_names.upscaled(name))
        put_back = large is not None and large.figures.get("painted_size") is not None
        keys.append(asset_names.upscaled(name) if put_back else asset_names.outpaintings(name))
    return [page.pictures[key] for key in keys if key in page.pictures]


def _files(page: PaintingPage) -> Iterator[tuple[str, str]]:
    """Yield caption and lake path of the pictures at their full size, and of the sheet."""
    for picture in page.pictures.values():
        yield picture.caption, picture.path
    if (sheet := page.sheet()) is not None:
        yield "sheet", sheet.path


def _name(version: str, side: int) -> str:
    return f"{version}-{side}.jpg"


def _wall_name(number: int) -> str:
    return "index.html" if number == 1 else f"page-{number}.html"
