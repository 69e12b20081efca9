"""What was made of paintings that are not on the list any more: kept aside, and brought back.

Belongs here: moving records and files out of the way and back. Does not belong here: which
paintings are on the list.

What is brought back is up to date as far as its recipe still says so: a painting that leaves the
list and returns costs nothing.
"""

from collections.abc import Iterable, Sequence

from deepart_assets.storage.ledger import Ledger

ASIDE = "withdrawn"
"""The lake's folder; in it everything has the path that it had."""


def set_aside(ledger: Ledger, assets: Sequence[str], listed: Iterable[str]) -> list[str]:
    """Move away the outputs of paintings that are not listed; return their keys, sorted.

    A record goes after its files: a process that is killed leaves work that the next call ends.
    """
    known, moved = set(listed), set()
    for asset in assets:
        for key in ledger.keys(asset):
            if key not in known:
                _move(ledger, asset, key, away=True)
                moved.add(key)
    return sorted(moved)


def bring_back(ledger: Ledger, assets: Sequence[str], keys: Iterable[str]) -> list[str]:
    """Move back what was set aside of some paintings and was not made anew; return their keys."""
    aside, wanted, moved = _aside(ledger), set(keys), set()
    for asset in assets:
        here = set(ledger.keys(asset))
        for key in aside.keys(asset):
            if key in wanted and key not in here:
                _move(ledger, asset, key, away=False)
                moved.add(key)
    return sorted(moved)


def _aside(ledger: Ledger) -> Ledger:
    return Ledger(ledger.lake.within(ASIDE))


def _move(ledger: Ledger, asset: str, key: str, *, away: bool) -> None:
    aside = _aside(ledger)
    source, target = (ledger, aside) if away else (aside, ledger)
    record = source.get(asset, key)
    if record is None:
        return
    for file in record.files:
        paths = (file.path, f"{ASIDE}/{file.path}")
        ledger.lake.move(*(paths if away else reversed(paths)))
    target.put(record)
    source.remove(asset, key)
