"""What was made of paintings that are not on the list any more: kept aside, and brought back.

Belongs here: moving records and files out of the way and back. Does not belong here: which
paintings are on the list.

What is brought back is up to date as far as its recipe still says so: a painting that leaves the
list and returns costs nothing.

What is about to be moved is written down before (`MOVING`), so that a call that was cut off, killed
say, is ended by the next one, whichever of the two it is.
"""

from collections.abc import Iterable, Sequence

from deepart_assets.storage.ledger import Ledger

ASIDE = "withdrawn"
"""The lake's folder; in it everything has the path that it had."""
MOVING = f"{ASIDE}/moving.json"
"""What is on its way: `{"away": true or false, "outputs": [[asset, key], …]}`; else not there."""


def set_aside(ledger: Ledger, assets: Sequence[str], listed: Iterable[str]) -> list[str]:
    """Move away the outputs of paintings that are not listed; return their keys, sorted."""
    known = set(listed)
    with ledger.lake.turn(MOVING):
        _end_what_was_begun(ledger)
        found = [(asset, key) for asset in assets for key in ledger.keys(asset) if key not in known]
        return _move_all(ledger, found, away=True)


def bring_back(ledger: Ledger, assets: Sequence[str], keys: Iterable[str]) -> list[str]:
    """Move back what was set aside of some paintings and was not made anew; return their keys."""
    wanted = set(keys)
    with ledger.lake.turn(MOVING):
        _end_what_was_begun(ledger)
        aside, found = _aside(ledger), []
        for asset in assets:
            aside.sweep(asset)
            back = wanted.intersection(aside.keys(asset)).difference(ledger.keys(asset))
            found += [(asset, key) for key in sorted(back)]
        return _move_all(ledger, found, away=False)


def _aside(ledger: Ledger) -> Ledger:
    return Ledger(ledger.lake.within(ASIDE))


def _end_what_was_begun(ledger: Ledger) -> None:
    ledger.lake.sweep(ASIDE)
    try:
        begun = ledger.lake.read_json(MOVING)
    except FileNotFoundError:
        return
    _move_all(ledger, [(asset, key) for asset, key in begun["outputs"]], away=begun["away"])


def _move_all(ledger: Ledger, outputs: Sequence[tuple[str, str]], *, away: bool) -> list[str]:
    """Move outputs, or what is left of them to move; return their keys, sorted."""
    if outputs:
        ledger.lake.write_json(MOVING, {"away": away, "outputs": outputs})
    for asset, key in outputs:
        _move(ledger, asset, key, away=away)
    ledger.lake.remove(MOVING)
    return sorted({key for _, key in outputs})


def _move(ledger: Ledger, asset: str, key: str, *, away: bool) -> None:
    """Move one output: its files, then its record, so that no record tells of what is not there."""
    aside = _aside(ledger)
    source, target = (ledger, aside) if away else (aside, ledger)
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
        ledger.lake.move(*(paths if away else reversed(paths)))
    target.put(record)
    source.remove(asset, key)
