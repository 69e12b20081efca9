"""Measures many paintings; each content is decoded once."""

import contextlib
from collections.abc import Callable, Generator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.asset_names import WIKIART_SR
from deepart_assets.errors import PaintingError
from deepart_assets.imaging.borders import content_box
from deepart_assets.progress import Progress
from deepart_assets.storage import Lake
from deepart_assets.storage.stamped_cache import StampedCache
from deepart_assets.wikiart.sr.quality import measure
from deepart_assets.work import MemoryBudget, in_parallel

if TYPE_CHECKING:
    import pandas

MEASURES = f"{WIKIART_SR}/measures.jsonl"
"""The cache of measures in the lake, which may be deleted at any time."""

VERSION = "1"
"""Increase it when the same bytes give other measures, to drop cached measures."""

BOX = ("left", "top", "right", "bottom")
QUALITY = ("resolution", "sharpness", "blockiness", "blank", "score")

PIXELS_AT_A_TIME = 100_000_000
"""Pixels measured at a time, at up to fifteen bytes each; a larger picture is measured alone."""


def measure_paintings(
    candidates: "pandas.DataFrame",
    read: Callable[[str], NDArray[np.uint8]],
    lake: Lake | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> tuple["pandas.DataFrame", int]:
    """Return the candidates with their measures, and how many were decoded now.

    Args:
        candidates: Rows of the catalogue: file, sha256, width and height are used.
        read: Decodes an original by its file: uint8, H×W×3; raises PaintingError. Called from
            several threads.
        lake: Caches the measures by content, even if an exception is raised.
        report: Receives a progress line every few seconds.

    Returns:
        The columns left, top, right, bottom (pixels of the upright picture, right and bottom
        exclusive), resolution, sharpness, blockiness, blank and score (`quality.Quality`), and
        fault: why a painting could not be measured, or "". Without measures the numbers are 0.
    """
    import pandas as pd

    cache = StampedCache(lake, MEASURES, VERSION)
    hashes = dict(zip(candidates["sha256"], candidates.index, strict=True))
    todo = [index for sha256, index in sorted(hashes.items()) if cache.with_content(sha256) is None]
    faults: dict[str, str] = {}
    progress = Progress("wikiart_sr measured", len(hashes) - len(todo), len(hashes), report)
    results = _measured(candidates.loc[todo], read)
    with cache, contextlib.closing(results):
        for done, (file, sha256, found) in enumerate(results, start=1):
            if isinstance(found, str):
                faults[sha256] = found
            else:
                cache.put(file, None, sha256, found)
            progress.update(len(hashes) - len(todo) + done)
    rows = []
    for sha256 in candidates["sha256"]:
        entry = cache.with_content(sha256)
        measures = dict.fromkeys((*BOX, *QUALITY), 0) if entry is None else entry.value
        rows.append({**measures, "fault": faults.get(sha256, "")})
    columns = [*BOX, *QUALITY, "fault"]
    table = pd.DataFrame(rows, columns=columns, index=candidates.index)
    return candidates.join(table), len(todo)


def _measured(
    rows: "pandas.DataFrame", read: Callable[[str], NDArray[np.uint8]]
) -> Generator[tuple[str, str, dict[str, Any] | str]]:
    """Yield file and hash of each painting, and its measures or the reason for their lack."""
    budget = MemoryBudget(PIXELS_AT_A_TIME)

    def one(row: Any) -> tuple[str, str, dict[str, Any] | str]:
        with budget.reserve(int(row.width) * int(row.height)):
            try:
                picture = read(row.file)
                box = content_box(picture)
                quality = measure(box.of(picture))
            except PaintingError as error:
                return row.file, row.sha256, str(error)
            except MemoryError:
                return row.file, row.sha256, f"{row.file} does not fit into memory: free some"
        measures = {**box._asdict(), **asdict(quality), "score": quality.score}
        return row.file, row.sha256, measures

    return in_parallel(one, rows.itertuples())
