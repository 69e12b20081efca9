"""One painting: its pictures and how each stage stands; `stages` puts it in words."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from deepart_assets import asset_names
from deepart_assets.curation import (
    CuratorChoice,
    CuratorRequest,
    DecisionT,
    choice_path,
    read_decision,
    request_path,
)
from deepart_assets.desk.listed import Listed
from deepart_assets.desk.stages import StageState
from deepart_assets.errors import PaintingError
from deepart_assets.storage import (
    MaterializationRecord,
    MaterializationStore,
    StoredFile,
    sha256_of,
)
from deepart_assets.storage.stamped_cache import kept_values
from deepart_assets.wikiart.painting_folder import MASKS, TEXTS, UNREADABLE

ORIGINAL = "original"
"""The key of the original among the pictures; the others have the names of their assets."""


@dataclass(frozen=True)
class Picture:
    """A picture of a painting."""

    key: str
    """In addresses: "original", an asset, or an asset and the number of a candidate."""
    caption: str
    path: str
    """In the lake."""
    version: str
    """The first digits of its SHA-256."""
    group: str
    """The outpainter it is from, or ""."""
    credit: str = ""
    """The painting whose ground it has, or ""."""


class PaintingPage:
    """What the desk knows of a painting, read from its records now.

    Args:
        store: The records.
        listed: The painting.
        outpainters: The names of the profile's outpainters.
        folded: All paintings (`by_folded_id`).
    """

    def __init__(
        self,
        store: MaterializationStore,
        listed: Listed,
        outpainters: Iterable[str],
        folded: Mapping[str, str],
    ) -> None:
        self._store, self.listed, self._folded = store, listed, folded
        self._outpainters = list(outpainters)

    @cached_property
    def _observed(self) -> dict[str, tuple[str, str]]:
        """The lake path of each file that people may add, and who reads it, by observed asset.

        The second is the asset whose stage reads the file.
        """
        lake, key, folded = self._store.lake, self.listed.id, self._folded
        mask, text = (each.located(lake, key, folded) for each in (MASKS, TEXTS))
        return {
            asset_names.CURATED_MASKS: (mask, asset_names.SUBJECT_MASKS),
            asset_names.SUBJECT_TEXTS: (text, asset_names.PREDICTED_MASKS),
            asset_names.CURATOR_CHOICES: (choice_path(key), asset_names.CHOSEN_RESTORATIONS),
            **{
                asset_names.requests(name): (
                    request_path(name, key),
                    asset_names.outpaintings(name),
                )
                for name in self._outpainters
            },
        }

    @cached_property
    def records(self) -> dict[str, MaterializationRecord]:
        """The records of the painting, by asset, in the pipeline's order."""
        found = ((asset, self._store.get(asset, self.listed.id)) for asset in self._headings)
        return {asset: record for asset, record in found if record is not None}

    @cached_property
    def file_hashes(self) -> dict[str, str]:
        """SHA-256 of the files that people have added, by observed asset."""
        found = {}
        for asset, (path, _) in self._observed.items():
            try:
                found[asset] = sha256_of(self._store.lake.read(path))
            except FileNotFoundError:
                continue
            except PermissionError:
                found[asset] = UNREADABLE
        return found

    @cached_property
    def stages(self) -> list[StageState]:
        """How each stage stands, in the pipeline's order."""
        states: list[StageState] = []
        unsettled: dict[str, str] = {}
        for asset, heading in self._headings.items():
            record = self.records.get(asset)
            state, reason = self._state(asset, record, unsettled)
            if state in ("waiting", "failed", "stale"):
                why = {"failed": f"{heading} failed", "stale": reason}
                unsettled[asset] = why.get(state, "")
            states.append(StageState(asset, heading, state, reason, record))
        return states

    def is_used(self, asset: str) -> bool:
        """Whether the stage that reads a file that people may add has read it as it is now."""
        reader = self.records.get(self._observed[asset][1])
        inputs: Mapping[str, str] = reader.provenance.get("inputs") or {} if reader else {}
        return inputs.get(asset) == self.file_hashes.get(asset)

    @property
    def is_made_again(self) -> bool:
        """Whether a result is no longer the one that was accepted or rejected."""
        if self.choice.decision == "accepted":
            return self.results.get(self.choice.outpainter) != self.choice.sha256
        seen = self.choice.rejected
        return bool(seen) and any(seen.get(name) != sha for name, sha in self.results.items())

    @property
    def results(self) -> dict[str, str]:
        """The versions of the upscaled results, by outpainter."""
        made = {name: self.records.get(asset_names.upscaled(name)) for name in self._outpainters}
        return {
            name: record.files[0].version
            for name, record in made.items()
            if record is not None and record.status == "done"
        }

    def fault(self, stage: StageState) -> str:
        """Return what an asset's checks found wrong with an output when a run last judged it."""
        record, register = stage.record, asset_names.check_register(stage.asset)
        stamp = self._store.lake.stamp(register)
        if record is None or stamp is None:
            return ""
        entry = kept_values(self._store.lake, register, stamp).get(self.listed.id)
        if entry is None or entry.sha256 != record.fingerprint:
            return ""
        return "; ".join(f"{name.replace('_', ' ')}: {why}" for name, why in entry.value.items())

    @cached_property
    def pictures(self) -> dict[str, Picture]:
        """The pictures by key: the original first, results last."""
        listed = self.listed
        own = Picture(ORIGINAL, "original", listed.path, listed.sha256[:16], "")
        return {own.key: own, **{each.key: each for each in self._made()}}

    @property
    def best(self) -> str:
        """The key of the picture that is shown first."""
        kinds = (asset_names.upscaled, asset_names.outpaintings)
        # Profiles name the best first.
        results = (asset_of(name) for asset_of in kinds for name in self._outpainters)
        return next((each for each in results if each in self.pictures), ORIGINAL)

    @cached_property
    def choice(self) -> CuratorChoice:
        """What was decided about the results; a file that cannot be read decides nothing."""
        return self._decision(CuratorChoice, asset_names.CURATOR_CHOICES)

    def request(self, outpainter: str) -> CuratorRequest:
        """Return what was asked of an outpainter."""
        return self._decision(CuratorRequest, asset_names.requests(outpainter))

    def candidates(self, outpainter: str) -> list[dict[str, Any]]:
        """Return what to ask of an outpainter for each of its candidates, in their files' order.

        Fields of a `CuratorRequest`: a seed, or the ground of another painting.
        """
        record = self.records.get(asset_names.outpaintings(outpainter))
        figures = record.figures if record is not None and record.status == "done" else {}
        made = figures.get("candidates") or [figures.get("lender") or figures]
        return [
            {"first": each["seed"]} if each.get("seed") is not None else {"ground": each["id"]}
            for each in made
            if each.get("seed") is not None or each.get("id")
        ]

    def _decision(self, kind: type[DecisionT], asset: str) -> DecisionT:
        path, _ = self._observed[asset]
        try:
            return read_decision(kind, self._store.lake.read(path), path)
        except (OSError, PaintingError):
            return kind()

    def sheet(self) -> StoredFile | None:
        """Return the file of the sheet, if there is one."""
        record = self.records.get(asset_names.RESTORATION_SHEETS)
        return record.files[0] if record is not None and record.files else None

    @cached_property
    def _headings(self) -> dict[str, str]:
        """Return the stages' headings by asset."""
        headings = asset_names.painting_stages(self._outpainters)
        if self._store.lake.exists(choice_path(self.listed.id)):
            headings[asset_names.CHOSEN_RESTORATIONS] = "published"
        return headings

    def _made(self) -> Iterator[Picture]:
        groups = {
            asset: name
            for name in self._outpainters
            for asset in (asset_names.outpaintings(name), asset_names.upscaled(name))
        }
        for asset, record in self.records.items():
            if record.status != "done" or asset in _NO_PICTURES:
                continue
            for number, file in enumerate(results_of(record)):
                heading, group = self._headings[asset], groups.get(asset, "")
                yield Picture(
                    f"{asset}.{number}" if number else asset,
                    f"{heading}, candidate {number + 1}" if number else heading,
                    file.path,
                    file.sha256[:16],
                    group,
                    self._credit(record, group, number),
                )

    def _credit(self, record: MaterializationRecord, group: str, number: int) -> str:
        """Name the painting whose ground a picture of an outpainter has, if it is another's."""
        asset = asset_names.outpaintings(group)
        made = self.records.get(asset)
        if made is None or made.status != "done":
            return ""
        inputs: Mapping[str, str] = record.provenance.get("inputs") or {}
        if record.asset != asset and inputs.get(asset) != made.data_version:
            return ""  # enlarged from an earlier one
        lenders = made.figures.get("candidates") or [made.figures.get("lender") or {}]
        lender = lenders[number] if number < len(lenders) else {}
        named = (lender.get("artist"), lender.get("title"), lender.get("year"))
        return ", ".join(str(each) for each in named if each) or str(lender.get("id", ""))

    def _state(
        self, asset: str, record: MaterializationRecord | None, unsettled: Mapping[str, str]
    ) -> tuple[str, str]:
        if record is None:
            failed = next(filter(None, unsettled.values()), None)
            if failed and asset == asset_names.CHOSEN_RESTORATIONS:
                return "stale", failed
            return "waiting", "not made yet"
        if changed := self._changed_inputs(asset, record, unsettled):
            if failed := next(filter(None, map(unsettled.get, changed)), None):
                return "stale", failed
            return "waiting", f"{', '.join(map(self._in_words, changed))} changed"
        if record.status != "done":
            return record.status, record.reason or ""
        return "done", record.verdict or record.doubt or ""

    def _in_words(self, name: str) -> str:
        """Return how the page calls an input."""
        if name == ORIGINAL:
            return "the original"
        if name in map(asset_names.requests, self._outpainters):
            return "what is asked for"
        return self._headings.get(name) or _CURATORS.get(name) or name.replace("_", " ")

    def _changed_inputs(
        self, asset: str, record: MaterializationRecord, unsettled: Collection[str]
    ) -> list[str]:
        """Name the inputs that are no longer what an output was made from."""
        inputs: Mapping[str, str] = record.provenance.get("inputs") or {}
        changed = [
            name
            for name, (_, reader) in self._observed.items()
            if reader == asset and name in self.file_hashes and name not in inputs
        ]
        for name, version in inputs.items():
            if (now := self._version(name)) is None:
                is_another = name in self._observed
            else:  # a skip is passed on with the inputs of the stage that skipped first
                is_another = now != version and record.status != "skipped"
            if is_another or name in unsettled:
                changed.append(name)
        return changed

    def _version(self, name: str) -> str | None:
        if name == ORIGINAL:
            return self.listed.sha256
        if name in self._observed:
            return self.file_hashes.get(name)
        if name in self._headings:
            own = self.records.get(name)
            return own.data_version if own is not None and own.status == "done" else None
        other = self._store.get(name, self.listed.id) or self._store.get(name)
        return other.data_version if other is not None else None


_CURATORS = {
    asset_names.CURATED_MASKS: "the curator's mask",
    asset_names.SUBJECT_TEXTS: "the text of the subject",
    asset_names.CURATOR_CHOICES: "the choice",
}

_NO_PICTURES = (asset_names.RESTORATION_SHEETS, asset_names.CHOSEN_RESTORATIONS)
"""The sheet is a download, and what is published is a copy."""


def results_of(record: MaterializationRecord) -> list[StoredFile]:
    """Return the files of an output that are pictures to look at, not its class ids, say."""
    pngs = [each for each in record.files if each.path.endswith(".png")]
    return [each for each in pngs if not each.path.endswith(".classes.png")]
