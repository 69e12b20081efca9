"""A collection of tiny generated paintings, and a profile whose models take next to no time."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from deepart_assets_tests.tiny_super_resolution import tiny_super_resolution

SIDES = 24, 32
LARGE = 200, 160
"""Of the few pictures that the network learns from."""
LEARNT_FROM = 10


def draw(folder: Path, count: int) -> None:
    """Write so many PNGs, each another, and a CSV with a row for each."""
    folder.mkdir()
    lines = ["artist,title,style,genre,date,new_filename"]
    for number in range(count):
        random = np.random.default_rng(number)
        size = LARGE if number < LEARNT_FROM else SIDES
        patches = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        picture = cv2.resize(patches, size[::-1], interpolation=cv2.INTER_CUBIC)
        Image.fromarray(picture).save(folder / f"{number:06}.png")
        lines.append(f"Artist {number % 200},Title {number},Realism,genre,1888,{number:06}.png")
    (folder / "all_data_info.csv").write_text("\n".join(lines))


def profile(folder: Path) -> dict[str, Any]:
    """Return a profile whose models take next to no time."""
    source = {"kind": "folder", "path": str(folder / "pictures"), "csv": "all_data_info.csv"}
    return {
        "wikiart": {"sources": {"pictures": source}},
        "styled_paintings": {"styles": ["Realism"]},
        "segmentation": {"minimal_share": 0, "maximal_share": 1, "batch": 16, "faces": False},
        "restoration": {"working_side": 64},
        "outpainters": {"telea": {"kind": "telea"}},
        "super_resolution": tiny_super_resolution(),
    }
