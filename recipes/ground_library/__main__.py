"""`python -m recipes.ground_library`: makes a library of grounds that a profile can name."""

import argparse
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.errors import DeepArtError
from deepart_assets.imaging import decode_rgb, resize, working_size
from deepart_assets.imaging.borders import content_box
from deepart_assets.names import name_key
from deepart_assets.outpainting.scene_completion import Ground, GroundLibrary, describe_ground
from deepart_assets.outpainting.scene_completion.shipped import INDEX, SUFFIX, ShippedLibrary
from deepart_assets.segmentation.bundled import BundledSegmenter
from deepart_assets.segmentation.cleanup import clean_up
from deepart_assets.settings.segmentation import Segmentation

COLUMNS = ("id", "title", "artist", "year", "style", "genre", "licence", "source")
"""Of `paintings.csv`; `index.csv` has `file` in place of `id`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the library."""
    parser = argparse.ArgumentParser(prog="python -m recipes.ground_library", description=__doc__)
    parser.add_argument("pictures", type=Path, help="a folder with index.csv")
    parser.add_argument("--output", type=Path, required=True, help="the library's folder")
    parser.add_argument("--side", type=int, default=768, help="smaller side of a picture, pixels")
    parser.add_argument("--quality", type=int, default=78, help="of WebP")
    given = parser.parse_args(arguments)
    rows = read_index(given.pictures)
    given.output.mkdir(parents=True, exist_ok=True)
    segmenter = BundledSegmenter()
    grounds, kept = [], []
    for number, row in enumerate(rows, 1):
        name = row["file"]
        data = reduced(decode_rgb((given.pictures / name).read_bytes(), name), given)
        ground = described(decode_rgb(data, name), row, segmenter)
        print(f"{number}/{len(rows)} {ground.id}: {ground.kind}", flush=True)
        if not ground.usable:
            print(f"  left out: nearly all of it is subject, other figures or border ({name})")
            continue
        (given.output / f"{ground.id}{SUFFIX}").write_bytes(data)
        grounds.append(ground)
        kept.append({**row, "id": ground.id})
    write_credits(kept, given.output)
    library = GroundLibrary.of(grounds, ShippedLibrary(given.output).picture)
    (given.output / INDEX).write_bytes(library.to_bytes())
    size = sum(each.stat().st_size for each in given.output.iterdir()) / 1e6
    print(f"{len(library)} grounds, {size:.2f} MB in {given.output}")


def read_index(folder: Path) -> list[dict[str, str]]:
    """Return the rows of `index.csv`, sorted by file; columns that it lacks are "".

    Raises:
        DeepArtError: There is none, it has no column `file`, or two pictures would have one id.
    """
    file = folder / "index.csv"
    if not file.is_file():
        raise DeepArtError(f"There is no {file}: name a folder with one")
    with file.open(encoding="utf-8-sig", newline="") as lines:
        found = list(csv.DictReader(lines))
    if found and "file" not in found[0]:
        raise DeepArtError(f"{file} has no column file: give it one with the names of the pictures")
    rows = [{name: row.get(name) or "" for name in ("file", *COLUMNS)} for row in found]
    rows.sort(key=lambda row: row["file"])
    first: dict[str, str] = {}
    for row in rows:
        name, key = row["file"], ground_id(row["file"])
        if key in first:
            raise DeepArtError(
                f"{file}: {first[key]} and {name} would have one id, {key!r}: rename one of them"
            )
        first[key] = name
    return rows


def ground_id(file: str) -> str:
    """Return the id of a picture's ground: the stem of its name without case and accents."""
    return name_key(Path(file).stem).replace(" ", "-")


def reduced(picture: NDArray[np.uint8], given: argparse.Namespace) -> bytes:
    """Crop a scan to what is painted, reduce it, and encode it as WebP."""
    inside = content_box(picture).of(picture)
    small = resize(inside, *working_size(inside.shape[0], inside.shape[1], given.side))
    buffer = io.BytesIO()
    Image.fromarray(small).save(buffer, "WEBP", quality=given.quality, method=6)
    return buffer.getvalue()


def described(
    picture: NDArray[np.uint8], row: Mapping[str, str], segmenter: BundledSegmenter
) -> Ground:
    """Describe a picture's ground; what it cannot lend is grown, so the contour is not refined."""
    probability = segmenter.probability(picture)
    levels = np.round(probability * 255).astype(np.uint8)
    mask = clean_up(levels, picture.shape[:2], Segmentation()).mask
    labels = {**row, "date": row["year"]}
    return describe_ground(picture, mask, probability, id=ground_id(row["file"]), labels=labels)


def write_credits(rows: Sequence[Mapping[str, str]], folder: Path) -> None:
    """Write `paintings.csv`, and `CREDITS.md` for people."""
    with (folder / "paintings.csv").open("w", encoding="utf-8", newline="") as lines:
        table = csv.DictWriter(lines, COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    lines_of_table = [
        "# Credits of this library of grounds",
        "",
        "Each picture is a reproduction of a painting, cropped to the painted surface and reduced.",
        "",
        "| Title | Artist | Year | File | Source | Licence |",
        "|---|---|---|---|---|---|",
        *(
            "| "
            + " | ".join(
                cell.replace("|", "\\|")
                for cell in (
                    *(row["title"], row["artist"] or "unknown", row["year"] or "–"),
                    *(f"`{row['id']}{SUFFIX}`", row["source"], row["licence"]),
                )
            )
            + " |"
            for row in rows
        ),
    ]
    (folder / "CREDITS.md").write_text("\n".join(lines_of_table) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except DeepArtError as error:
        raise SystemExit(f"recipes.ground_library: {error}") from error
