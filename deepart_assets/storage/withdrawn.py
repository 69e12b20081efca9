"""Sets the outputs of delisted paintings aside, and brings them back when they return.

An output that is brought back is fresh if its provenance is unchanged. Planned moves are written
down first (`MOVING`), so that the next call, of either kind, completes an interrupted one.
"""

from collections.abc import Iterable, Sequence

from deepart_assets.storage.materialization_store import MaterializationStore

ASIDE = "withdrawn"
"""The lake's folder; in it everything has the path that it had."""
MOVING = f"{ASIDE}/moving.json"
"""What is on its way: `{"away": true or false, "outputs": [[asset, key], …]}`; else not there."""


def set_aside(
    store: MaterializationStore, assets: Sequence[str], listed: Iterable[str]
) -> list[str]:
    """Move away the outputs of paintings that are not listed; return their keys, sorted."""
    known = set(listed)
    with store.lake.lock(MOVING):
        _end_what_was_begun(store)
        found = [(asset, key) for asset in assets for key in store.keys(asset) if key not in known]
        return _move_all(store, found, away=True)


def bring_back(
    store: MaterializationStore, assets: Sequence[str], keys: Iterable[str]
) -> list[str]:
    """Move back what was set aside of some paintings and was not made anew; return their keys."""
    wanted = set(keys)
    with store.lake.lock(MOVING):
        _end_what_was_begun(store)
        aside, found = _aside(store), []
        for asset in assets:
            aside.sweep(asset)
            back = wanted.intersection(aside.keys(asset)).difference(store.keys(asset))
            found += [(asset, key) for key in sorted(back)]
        return _move_all(store, found, away=False)


def _aside(store: MaterializationStore) -> MaterializationStore:
    return MaterializationStore(store.lake.within(ASIDE))


def _end_what_was_begun(store: MaterializationStore) -> None:
    store.lake.sweep(ASIDE)
    try:
        begun = store.lake.read_json(MOVING)
    except FileNotFoundError:
        return
    _move_all(store, [(asset, key) for asset, key in begun["outputs"]], away=begun["away"])


def _move_all(
    store: MaterializationStore, outputs: Sequence[tuple[str, str]], *, away: bool
) -> list[str]:
    """Move outputs, or what is left of them to move; return their keys, sorted."""
    if outputs:
        store.lake.write_json(MOVING, {"away": away, "outputs": outputs})
    for asset, key in outputs:
        _move(store, asset, key, away=away)
    store.lake.remove(MOVING)
    return sorted({key for _, key in outputs})


def _move(store: MaterializationStore, asset: str, key: str, *, away: bool) -> None:
    """Move one output: its files, then its record, so that no record tells of what is not there."""
    aside = _aside(store)
    source, target = (store, aside) if away else (aside, store)
    record = source.get(asset, key)
    if record is None:  # it has been moved
        return
    earlier = target.get(asset, key)
    if earlier is not None and earlier != record:
        if not away:  # made anew meanwhile
            return
        for path in {file.path for file in earlier.files} - {file.path for file in record.files}:
            target.lake.remove(path)
    for file in record.files:
        paths = (file.path, f"{ASIDE}/{file.path}")
        store.lake.move(*(paths if away else reversed(paths)))
    target.put(record)
    source.remove(asset, key)
