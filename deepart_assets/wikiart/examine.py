"""Looking into pictures: each is read once and decoded once."""

from collections.abc import Callable, Sequence

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import PictureFile, hash_to_hex, perceptual_hash
from deepart_assets.progress import Progress
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.looks import Look, Looks
from deepart_assets.wikiart.naming import shown
from deepart_assets.wikiart.sources import Picture, Source
from deepart_assets.work import Room, Saver, in_parallel

MIN_SIDE = 16
"""Smaller side in pixels below which a file is taken for an icon or a spacer, not for a painting:
two blocks of JPEG, of which no style and no subject can be told."""

PIXELS_AT_A_TIME = 100_000_000
"""Pixels being decoded at a time, at up to four bytes; a larger picture is decoded alone."""

_HASH_SIDE = 64
"""Pixels that are averaged to the hash's 32: a multiple, so that it is that of the whole."""


def look_at_all(
    sources: Sequence[Source],
    refused: Sequence[str],
    memory: Looks,
    *,
    save: Callable[[Looks], object],
    tell: Callable[[str], object],
    name: str,
) -> tuple[list[Look], int]:
    """Look at every picture of the sources that memory has no current look at.

    Args:
        sources: The sources.
        refused: For each picture why it is not looked at, or "".
        memory: Looks of earlier builds; it takes the new ones, and drops those at files gone.
        save: Called with the memory now and then, and at the end, if there is anything new.
        tell: Called with a line that says how far the work is every few seconds.
        name: What these lines begin with.

    Returns:
        A look for each picture, and how many pictures were decoded.
    """
    items = [(source.name, picture) for source in sources for picture in source.pictures]
    memory.keep_only({source.name: [p.path for p in source.pictures] for source in sources})
    seen = [
        Look(reason=reason) if reason else memory.unchanged(source, picture.path, picture.stamp)
        for (source, picture), reason in zip(items, refused, strict=True)
    ]
    due = [number for number, look in enumerate(seen) if look is None]
    done, decoded = len(items) - len(due), 0
    bad = sum(bool(look.reason) for look in seen if look is not None)
    room = Room(PIXELS_AT_A_TIME)
    progress = Progress(name, done, len(items), tell)
    saver = Saver(lambda: save(memory))
    results = in_parallel(lambda number: _examine(*items[number], memory, room), due)
    try:
        for number, (look, was_decoded) in zip(due, results, strict=True):
            source, picture = items[number]
            seen[number] = look
            if look.sha256:
                memory.add(source, picture.path, picture.stamp, look)
            decoded += was_decoded
            done, bad = done + 1, bad + bool(look.reason)
            progress.update(done, f", {bad} quarantined")
            saver.now_and_then()
    finally:
        results.close()
        if due:  # also when the work is broken off: what was seen stays seen
            saver.now()
    return [look for look in seen if look is not None], decoded


def _examine(source: str, picture: Picture, memory: Looks, room: Room) -> tuple[Look, bool]:
    """Read a picture and look into it, unless the same bytes were looked at before.

    Returns:
        The look, and whether the picture was decoded. A look without a hash is not to be kept:
        the file could not be read, or did not fit into memory.
    """
    name = shown(picture.path)
    try:
        data = picture.read()
    except Exception as error:
        # Beside OSError what archives and buckets raise; the other pictures must go on.
        fault = str(error) or type(error).__name__
        return Look(reason=f"{name} cannot be read ({fault}): check the source"), False
    sha256 = sha256_of(data)
    look = memory.same_bytes(source, picture.path, sha256)
    if look is not None:
        return look, False
    try:
        file = PictureFile(data, name)
        with room.take(file.pixels):
            seen = file.reduced(_HASH_SIDE)
    except PaintingError as error:
        return Look(sha256, reason=str(error)), True
    except MemoryError:
        return Look(reason=f"{name} does not fit into memory: free some"), True
    reason = ""
    if min(seen.width, seen.height) < MIN_SIDE:
        size = f"{seen.width}×{seen.height} pixels"
        reason = f"{name} has {size}, fewer than {MIN_SIDE} on a side: remove or replace it"
    elif seen.is_transparent:
        reason = f"{name} is wholly transparent, it shows nothing: remove or replace it"
    phash = hash_to_hex(perceptual_hash(seen.picture))
    return Look(sha256, phash, seen.width, seen.height, reason), True
