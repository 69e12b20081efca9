"""Which paintings are learnt from, and what was decided of them by eye.

`labels.csv` names paintings as `<folder>_<file without its ending>`, with two columns:

* `split`: `train`, `validation` (to choose settings). The artist decides, so that no artist
  stands on both sides. A third side, for tests, was opened over four trainings; it belongs to
  `train` now, with what an eye had decided (`test_verdicts.csv`).
* `label`: `accepted` (the teacher's mask is the subject), `own` (the teacher's is wrong, and that
  of the network of the first training is the subject), `second` (an eye accepted what the network
  of the second training made of it: learnt from in the third alone), `empty` (a view without a
  subject), or nothing (all are wrong). A mask in `masks.csv` goes before it; with neither,
  nothing is learnt.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

LABELS = Path(__file__).with_name("labels.csv")


class Label(NamedTuple):
    """One painting's row."""

    painting: str
    split: Literal["train", "validation"]
    label: Literal["accepted", "own", "second", "empty", ""]


def read_labels(file: Path = LABELS) -> dict[str, Label]:
    """Read the table, by the paintings' names."""
    with file.open(newline="") as lines:
        return {row["painting"]: Label(**row) for row in csv.DictReader(lines)}  # type: ignore[arg-type]


def named(files: Iterable[Path]) -> dict[str, Path]:
    """Name picture files as the table does."""
    return {f"{file.parent.name}_{file.stem}": file for file in files}
