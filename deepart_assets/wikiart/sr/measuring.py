"""Measuring many paintings: each is decoded once, and never again while its bytes are the same."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError
from deepart_assets.progress import Progress
from deepart_assets.wikiart.sr.borders import content_box
from deepart_assets.wikiart.sr.quality import measure
from deepart_assets.work import Room, Saver, in_parallel

if TYPE_CHECKING:
    import pandas

MEASURES = "wikiart_sr/measures.parquet"
"""Where the lake keeps what was measured: a cache, which may be deleted at any time."""

VERSION = 1
"""Raise it when the same bytes measure otherwise; older measures are then dropped."""

BOX = ("left", "top", "right", "bottom")
QUALITY = ("resolution", "sharpness", "blockiness", "blank", "score")
_KEPT = ("sha256", *BOX, *QUALITY)

PIXELS_AT_A_TIME = 100_000_000
"""Pixels being measured at a time, at up to fifteen bytes; a larger picture is measured alone."""


def measure_paintings(
    candidates: "pandas.DataFrame",
    read: Callable[[str], NDArray[np.uint8]],
    known: "pandas.DataFrame | None" = None,
    save: Callable[["pandas.DataFrame"], None] = lambda table: None,
    tell: Callable[[str], None] = lambda line: None,
) -> tuple["pandas.DataFrame", int]:
    """Return the candidates with their measures, and how many were decoded now.

    Args:
        candidates: Rows of the catalogue: file, sha256, width and height are used.
        read: Decodes an original by its file: uint8, H×W×3; raises PaintingError. Called from
            several threads.
        known: What an earlier call saved; measures of another `VERSION` are dropped.
        save: Gets the table of all measures now and then, and at the end, even at that by an error.
        tell: Gets a line about the progress now and then.

    Returns:
        The columns left, top, right, bottom (pixels of the upright picture, right and bottom
        exclusive), resolution, sharpness, blockiness, blank and score (`quality.Quality`), and
        fault: why a painting could not be measured, or "". Without measures the numbers are 0.
    """
    import pandas as pd

    memory = _recall(known)
    hashes = dict(zip(candidates["sha256"], candidates.index, strict=True))
    todo = [index for sha256, index in sorted(hashes.items()) if sha256 not in memory]
    faults: dict[str, str] = {}
    progress = Progress("wikiart_sr measured", len(hashes) - len(todo), len(hashes), tell)
    saver = Saver(lambda: save(_table(memory)))
    try:
        for done, (sha256, found) in enumerate(_measured(candidates.loc[todo], read), start=1):
            if isinstance(found, str):
                faults[sha256] = found
            else:
                memory[sha256] = found
            progress.update(len(hashes) - len(todo) + done)
            saver.now_and_then()
    finally:
        if todo:
            saver.now()
    nothing = dict.fromkeys((*BOX, *QUALITY), 0)
    rows = [
        {**memory.get(sha256, nothing), "fault": faults.get(sha256, "")}
        for sha256 in candidates["sha256"]
    ]
    columns = [*BOX, *QUALITY, "fault"]
    measures = pd.DataFrame(rows, columns=columns, index=candidates.index)
    return candidates.join(measures), len(todo)


def _measured(
    rows: "pandas.DataFrame", read: Callable[[str], NDArray[np.uint8]]
) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """Yield for each painting its hash, and the measures or the reason why there are none."""
    room = Room(PIXELS_AT_A_TIME)

    def one(row: Any) -> tuple[str, dict[str, Any] | str]:
        with room.take(int(row.width) * int(row.height)):
            try:
                picture = read(row.file)
                box = content_box(picture)
                quality = measure(box.of(picture))
            except PaintingError as error:
                return row.sha256, str(error)
            except MemoryError:
                return row.sha256, f"{row.file} does not fit into memory: free some"
        return row.sha256, {**box._asdict(), **asdict(quality), "score": quality.score}

    return in_parallel(one, rows.itertuples())


def _recall(known: "pandas.DataFrame | None") -> dict[str, dict[str, Any]]:
    if known is None or not {*_KEPT, "version"} <= set(known.columns):
        return {}
    current = known[known["version"] == VERSION].set_index("sha256")[[*BOX, *QUALITY]]
    rows: list[dict[str, Any]] = current.to_dict("records")  # type: ignore[assignment]
    return dict(zip(current.index, rows, strict=True))


def _table(memory: dict[str, dict[str, Any]]) -> "pandas.DataFrame":
    import pandas as pd

    rows = [{"sha256": sha256, **found} for sha256, found in sorted(memory.items())]
    return pd.DataFrame(rows, columns=list(_KEPT)).assign(version=VERSION)
