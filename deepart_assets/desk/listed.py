"""The paintings to restore, as the desk reads them from `styled_paintings`."""

import sys
from typing import NamedTuple

from deepart_assets import asset_names
from deepart_assets.storage import MaterializationStore


class Listed(NamedTuple):
    """A painting as `styled_paintings` lists it."""

    id: str
    path: str
    """The lake path of the original."""
    sha256: str
    width: int
    height: int
    artist: str
    title: str
    style: str
    genre: str
    date: str

    @property
    def caption(self) -> str:
        """Artist, title and date in one line."""
        return ", ".join(filter(None, (self.artist, self.title, self.date))) or self.id


def read_list(store: MaterializationStore) -> dict[str, Listed]:
    """Return the paintings by id as `styled_paintings` lists them; none before it was made."""
    from deepart_assets.wikiart.catalogue import from_parquet

    record = store.done(asset_names.STYLED_PAINTINGS)
    if record is None:
        return {}
    table = from_parquet(store.lake.read(record.path))[list(Listed._fields)]
    return {
        str(key): Listed(
            str(key),
            str(path),
            str(sha256),
            int(width),
            int(height),
            *(sys.intern(str(word or "")) for word in words),
        )
        for key, path, sha256, width, height, *words in table.itertuples(index=False, name=None)
    }
