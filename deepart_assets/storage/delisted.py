"""Moves the outputs of delisted paintings to a folder of the lake, and back when they are relisted.

Planned moves are journaled (`MOVING`), so the next call of either kind completes an interrupted
one. An output that comes back is fresh if its provenance is unchanged.
"""

from collections.abc import Iterable, Sequence

from deepart_assets.storage.materialization_store import MaterializationStore

ASIDE = "withdrawn"
"""The lake's folder for outputs of delisted paintings, under the same relative paths."""
MOVING = f"{ASIDE}/moving.json"
"""The journal: `{"away": true or false, "outputs": [[asset, key], …]}`; absent when idle."""


def set_aside(
    store: MaterializationStore, assets: Sequence[str], listed: Iterable[str]
) -> list[str]:
    """Move the outputs of paintings that are not in `listed` aside; return their keys, sorted."""
    listed = set(listed)
    with store.lake.lock(MOVING):
        _complete_interrupted(store)
        found = [(asset, key) for asset in assets for key in store.keys(asset) if key not in listed]
        return _move_all(store, found, away=True)


def bring_back(
    store: MaterializationStore, assets: Sequence[str], keys: Iterable[str]
) -> list[str]:
    """Move outputs back, except where a newer output exists; return the keys, sorted."""
    wanted = set(keys)
    with store.lake.lock(MOVING):
        _complete_interrupted(store)
        if not wanted:
            return []
        aside, found = _aside(store), []
        for asset in assets:
            aside.sweep(asset)
            back = wanted.intersection(aside.keys(asset)).difference(store.keys(asset))
            found += [(asset, key) for key in sorted(back)]
        return _move_all(store, found, away=False)


def _aside(store: MaterializationStore) -> MaterializationStore:
    return MaterializationStore(store.lake.within(ASIDE))


def _complete_interrupted(store: MaterializationStore) -> None:
    store.lake.sweep(ASIDE)
    try:
        journal = store.lake.read_json(MOVING)
    except FileNotFoundError:
        return
    _move_all(store, [(asset, key) for asset, key in journal["outputs"]], away=journal["away"])


def _move_all(
    store: MaterializationStore, outputs: Sequence[tuple[str, str]], *, away: bool
) -> list[str]:
    """Move outputs, skipping those already moved; return their keys, sorted."""
    if outputs:
        store.lake.write_json(MOVING, {"away": away, "outputs": outputs})
    for asset, key in outputs:
        _move(store, asset, key, away=away)
    store.lake.remove(MOVING)
    return sorted({key for _, key in outputs})


def _move(store: MaterializationStore, asset: str, key: str, *, away: bool) -> None:
    """Move one output: the files first, so that a record never names missing files."""
    aside = _aside(store)
    source, target = (store, aside) if away else (aside, store)
    record = source.get(asset, key)
    if record is None:  # moved already
        return
    earlier = target.get(asset, key)
    if earlier is not None and earlier != record:
        if not away:  # a newer output exists
            return
        for path in {file.path for file in earlier.files} - {file.path for file in record.files}:
            target.lake.remove(path)
    for file in record.files:
        paths = (file.path, f"{ASIDE}/{file.path}")
        store.lake.move(*(paths if away else reversed(paths)))
    target.put(record)
    source.remove(asset, key)
