"""What the functions in `assets` work with: settings, the lake, upstream results, paintings."""

import contextlib
import itertools
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from deepart_assets.asset_names import STYLED_PAINTINGS
from deepart_assets.errors import DeepArtError, PaintingError, first_line
from deepart_assets.imaging import decode_rgb, preview_uri
from deepart_assets.imaging import mosaic as mosaic_of
from deepart_assets.settings import Settings
from deepart_assets.settings.places import cache_folder
from deepart_assets.storage import (
    Lake,
    MaterializationRecord,
    MaterializationStore,
    RecordIndex,
    StageResult,
    sha256_of,
)
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.fetching import fetching
from deepart_assets.wikiart.annotations import OPTIONAL
from deepart_assets.wikiart.naming import WIKIART, shown
from deepart_assets.wikiart.painting_folder import UNREADABLE, CuratorFile


@dataclass(frozen=True)
class StageContext:
    """The settings, the records and the log of one step."""

    settings: Settings
    store: MaterializationStore
    log: logging.Logger
    may_fetch: bool = True
    """Whether models that are not on this machine are fetched; what only looks fetches none."""
    _seen: dict[str, MaterializationRecord] = field(default_factory=dict, repr=False, compare=False)
    _versions: dict[str, dict[str, str]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def lake(self) -> Lake:
        """The data lake."""
        return self.store.lake

    @property
    def downloads(self) -> Downloads:
        """Downloads: kept in the cache folder, their hashes noted in the lake."""
        return Downloads(cache_folder(), self.lake, self.log.info)

    def fetching(self) -> AbstractContextManager[None]:
        """Surround what looks for models: they are fetched or not, and the log hears how far."""
        return fetching(self.may_fetch, self.log.info)

    def upstream(self, asset: str) -> MaterializationRecord:
        """Return the record of an upstream asset of the whole data set; the same one at every call.

        Raises:
            DeepArtError: It was never materialized, or its last attempt failed.
        """
        if asset not in self._seen:
            record = self.store.get(asset)
            if record is None:
                raise DeepArtError(f"{asset} has no result yet: materialize it first")
            if record.status != "done":
                raise DeepArtError(f"{asset} {record.status}: {record.reason}")
            self._seen[asset] = record
        return self._seen[asset]

    def versions(self, asset: str) -> Mapping[str, str]:
        """Return the data version of each painting in an asset, or why there is none.

        By asset and painting; the same ones at every call, as a plan asks for several assets.
        """
        if asset not in self._versions:
            index, found = RecordIndex(self.store, asset), {}
            for key in self.paintings:
                record = index.get(key)
                state = record.data_version if record and record.status == "done" else None
                reason = (record.reason if record else None) or "no result yet"
                found[f"{asset}/{key}"] = state or reason
            self._versions[asset] = found
        return self._versions[asset]

    def read(self, asset: str, file: int = 0) -> bytes:
        """Return the bytes of a file of an upstream asset; the first is the main one."""
        return self.store.read(self.upstream(asset), file)

    def local(self, asset: str) -> Path:
        """Return a local path of an upstream asset's main file; from a bucket, a copy in the cache.

        Raises:
            DeepArtError: As for `upstream`.
        """
        record = self.upstream(asset)
        file = record.files[0]
        if self.lake.is_local:
            return Path(self.lake.full_path(file.path))
        kept = Lake(cache_folder() / "lake")
        if not kept.exists(file.sha256):
            kept.write(file.sha256, self.store.read(record))
        return Path(kept.full_path(file.sha256))

    def original(self, file: str) -> NDArray[np.uint8]:
        """Decode the lake's copy of an original of WikiArt's: RGB uint8, H×W×3.

        Raises:
            PaintingError: It is missing or cannot be decoded.
        """
        return _read_picture(self.lake, f"{WIKIART.folder}/{file}")

    def picture(self, path: str) -> NDArray[np.uint8]:
        """Decode any picture of the lake: RGB uint8, H×W×3.

        Raises:
            PaintingError: It is missing or cannot be decoded.
        """
        return _read_picture(self.lake, path)

    def mosaic(self, paths: Iterable[str]) -> str:
        """Return the first paintings of a set side by side, as a `data:` URI.

        Pictures that cannot be decoded are left out; their own assets report them.
        """
        pictures = []
        for path in itertools.islice(paths, MOSAIC_SIZE):
            with contextlib.suppress(PaintingError):
                pictures.append(self.picture(path))
        return preview_uri(mosaic_of(pictures), 960)

    @cached_property
    def paintings(self) -> dict[str, "Painting"]:
        """The paintings to restore by id, as `styled_paintings` lists them."""
        # Every step of a run asks for them, and there may be a hundred thousand.
        return self.store.parsed(self.upstream(STYLED_PAINTINGS), self._paintings_of)

    def _paintings_of(self, table_file: bytes) -> dict[str, "Painting"]:
        from deepart_assets.wikiart.catalogue import from_parquet

        table = from_parquet(table_file)
        columns = (table[name].tolist() for name in ("id", "path", "sha256", *LABELS))
        optional = [name for name in OPTIONAL if name in table]
        extra = table[optional].to_dict("records") if optional else [{}] * len(table)
        return {
            str(key): Painting(
                id=str(key),
                path=str(path),
                sha256=str(sha256),
                labels={
                    **{name: str(word or "") for name, word in zip(LABELS, words, strict=True)},
                    **{str(name): str(word) for name, word in more.items() if word},
                },
                store=self.store,
            )
            for key, path, sha256, *words, more in zip(*columns, extra, strict=True)
        }


Item = TypeVar("Item")
Result = TypeVar("Result")


def chosen(ids: Iterable[str], count: int, first: Sequence[Iterable[str]] = ()) -> list[str]:
    """Return at most `count` ids: those in the sets of `first`, in turn, then by their hashes.

    A new painting therefore changes little of the choice.
    """
    sets = [set(each) for each in first]

    def place(each: str) -> tuple[list[bool], str]:
        return [each not in group for group in sets], sha256_of(each.encode())

    return sorted(ids, key=place)[:count]


Decode = Callable[[bytes, str], NDArray[np.uint8]]
"""Decodes the bytes of a picture; the second argument is its path, for messages."""

MOSAIC_SIZE = 24
"""Paintings of a mosaic."""

LABELS = ("artist", "title", "style", "genre", "date")
"""The columns of the catalogue that describe a painting in words. A painting also has the labels
of `annotations.OPTIONAL` that its CSV gives it."""


@dataclass(frozen=True)
class Painting:
    """A painting and its upstream results."""

    id: str
    path: str
    """The lake path of the original."""
    sha256: str
    labels: Mapping[str, str]
    store: MaterializationStore
    inputs: Mapping[str, MaterializationRecord] = field(default_factory=dict)
    """The upstream records of this painting, by asset."""
    observed: Mapping[str, CuratorFile] = field(default_factory=dict)
    """Its own file of each observed asset, where there is one."""
    fingerprint: str = ""
    """Of the provenance of the output that is being computed."""

    @cached_property
    def version(self) -> str:
        """The hash of everything the list of paintings says about it."""
        return sha256_of(json.dumps([self.path, self.sha256, self.labels]).encode())

    @property
    def caption(self) -> str:
        """Artist, title and date in one line."""
        parts = [self.labels["artist"], self.labels["title"], self.labels["date"]]
        return ", ".join(part for part in parts if part) or self.id

    @property
    def heading(self) -> str:
        """The id, followed by artist and title where they are known."""
        words = ", ".join(filter(None, (self.labels["artist"], self.labels["title"])))
        return f"{self.id} {words}".rstrip()

    def original(self) -> NDArray[np.uint8]:
        """Decode the original: RGB uint8, H×W×3."""
        return _read_picture(self.store.lake, self.path)

    def observed_file(self, asset: str) -> tuple[bytes, str]:
        """Return the bytes of its own file of an observed asset, and its path for messages.

        Raises:
            PaintingError: It cannot be read, or is no longer the one that was observed.
        """
        path, sha256 = self.observed[asset]
        name = shown(path)
        try:
            data = self.store.lake.read(path)
        except OSError as error:
            if sha256 != UNREADABLE:
                raise
            raise PaintingError(
                f"{name} cannot be read ({first_line(error)}): replace or remove it"
            ) from error
        if sha256_of(data) != sha256:
            raise PaintingError(f"{name} changed during the run: run again")
        return data, name

    def read(self, asset: str, file: int = 0) -> bytes:
        """Return the bytes of what an upstream asset made of this painting."""
        return self.store.read(self.inputs[asset], file)

    def decoded(self, asset: str, decode: Decode = decode_rgb) -> NDArray[np.uint8]:
        """Decode the picture that an upstream asset made of this painting.

        Args:
            asset: One of `inputs`.
            decode: `decode_rgb`, `decode_rgba` or `decode_grey`.

        Raises:
            PaintingError: As for `MaterializationStore.read`, or it cannot be decoded.
        """
        return decode(self.read(asset), self.inputs[asset].path)


def _read_picture(lake: Lake, path: str) -> NDArray[np.uint8]:
    try:
        data = lake.read(path)
    except FileNotFoundError as error:
        asset = path.split("/", 1)[0]
        raise PaintingError(f"{path} is missing from the data lake: materialize {asset}") from error
    return decode_rgb(data, path)


@dataclass(frozen=True)
class StageSpec:
    """What an unpartitioned asset depends on, and how it is made."""

    make: Callable[[], StageResult]
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Content hashes of inputs that are not assets (a source folder, say)."""
    weights: str | None = None


@dataclass(frozen=True)
class BatchedPrediction(Generic[Item, Result]):
    """A prediction of several paintings at once, which is faster.

    Exceptions of `read` and `finish` concern one painting alone. Where `predict` raises, for lack
    of memory for example, each half of the batch is tried again, down to single paintings.
    """

    read: Callable[[Painting], Item]
    """Prepares the network input. Called by several threads."""
    predict: Callable[[Sequence[Item]], Sequence[Result]]
    """Returns one result for each item; how items are batched must not change them."""
    finish: Callable[[Painting, Item, Result], StageResult]
    """Called by several threads."""
    size: int
    """Most items of a batch."""


@dataclass(frozen=True)
class PaintingStageSpec:
    """What a partitioned asset does to one painting, or to several at once.

    `make` may raise SkipPainting; any exception it raises concerns this painting alone. A function
    is called by several threads.
    """

    make: Callable[[Painting], StageResult] | BatchedPrediction[Any, Any]
    details: Callable[[Painting], Mapping[str, Any]] = lambda painting: {}
    """Settings of a single painting, such as its prompt."""
    weights: str | None = None
