"""The paintings and how each stands, in memory, renewed from the lake.

What the wall makes of them is in `rows`; what one painting's page shows is in `painting`.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache, partial
from pathlib import Path

from deepart_assets import asset_names
from deepart_assets.curation import CHOICES, MADE_AGAIN, NEW_SINCE_REJECTED, REQUESTS
from deepart_assets.desk.listed import Listed, read_list
from deepart_assets.desk.painting import PaintingPage
from deepart_assets.desk.rows import (
    Outcome,
    Query,
    Row,
    found_by,
    made_in_order,
    statuses_of,
)
from deepart_assets.names import name_key
from deepart_assets.storage import MaterializationStore, RecordIndex
from deepart_assets.storage.local_files import SETTLED_NS
from deepart_assets.wikiart.painting_folder import MASKS, TEXTS, by_folded_id

REFRESH_SECONDS = 3.0
"""The lake is looked at at most this often."""

SLOW_SECONDS = 0.5
"""A visitor waits for a look that takes less."""


class PaintingIndex:
    """The rows of all paintings, renewed from the lake when something in it has changed.

    Args:
        store: The records of the lake.
        outpainters: The names of the profile's outpainters.
        save: Whether `RecordIndex` may write its caches.
    """

    def __init__(
        self, store: MaterializationStore, outpainters: Iterable[str], *, save: bool = True
    ) -> None:
        self._store, self._save = store, save
        self._outpainters = list(outpainters)
        stages = asset_names.painting_stages(self._outpainters)
        self._assets = [each for each in stages if each != asset_names.RESTORATION_SHEETS]
        self._lock = threading.Lock()
        self._outcomes: dict[str, dict[str, Outcome]] = {}
        self._list_stamp: str | None = None
        self._listed: dict[str, Listed] = {}
        self.folded: dict[str, str] = {}
        """The paintings' ids by themselves without case."""
        self._files: dict[str, str] = {}
        self._decided: set[str] = set()
        self._suspects: set[str] = set()
        """Paintings whose original was replaced, or a curator's file removed, since the first look:
        their records are in order, though they may be out of date."""
        self._rows: dict[str, Row] = {}
        self._folders: dict[str, int] = {}
        self._looked = -math.inf
        self._seconds = 0.0

    def rows(self) -> Mapping[str, Row]:
        """Return the rows by painting id, in the list's order.

        Where looking at the lake takes long, the rows are those of the last look, and a new one
        begins.
        """
        if time.monotonic() - self._looked >= REFRESH_SECONDS:
            if self._seconds > SLOW_SECONDS:
                if not self._lock.locked():
                    threading.Thread(target=self.refresh, daemon=True).start()
            else:
                self.refresh()
        return self._rows

    def refresh(self, *, at_once: bool = False) -> None:
        """Look at the lake; not again within `REFRESH_SECONDS`, unless `at_once`."""
        with self._lock:
            begun = time.monotonic()
            if at_once or begun - self._looked >= REFRESH_SECONDS:
                self._refresh()
                self._looked = time.monotonic()
                self._seconds = self._looked - begun

    def find(self, query: Query, kept: str = "") -> list[Row]:
        """Return the rows that a query asks for, in its order.

        Args:
            query: What is asked for.
            kept: The id of a painting that is among them in any case.
        """
        return found_by(query, self.rows().values(), kept)

    def outcomes(self, key: str) -> dict[str, Outcome]:
        """Return what is known of a painting's outputs, by asset, in the pipeline's order."""
        return {
            asset: outcome
            for asset in self._assets
            if (outcome := self._outcomes[asset].get(key)) is not None
        }

    def counts(self) -> dict[str, Counter[str]]:
        """Return how many paintings have each style, artist and status."""
        rows = self.rows().values()
        return {
            "style": Counter(row.listed.style for row in rows if row.listed.style),
            "artist": Counter(row.listed.artist for row in rows if row.listed.artist),
            "status": Counter(status for row in rows for status in row.statuses),
        }

    def _refresh(self) -> None:
        stamp = self._store.lake.stamp(f"records/{asset_names.STYLED_PAINTINGS}/_whole.json")
        is_other_list = stamp != self._list_stamp or stamp is None
        if is_other_list:
            before, self._listed = self._listed, read_list(self._store)
            both = before.keys() & self._listed.keys()
            self._suspects |= {k for k in both if before[k].sha256 != self._listed[k].sha256}
            self.folded = by_folded_id(self._listed)
            self._list_stamp = stamp
        changed = set[str]().union(*map(self._read, self._assets))
        old, self._files = self._files, self._curators_files()
        self._suspects |= self._about(old.keys() - self._files.keys())
        if is_other_list or old != self._files:
            self._decided = self._about(self._files)
            changed |= self._about(name for name, _ in old.items() ^ self._files.items())
        if is_other_list:
            self._rows = {key: self._row(listed) for key, listed in self._listed.items()}
        elif renewed := changed & self._listed.keys():  # a copy: others may read the old rows
            self._rows = {**self._rows, **{key: self._row(self._listed[key]) for key in renewed}}

    def _about(self, paths: Iterable[str]) -> set[str]:
        """Return the paintings that curators' files are about (`PaintingFolder.key_of`)."""
        found = set()
        for path in paths:
            folder, _, name = path.rpartition("/")
            if folder == MASKS.folder:
                found.add(MASKS.key_of(name, self.folded) or TEXTS.key_of(name, self.folded) or "")
            else:
                found.add(name.rpartition(".")[0])
        return found

    def _curators_files(self) -> dict[str, str]:
        """Return the stamps of the files that people have added, by path."""
        folders = [MASKS.folder, CHOICES, *(f"{REQUESTS}/{name}" for name in self._outpainters)]
        return {
            f"{folder}/{name}": stamp
            for folder in folders
            for name, stamp in self._store.lake.stamps(folder).items()
        }

    def _read(self, asset: str) -> set[str]:
        """Renew the outcomes of an asset; return the keys whose record has changed."""
        if asset not in self._outcomes:
            index = RecordIndex(self._store, asset, save=self._save)
            self._outcomes[asset] = {
                key: Outcome.of(stamp, record) for key, stamp, record in index.items()
            }
            return set(self._outcomes[asset])
        known = self._outcomes[asset]
        if not self._has_changed(f"records/{asset}"):
            return set()
        stamps = {
            name.removesuffix(".json"): stamp
            for name, stamp in self._store.lake.stamps(f"records/{asset}").items()
        }
        changed = {key for key in known if key not in stamps}
        for key in changed:
            del known[key]
        for key, stamp in stamps.items():
            if key not in known or known[key].stamp != stamp:
                changed.add(key)
                if (record := self._store.get(asset, key)) is not None:
                    known[key] = Outcome.of(stamp, record)
        return changed

    def _has_changed(self, folder: str) -> bool:
        """Whether files may have been written or removed since the last look; a bucket cannot say.

        Every write is a rename, which changes the folder's own time.
        """
        if not self._store.lake.is_local:
            return True
        try:
            changed = Path(self._store.lake.full_path(folder)).stat().st_mtime_ns
        except FileNotFoundError:
            changed = 0
        before = self._folders.get(folder)
        settled = time.time_ns() - changed > SETTLED_NS
        self._folders[folder] = changed if settled else -1
        return before != changed

    def _row(self, listed: Listed) -> Row:
        found = self.outcomes(listed.id)
        statuses, reason = statuses_of(found, len(self._assets))
        # Most paintings need none.
        page = cache(partial(PaintingPage, self._store, listed, self._outpainters, self.folded))
        may_be_stale = listed.id in self._decided or listed.id in self._suspects
        if statuses[0] != "being_made" and (may_be_stale or not made_in_order(found)):
            first = next((e for e in page().stages if e.is_stale or e.state == "failed"), None)
            if first is not None and first.is_stale:
                statuses = ("stale", *(each for each in statuses if each == "doubtful"))
                reason = f"{first.heading}: {first.reason}"
        if listed.id in self._decided:
            choice = page().choice
            is_made_again = page().is_made_again
            if is_made_again and choice.decision == "rejected":
                reason = reason or NEW_SINCE_REJECTED
            elif is_made_again and choice.decision == "accepted":
                if "restored" in statuses:
                    statuses = ("stale", *(each for each in statuses if each == "doubtful"))
                    reason = MADE_AGAIN
            elif choice.decision != "open":
                statuses = (*statuses, choice.decision)
                if statuses[0] == "restored":
                    statuses, reason = (choice.decision, *statuses[:-1]), choice.note
        picture = ("original", listed.sha256[:16])
        for asset in map(asset_names.outpaintings, self._outpainters):
            if asset in found and found[asset].status == "done":
                picture = (asset, found[asset].version)
                break
        return Row(
            listed,
            statuses,
            reason,
            max((each.made_at for each in found.values()), default=""),
            picture,
            name_key(f"{listed.title} {listed.artist} {listed.date} {listed.id}"),
        )
