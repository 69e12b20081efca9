"""Precision and recall of the detector of supports on folders of paintings.

`supports.csv` lists by file name the paintings that have a support, as judged by eye on contact
sheets. A box is the detector's where the eye agreed with it, in pixels, and empty where it found
nothing. All others in the folders have none of more than about 1% of a side. Whether a painting was
looked at while the detector was made depends on its name (`half`).

    python benchmarks/supports.py FOLDER...
"""

import csv
import hashlib
import sys
import time
from pathlib import Path

from deepart_assets.imaging import decode_rgb
from deepart_assets.segmentation import find_support

LABELS = Path(__file__).with_suffix(".csv")
PICTURES = {".jpg", ".png", ".webp"}


def half_of(name: str) -> str:
    """Return the half of a painting, by the hash of its file's name."""
    return "held out" if hashlib.sha256(name.encode()).digest()[0] % 2 else "development"


def main(folders: list[str]) -> None:
    """Print what was found, missed and wrongly taken for a support, for each half."""
    with LABELS.open(newline="") as file:
        labelled = {row["file"]: row for row in csv.DictReader(file)}
    found: dict[str, list[str]] = {"development": [], "held out": []}
    missed: dict[str, list[str]] = {"development": [], "held out": []}
    wrong: dict[str, list[str]] = {"development": [], "held out": []}
    seconds = []
    for path in sorted(each for folder in folders for each in Path(folder).iterdir()):
        if path.suffix not in PICTURES:
            continue
        picture = decode_rgb(path.read_bytes(), path.name)
        start = time.process_time()
        support = find_support(picture)
        seconds.append(time.process_time() - start)
        has, half = path.name in labelled, half_of(path.name)
        if support is not None:
            (found if has else wrong)[half].append(path.name)
        elif has:
            missed[half].append(path.name)
    for half, right in found.items():
        print(f"{half}: found {len(right)}, missed {len(missed[half])}, wrong {len(wrong[half])}")
        print(f"  missed: {', '.join(missed[half])}\n  wrong: {', '.join(wrong[half])}")
    print(f"median {sorted(seconds)[len(seconds) // 2]:.3f} s of CPU a painting")


if __name__ == "__main__":
    main(sys.argv[1:])
