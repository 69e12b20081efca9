"""Copies the original pictures to the lake."""

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from deepart_assets.errors import first_line
from deepart_assets.progress import Progress
from deepart_assets.storage import Lake, sha256_of
from deepart_assets.storage.stamped_cache import StampedCache
from deepart_assets.wikiart.catalogue import Build, without
from deepart_assets.wikiart.naming import WIKIART, Collection, shown
from deepart_assets.work import in_parallel

if TYPE_CHECKING:
    import pandas


def lost_copies(
    catalogue: "pandas.DataFrame", lake: Lake, collection: Collection = WIKIART
) -> list[str]:
    """Return the files of "ok" rows without a copy in the lake that is known to be intact.

    This lists the lake's folder once and reads no picture.
    """
    cache = StampedCache(lake, collection.copies)
    listed = lake.stamps(collection.folder)
    kept = catalogue.loc[catalogue["status"] == "ok", ["file", "sha256"]]
    pairs = zip(kept["file"], kept["sha256"], strict=True)
    return [file for file, sha256 in pairs if not _is_intact(cache, listed, file, sha256)]


def copy_originals(
    build: Build,
    lake: Lake,
    report: Callable[[str], object] = lambda message: None,
    collection: Collection = WIKIART,
) -> tuple[Build, int]:
    """Copy the original bytes of each "ok" picture to `<folder>/<file>` of the collection.

    Unchanged copies are not read again; a copy that was removed, truncated or altered is replaced.
    A killed run resumes.

    Returns:
        The build, in which a picture that can no longer be read, or has changed since it was
        inspected, is quarantined; and the number of copies written.
    """
    listed = lake.stamps(collection.folder)
    cache = StampedCache(lake, collection.copies)
    kept = build.catalogue.loc[build.catalogue["status"] == "ok", ["file", "sha256"]]
    cache.retain(kept["file"])
    items = list(zip(kept.index.tolist(), kept["file"], kept["sha256"], strict=True))
    due = [item for item in items if not _is_intact(cache, listed, item[1], item[2])]

    def copy(item: tuple[int, str, str]) -> tuple[str | None, bool, str]:
        """Return the stamp of the intact copy, whether it is new, and why there is none."""
        row, file, sha256 = item
        path = f"{collection.folder}/{file}"
        if file in listed and _has_hash(lake, path, sha256):
            return listed[file], False, ""
        picture = build.pictures[row]
        name = shown(picture.path)
        try:
            data = picture.read()
        except Exception as error:  # archives and buckets raise more than OSError
            fault = first_line(error)
            return None, False, f"{name} cannot be read any more ({fault}): check the source"
        if sha256_of(data) != sha256:
            fault = f"{name} changed during the run: materialize {collection.folder} again"
            return None, False, fault
        lake.write(path, data)
        return lake.stamp(path), True, ""

    written, refused = 0, {}
    begun = len(items) - len(due)
    progress = Progress(f"{collection.folder}: copies", begun, len(items), report)
    results = in_parallel(copy, due)
    with cache, contextlib.closing(results):
        for number, (row, file, sha256) in enumerate(due, 1):
            stamp, is_new, reason = next(results)
            written += is_new
            if reason:
                refused[row] = reason
            elif stamp is not None:
                cache.put(file, stamp, sha256)
            progress.update(begun + number)
    return without(build, refused), written


def _is_intact(cache: StampedCache, listed: Mapping[str, str], file: str, sha256: str) -> bool:
    entry = cache.unchanged(file, listed.get(file))
    return entry is not None and entry.sha256 == sha256


def _has_hash(lake: Lake, path: str, sha256: str) -> bool:
    try:
        return sha256_of(lake.read(path)) == sha256
    except OSError:  # removed meanwhile, or unreadable: will be replaced
        return False
