"""The lake's copies of the original pictures."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from deepart_assets.progress import Progress
from deepart_assets.storage import Lake, sha256_of
from deepart_assets.wikiart.catalogue import Build, read_cache, to_parquet, without
from deepart_assets.wikiart.naming import WIKIART, Shelf, shown
from deepart_assets.work import Saver, in_parallel

if TYPE_CHECKING:
    import pandas


def lost_copies(catalogue: "pandas.DataFrame", lake: Lake, shelf: Shelf = WIKIART) -> list[str]:
    """Return the files of "ok" rows of which the lake has no copy that is known to be right.

    Costs one listing of the lake's folder; no picture is read.
    """
    right = _right(lake, shelf)
    kept = catalogue.loc[catalogue["status"] == "ok", ["file", "sha256"]]
    pairs = zip(kept["file"], kept["sha256"], strict=True)
    return [file for file, sha256 in pairs if right.get(file) != sha256]


def copy_originals(
    build: Build,
    lake: Lake,
    tell: Callable[[str], object] = lambda message: None,
    shelf: Shelf = WIKIART,
) -> tuple[Build, int]:
    """Copy the original bytes of each "ok" picture to `<folder>/<file>` of the shelf.

    A copy that is as it was left is not read again; one that was removed, cut off or altered is
    made anew. What is done is saved now and then, so that a killed run does not do it twice.

    Returns:
        The build, in which a picture that cannot be read any more, or that changed after it was
        looked at, is quarantined; and how many copies were written.
    """
    listed = lake.stamps(shelf.folder)
    right = _right(lake, shelf, listed)
    kept = build.catalogue.loc[build.catalogue["status"] == "ok", ["file", "sha256"]]
    items = list(zip(kept.index.tolist(), kept["file"], kept["sha256"], strict=True))
    due = [item for item in items if right.get(item[1]) != item[2]]

    def copy(item: tuple[int, str, str]) -> tuple[str | None, bool, str]:
        """Return the stamp of the right copy, whether it was written, and what hindered it."""
        row, file, sha256 = item
        path = f"{shelf.folder}/{file}"
        if file in listed and _has_hash(lake, path, sha256):
            return listed[file], False, ""
        picture = build.pictures[row]
        name = shown(picture.path)
        try:
            data = picture.read()
        except Exception as error:  # beside OSError what archives and buckets raise
            return None, False, f"{name} cannot be read any more ({error}): check the source"
        if sha256_of(data) != sha256:
            return None, False, f"{name} changed meanwhile: materialize {shelf.folder} again"
        lake.write(path, data)
        return lake.stamp(path), True, ""

    written, refused = 0, {}
    done = {file: (listed[file], sha256) for _, file, sha256 in items if right.get(file) == sha256}
    progress = Progress(f"{shelf.folder}: copies", len(done), len(items), tell)
    saver = Saver(lambda: _save(lake, shelf, done))
    begun = len(done)
    results = in_parallel(copy, due)
    try:
        for number, (row, file, sha256) in enumerate(due, 1):
            stamp, is_new, reason = next(results)
            written += is_new
            if reason:
                refused[row] = reason
            elif stamp is not None:
                done[file] = stamp, sha256
            progress.update(begun + number)
            saver.now_and_then()
    finally:
        results.close()
        if due or begun != len(right):
            saver.now()
    return without(build, refused), written


def _has_hash(lake: Lake, path: str, sha256: str) -> bool:
    try:
        return sha256_of(lake.read(path)) == sha256
    except OSError:  # removed since, or not to be read: it is replaced
        return False


def _right(lake: Lake, shelf: Shelf, listed: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the hash of each copy that is as it was when it had that hash, by file."""
    listed = lake.stamps(shelf.folder) if listed is None else listed
    known = read_cache(lake, shelf.copies)
    if known is None:
        return {}
    rows = zip(known["file"], known["stamp"], known["sha256"], strict=True)
    return {file: sha256 for file, stamp, sha256 in rows if listed.get(file) == stamp}


def _save(lake: Lake, shelf: Shelf, done: Mapping[str, tuple[str, str]]) -> None:
    import pandas as pd

    rows = [(file, *state) for file, state in done.items()]
    lake.write(shelf.copies, to_parquet(pd.DataFrame(rows, columns=["file", "stamp", "sha256"])))
