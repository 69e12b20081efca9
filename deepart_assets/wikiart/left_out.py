"""Which files are left out of a restoration: file, why, and what to do."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from deepart_assets import asset_names
from deepart_assets.storage import MaterializationStore
from deepart_assets.wikiart.catalogue import quarantined
from deepart_assets.wikiart.naming import INBOX, WIKIART, shown
from deepart_assets.wikiart.painting_folder import MASKS, TEXTS


def split_remedy(text: str) -> tuple[str, str]:
    """Split a text such as "it is a PDF file: export it" into reason and remedy ("": none)."""
    mark = max(": ", ". ", key=text.rfind)
    reason, _, remedy = text.rpartition(mark)
    return (reason, remedy) if reason else (text, "")


class LeftOut(NamedTuple):
    """A file that is not used."""

    file: str
    reason: str
    remedy: str

    @classmethod
    def of(cls, file: str, text: str) -> "LeftOut":
        """Split a text such as "a.pdf is a PDF file: export it" into reason and remedy."""
        text = text.removeprefix(file.rsplit("/", 1)[-1]).strip()
        return cls(file, *split_remedy(text))


def left_out_files(store: MaterializationStore, paintings: Collection[str]) -> list[LeftOut]:
    """Return what the last runs left out of inbox, sources and the masks folder, sorted by file.

    Paintings that are on the list and not restored are not among them.
    """
    return sorted({*_files(store), *_doubles(store), *_masks(store, paintings)})


def _files(store: MaterializationStore) -> Iterator[LeftOut]:
    for source, file, reason in quarantined(store.lake):
        yield LeftOut(f"{source}/{file}", *split_remedy(reason.removeprefix(file).strip()))
    for collection in (INBOX, WIKIART):
        record = store.done(collection.folder)
        for row in (record.figures.get("ignored") or []) if record is not None else []:
            yield LeftOut.of(row["file"], row.get("reason", "is no picture"))


def _doubles(store: MaterializationStore) -> Iterator[LeftOut]:
    """Yield the paintings that gave way to another one, of the inbox or of WikiArt."""
    record = store.done(asset_names.STYLED_PAINTINGS)
    for row in (record.figures.get("gave_way") or []) if record is not None else []:
        file = row["file"].replace(f"{INBOX.folder}/", "inbox/", 1)
        yield LeftOut(file, row["reason"], "remove one of the two; the other one is restored")


def _masks(store: MaterializationStore, paintings: Collection[str]) -> Iterator[LeftOut]:
    for folder in (MASKS, TEXTS):
        for name, reason in folder.strays(store.lake, set(paintings)).items():
            yield LeftOut.of(f"{folder.folder}/{shown(name)}", reason)
