"""Inspects pictures: each is read once and decoded once."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

from deepart_assets.errors import PaintingError, first_line
from deepart_assets.imaging import PictureFile, hash_to_hex, perceptual_hash
from deepart_assets.progress import Progress
from deepart_assets.storage import sha256_of
from deepart_assets.storage.stamped_cache import CacheEntry, StampedCache
from deepart_assets.wikiart.naming import shown
from deepart_assets.wikiart.sources import Picture, Source
from deepart_assets.work import MemoryBudget, in_parallel

INSPECTION_VERSION = "4"
"""Increase it when inspecting the same bytes gives another result, to drop cached inspections."""

MIN_SIDE = 16
"""Smallest side of a painting in pixels; smaller pictures are icons or spacers."""

PIXELS_AT_A_TIME = 100_000_000
"""Pixels decoded at a time, at 4 to 20 bytes each; a larger picture is decoded alone."""

_HASH_SIDE = 64
"""Side in pixels that pictures are reduced to before hashing: a multiple of the hash's 32."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result for one picture. Without a `sha256` the picture was not read."""

    sha256: str = ""
    phash: str = ""
    width: int = 0
    height: int = 0
    reason: str = ""
    """Why the picture cannot be used; "" if it can."""
    colour: str = ""
    """The colour space that it was taken to be in, and by what."""
    warning: str = ""
    """What was taken for granted and may be wrong."""


def inspect_all(
    sources: Sequence[Source],
    refused: Sequence[str],
    cache: StampedCache,
    *,
    report: Callable[[str], object],
    name: str,
) -> tuple[list[Inspection], int]:
    """Inspect every picture that has no current inspection in the cache.

    Args:
        sources: The sources.
        refused: For each picture the reason not to inspect it, or "".
        cache: Earlier inspections by `source/path`. New ones are added, even if an exception is
            raised; those of files that no longer exist are dropped.
        report: Receives a progress line every few seconds.
        name: The start of these lines.

    Returns:
        An inspection for each picture, and the number of pictures decoded now.
    """
    items = [(f"{source.name}/{p.path}", p) for source in sources for p in source.pictures]
    for source in sources:
        prefix = f"{source.name}/"
        cache.retain((prefix + picture.path for picture in source.pictures), prefix)
    found = [
        Inspection(reason=reason) if reason else _cached(cache.unchanged(key, picture.stamp))
        for (key, picture), reason in zip(items, refused, strict=True)
    ]
    due = [number for number, inspection in enumerate(found) if inspection is None]
    done, decoded = len(items) - len(due), 0
    bad = sum(bool(inspection.reason) for inspection in found if inspection is not None)
    budget = MemoryBudget(PIXELS_AT_A_TIME)
    progress = Progress(name, done, len(items), report)
    inspections = in_parallel(lambda number: _inspect(*items[number], cache, budget), due)
    with cache, contextlib.closing(inspections):
        for number, (inspection, was_decoded) in zip(due, inspections, strict=True):
            key, picture = items[number]
            found[number] = inspection
            if inspection.sha256:
                _, *value = astuple(inspection)
                cache.put(key, picture.stamp, inspection.sha256, value)
            decoded += was_decoded
            done, bad = done + 1, bad + bool(inspection.reason)
            progress.update(done, f", {bad} quarantined")
    return [inspection for inspection in found if inspection is not None], decoded


def _cached(entry: CacheEntry | None) -> Inspection | None:
    return None if entry is None else Inspection(entry.sha256, *entry.value)


def _inspect(
    key: str, picture: Picture, cache: StampedCache, budget: MemoryBudget
) -> tuple[Inspection, bool]:
    """Read a picture, and decode it unless the cache has an inspection of the same bytes.

    Returns:
        The inspection, and whether the picture was decoded. An inspection without a hash must not
        be cached: the file could not be read, did not fit into memory, or met a fault of ours.
    """
    name = shown(picture.path)
    try:
        data = picture.read()
    except Exception as error:  # archives and buckets raise more than OSError
        reason = f"{name} cannot be read ({first_line(error)}): check the source"
        return Inspection(reason=reason), False
    sha256 = sha256_of(data)
    own = _cached(cache.get(key))
    if own is not None and own.sha256 == sha256:
        return own, False
    same = _cached(cache.with_content(sha256))
    if same is not None and not same.reason:  # a reason names the other file
        return same, False
    try:
        file = PictureFile(data, name)
        with budget.reserve(file.pixels):
            seen = file.reduced(_HASH_SIDE)
    except PaintingError as error:
        return Inspection(sha256, reason=str(error)), True
    except Exception as error:  # one picture must not keep the others from being catalogued
        fault = f"cannot be decoded ({first_line(error)}): replace it, and report the fault"
        if isinstance(error, MemoryError):  # without a hash it is tried again
            sha256, fault = "", "does not fit into memory: free some"
        return Inspection(sha256, reason=f"{name} {fault}"), True
    reason = ""
    if min(seen.width, seen.height) < MIN_SIDE:
        shown_size = f"{seen.width}×{seen.height} pixels"
        reason = f"{name} has {shown_size}, fewer than {MIN_SIDE} on a side: remove or replace it"
    elif seen.is_transparent:
        reason = f"{name} is wholly transparent, it shows nothing: remove or replace it"
    phash = hash_to_hex(perceptual_hash(seen.picture))
    size = seen.width, seen.height
    return Inspection(sha256, phash, *size, reason, file.colour, "; ".join(file.warnings)), True
