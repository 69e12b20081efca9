"""Building the LR/HR pairs in the lake, each only if it is new or changed.

Each pair has its own record, so an interrupted run keeps what it made and the next one continues.
The reduction is in `degradation`, the file layout in `pair_files`.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.imaging import decode_rgb, preview_uri
from deepart_assets.progress import Progress
from deepart_assets.settings.super_resolution import Pairs
from deepart_assets.storage import (
    MaterializationRecord,
    MaterializationStore,
    Provenance,
    StageResult,
    materialize_if_stale,
)
from deepart_assets.storage.materialization_store import WHOLE
from deepart_assets.super_resolution.data.alignment import shift
from deepart_assets.super_resolution.data.degradation import lr_hr_pair
from deepart_assets.super_resolution.data.pair_files import (
    MANIFEST,
    PAIRS,
    Kind,
    encode_tiff,
    pair_folder,
    pair_path,
)
from deepart_assets.super_resolution.data.pairs import Split
from deepart_assets.work import in_parallel

CODE_VERSION = "2"
"""Code version of a pair; raise it when the same original and settings give other files."""

WORKERS = min(8, os.cpu_count() or 1)
"""Paintings processed at once. Each holds its original, HR and LR in memory."""


@dataclass(frozen=True)
class Original:
    """A painting of the data set. `path` is its lake path; `box` is left, top, right, bottom of its
    content in pixels of the decoded picture."""

    id: str
    split: Split
    path: str
    sha256: str
    box: tuple[int, int, int, int]


def build_pairs(
    store: MaterializationStore,
    originals: Sequence[Original],
    settings: Pairs,
    read: Callable[[str], NDArray[np.uint8]],
    report: Callable[[str], None] = lambda line: None,
) -> StageResult:
    """Make the pairs that are new or changed and write the manifest of all.

    A painting that cannot be processed is left out with its reason; the others continue.

    Args:
        store: Where pairs and records go.
        originals: The data set.
        settings: The side of HR and the degradation.
        read: Decodes a lake path to RGB uint8, H×W×3; called by several threads.
        report: Called with lines of progress and with each painting left out.

    Returns:
        The manifest as the first file, the files of all pairs, and figures.

    Raises:
        UnavailableError: There are originals but no pair could be made; or the lake cannot be
            written to (the disk is full, say). Finished pairs stay.
        OSError: An original cannot be read, by a fault of the disk or the network.
    """

    def one_or_fault(original: Original) -> tuple[MaterializationRecord, bool] | Exception:
        provenance = Provenance(
            code_version=CODE_VERSION,
            settings={
                **settings.model_dump(mode="json"),
                "split": original.split,
                "box": original.box,
            },
            inputs={"original": original.sha256},
        )
        try:
            return materialize_if_stale(
                store, PAIRS, provenance, lambda: _pair(original, settings, read), key=original.id
            )
        except (OSError, UnavailableError):
            raise  # a fault of the disk or the network, not of this painting
        except Exception as error:  # one bad painting does not stop the others
            return error

    made: list[tuple[Original, MaterializationRecord, bool]] = []
    bad: list[dict[str, str]] = []
    progress = Progress(PAIRS, 0, len(originals), report)
    results = in_parallel(one_or_fault, originals, WORKERS)
    for number, (original, result) in enumerate(zip(originals, results, strict=True), start=1):
        if isinstance(result, Exception):
            reason = str(result) if isinstance(result, PaintingError) else repr(result)
            bad.append({"painting": original.id, "reason": reason})
            report(f"{PAIRS}: {original.id} left out, {reason}")
        else:
            made.append((original, *result))
        progress.update(number)
    if originals and not made:
        raise UnavailableError(
            f"none of the {len(originals)} paintings gave a pair; the first, {bad[0]['painting']}:"
            f" {bad[0]['reason']}"
        )
    manifest = [
        {"id": original.id, "split": original.split, "hr": hr.sha256, "lr": lr.sha256}
        for original, record, _ in made
        for hr, lr in [record.files]
    ]
    return StageResult(
        {MANIFEST: json.dumps(manifest, indent=1, ensure_ascii=False).encode()},
        {
            "preview": _preview(store, [record for _, record, _ in made]),
            "pairs": len(made),
            **{split: sum(original.split == split for original, *_ in made) for split in SPLITS},
            "made_now": sum(computed for *_, computed in made),
            "reused": sum(not computed for *_, computed in made),
            "largest_shift": max((record.figures["shift"] for _, record, _ in made), default=0.0),
            "gigabytes": round(sum(f.size for _, r, _ in made for f in r.files) / 1e9, 3),
            "left_out": bad or None,
        },
        stored=[file for _, record, _ in made for file in record.files],
    )


def remove_unlisted(store: MaterializationStore) -> list[str]:
    """Remove the pictures and records of pairs that the recorded data set does not list.

    Call it after the new data set is recorded; until then the old pairs may be in use.

    Returns:
        The lake paths of the removed pictures.
    """
    record = store.done(PAIRS)
    if record is None:
        return []
    listed = {file.path for file in record.files}
    folders = [pair_folder(split, kind) for split in SPLITS for kind in get_args(Kind)]
    removed = [path for folder in folders for path in store.lake.list(folder) if path not in listed]
    for path in removed:
        store.lake.remove(path)
    ids = {row["id"] for row in store.lake.read_json(record.path)}
    for key in store.keys(PAIRS):
        if key != WHOLE and key not in ids:
            store.remove(PAIRS, key)
    return removed


SPLITS: tuple[Split, ...] = get_args(Split)


def _pair(
    original: Original, settings: Pairs, read: Callable[[str], NDArray[np.uint8]]
) -> StageResult:
    picture = read(original.path)
    left, top, right, bottom = original.box
    height, width = picture.shape[:2]
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise PaintingError(
            f"the content box {original.box} of {original.path} does not lie inside its"
            f" {width}×{height} pixels: materialize wikiart_sr again"
        )
    lr, hr = lr_hr_pair(picture[top:bottom, left:right], settings.hr_side, settings.degradation)
    pictures: dict[Kind, NDArray[np.uint8]] = {"hr": hr, "lr": lr}
    files = (
        (pair_path(original.split, kind, original.id), encode_tiff(pixels))
        for kind, pixels in pictures.items()
    )
    return StageResult(files, {"shift": round(shift(lr, hr), 3), "hr_shape": list(hr.shape)})


def _preview(store: MaterializationStore, records: Sequence[MaterializationRecord]) -> str | None:
    if not records:
        return None
    first = records[0].path
    return preview_uri(decode_rgb(store.lake.read(first), first))
