"""What the handlers of the desk share: the lake, the index of paintings, pictures and templates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from deepart_assets import asset_names
from deepart_assets.curation import REQUESTABLE
from deepart_assets.desk.index import PaintingIndex
from deepart_assets.desk.listed import Listed
from deepart_assets.desk.painting import ORIGINAL, PaintingPage, results_of
from deepart_assets.desk.pictures import PictureCache
from deepart_assets.desk.rendering import templates
from deepart_assets.desk.security import new_secret
from deepart_assets.errors import PaintingError
from deepart_assets.settings import Settings
from deepart_assets.settings.segmenters import Described
from deepart_assets.storage import Lake, MaterializationStore
from deepart_assets.wikiart.painting_folder import PaintingFolder

_CANDIDATE = re.compile(r"(?P<asset>[a-z0-9_]+)(?:\.(?P<number>[1-9]\d?))?")


class UnknownError(PaintingError):
    """There is no such painting or picture."""


@dataclass(frozen=True)
class DeskOptions:
    """How a desk was started."""

    token: str | None = None
    """Asked of every request, unless it is None."""
    read_only: bool = False
    dagster: str = "http://127.0.0.1:3000"
    """The address of Dagster's UI, for links."""


class Desk:
    """A desk over a lake.

    Args:
        settings: The profile.
        lake: The data lake.
        options: How it was started.
    """

    def __init__(self, settings: Settings, lake: Lake, options: DeskOptions | None = None) -> None:
        self.settings, self.lake = settings, lake
        self.options = options or DeskOptions()
        self.csrf = new_secret()
        self.store = MaterializationStore(lake)
        self.index = PaintingIndex(self.store, self.outpainters, save=not self.options.read_only)
        self.cache = PictureCache(lake)

    @property
    def outpainters(self) -> list[str]:
        """The names of the profile's outpainters."""
        return list(self.settings.outpainters)

    @property
    def requestable(self) -> dict[str, Sequence[str]]:
        """What a curator may ask of the outpainters that take requests, by their names."""
        return {
            name: REQUESTABLE[outpainter.kind]
            for name, outpainter in self.settings.outpainters.items()
            if outpainter.kind in REQUESTABLE
        }

    @property
    def is_described(self) -> bool:
        """Whether the profile's segmenter reads what a text says the subject is."""
        return isinstance(self.settings.segmentation.segmenter, Described)

    def lenders(self) -> list[dict[str, str]]:
        """Return id, artist and title of some paintings that lend their grounds."""
        library = self.store.done(asset_names.GROUND_LIBRARY)
        return library.figures.get("lenders", []) if library is not None else []

    def has_ground(self, key: str) -> bool:
        """Whether a painting lends its ground."""
        library = self.store.done(asset_names.GROUND_LIBRARY)
        return library is not None and key in self.lake.read_json(library.files[1].path)

    def listed(self, key: str) -> Listed:
        """Return a painting of the list.

        Raises:
            UnknownError: There is none of this id.
        """
        row = self.index.rows().get(key)
        if row is None:
            raise UnknownError(f"there is no painting {key!r} on the list")
        return row.listed

    def painting(self, key: str) -> PaintingPage:
        """Read what is known of a painting now."""
        listed = self.listed(key)
        return PaintingPage(self.store, listed, self.outpainters, self.index.folded)

    def located(self, folder: PaintingFolder, key: str) -> str:
        """Return the lake path of a painting's file in a folder that people fill."""
        return folder.located(self.lake, key, self.index.folded)

    def picture_path(self, listed: Listed, picture: str) -> str:
        """Return the lake path of one of a painting's pictures.

        Raises:
            UnknownError: The pipeline makes no such picture.
        """
        if picture == ORIGINAL:
            return listed.path
        found = _CANDIDATE.fullmatch(picture)
        if found is None or found["asset"] not in self._pictured:
            raise UnknownError(f"there is no picture {picture!r}")
        if not found["number"]:
            return asset_names.output_path(found["asset"], listed.id)
        record = self.store.done(found["asset"], listed.id)
        candidates = results_of(record) if record is not None else []
        if int(found["number"]) >= len(candidates):
            raise UnknownError(f"there is no picture {picture!r} of {listed.id}")
        return candidates[int(found["number"])].path

    def seen_by_sensor(self, sensor: str, path: str) -> bool:
        """Whether a sensor on a folder has triggered for a file as it is now, or for its removal.

        A sensor keeps the stamps of its folder's files in the lake.
        """
        now, name = self.lake.stamp(path), path.rsplit("/", 1)[1]
        kept = self.lake.stamps(f"automation/{sensor}")
        seen = (self.lake.read_json(f"automation/{sensor}/{each}") for each in kept)
        return any(stamps.get(name) == now for stamps in seen)

    def render(self, template: str, **content: Any) -> str:
        """Return a page."""
        shared = {
            "root": "/",
            "home": "/",
            "places": {"wall": ("/", "Paintings"), "inbox": ("/inbox", "Inbox")},
            "csrf": self.csrf,
            "read_only": self.options.read_only,
            "dagster": self.options.dagster,
            "outpainters": self.outpainters,
        }
        return templates().get_template(template).render(**shared, **content)

    @cached_property
    def _pictured(self) -> set[str]:
        return {
            asset_names.PREDICTED_MASKS,
            asset_names.SUBJECT_MASKS,
            asset_names.UNFINISHED_PAINTINGS,
            *map(asset_names.outpaintings, self.outpainters),
            *map(asset_names.upscaled, self.outpainters),
        }
