"""How long LR/HR pairs take to make and to read, beside BasicSR's way and the original notebook's.

    python benchmarks/pairs.py [--quick]

Writes benchmarks/results/pairs.json. Pictures are generated. The ways of one section take turns,
each time is the best of the repeats, and files are in the system's cache.

* reduce: one HR picture to a quarter; the difference is to basicsr's imresize, in grey levels.
* make: a painting from its JPEG to both files of its pair on the disk, in seconds and megabytes a
  painting. Ours runs as the asset does, with hashes, records, the check of the alignment and
  flushes to the disk.
* crops: aligned random crops of 128, 192 and 256 HR pixels a second, as tensors, in one thread. A
  GPU that does 10 iterations a second with batches of 16 eats 160. BasicSR's own reader reads whole
  PNGs, and sub-images of 480 pixels cut every 240 as its script does.
"""

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from bench_table import publish
from numpy.typing import NDArray

from deepart_assets.compat import prepare
from deepart_assets.imaging import decode_rgb, encode_png
from deepart_assets.settings.super_resolution import Pairs
from deepart_assets.storage import Lake, MaterializationStore
from deepart_assets.super_resolution.data.degradation import lr_hr_pair, matlab_bicubic_reduce
from deepart_assets.super_resolution.data.pair_building import Original, build_pairs
from deepart_assets.super_resolution.data.pair_files import MANIFEST, PAIRS, open_pairs
from deepart_assets.super_resolution.data.pairs import Pair, Sampling, random_crops

HEIGHT, WIDTH, HR_SIDE = 3400, 2600, 2048
SUB_IMAGE, STEP = 480, 240
CROPS, BATCH, CONTEXT = (128, 192, 256), 16, 2


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pictures, under 30 seconds")
    quick = parser.parse_args().quick
    count, repeats = (4, 1) if quick else (8, 5)
    torch.set_num_threads(1)
    paintings = [painting(seed) for seed in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            *reductions(paintings[0], repeats),
            *making(paintings, repeats, Path(folder)),
            *cropping(len(paintings), repeats, Path(folder)),
        ]
    publish(
        "pairs",
        f"{count} paintings of {WIDTH} by {HEIGHT}, HR side {HR_SIDE}, {os.cpu_count()} CPUs",
        rows,
    )


def painting(seed: int) -> NDArray[np.uint8]:
    """Return patches with soft shades, canvas grain and strokes: uint8, H×W×3."""
    random = np.random.default_rng(seed)
    canvas = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for cell, strength in ((400, 60), (80, 30), (16, 15), (3, 8)):
        shape = (HEIGHT // cell + 1, WIDTH // cell + 1, 3)
        shades = random.normal(0, strength, shape).astype(np.float32)
        canvas += cv2.resize(shades, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(canvas + 120, 0, 255).astype(np.uint8)


# --- reduce --------------------------------------------------------------------------------------


def reductions(picture: NDArray[np.uint8], repeats: int) -> Iterator[dict[str, Any]]:
    """Compare ways to reduce one HR picture."""
    prepare()
    from basicsr.utils.matlab_functions import imresize

    _, hr = lr_hr_pair(picture, HR_SIDE)
    scaled = hr / np.float32(255)
    size = (hr.shape[1] // 4, hr.shape[0] // 4)
    ways: dict[str, Callable[[], Any]] = {
        "reduce: basicsr imresize": lambda: imresize(scaled, 0.25),
        "reduce: ours": lambda: matlab_bicubic_reduce(hr),
        "reduce: cv2 AREA": lambda: cv2.resize(hr, size, interpolation=cv2.INTER_AREA),
    }
    times, results = taking_turns(ways, repeats)
    exact = np.clip(np.rint(results["reduce: basicsr imresize"] * 255), 0, 255)
    results["reduce: basicsr imresize"] = exact
    for row in compared(times, "reduce: basicsr imresize"):
        difference = float(np.abs(results[row["name"]] - exact).max())
        yield {**row, "largest_difference": difference}


# --- make ----------------------------------------------------------------------------------------


def making(
    paintings: Sequence[NDArray[np.uint8]], repeats: int, folder: Path
) -> Iterator[dict[str, Any]]:
    """Compare ways from the originals to the files of their pairs, in seconds a painting."""
    lake = Lake(folder / "lake")
    originals = []
    for number, picture in enumerate(paintings):
        data = cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()
        file = lake.write(f"wikiart_paintings/{number}.jpg", data)
        box = (0, 0, WIDTH, HEIGHT)
        originals.append(Original(str(number), "train", file.path, file.sha256, box))

    def ours() -> None:
        for key in (store := MaterializationStore(lake)).keys(PAIRS):
            store.remove(PAIRS, key)
        unchanged()

    def unchanged() -> None:
        made = build_pairs(
            MaterializationStore(lake),
            originals,
            Pairs(hr_side=HR_SIDE),
            lambda path: decode_rgb(lake.read(path), path),
        )
        for path, data in dict(made.files).items():
            lake.write(path, data)

    def seed() -> None:
        for original in originals:
            notebook_pair(Path(lake.full_path(original.path)), folder / "seed")

    ways = {"make: original notebook": seed, "make: ours": ours, "make: ours, unchanged": unchanged}
    times, _ = taking_turns(ways, repeats)
    times = {name: seconds / len(paintings) for name, seconds in times.items()}
    sizes = {
        "make: original notebook": size_of(folder / "seed"),
        "make: ours": size_of(folder / "lake" / PAIRS),
    }
    for row in compared(times, "make: original notebook"):
        size = (
            {"megabytes": sizes[row["name"]] / len(paintings) / 1e6} if row["name"] in sizes else {}
        )
        yield {**row, **size}


def notebook_pair(file: Path, folder: Path) -> None:
    """Make a pair as the original notebook does: AREA twice, JPEG for both, nothing recorded."""
    picture = np.asarray(cv2.imread(str(file)))
    height, width = picture.shape[:2]
    factor = HR_SIDE / min(height, width)
    size = [round(side * factor / 4) * 4 for side in (width, height)]
    hr = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    lr = cv2.resize(hr, [side // 4 for side in size], interpolation=cv2.INTER_AREA)
    for kind, result in (("HR", hr), ("LR", lr)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / kind / f"{file.stem}.jpg"), result)


# --- crops ---------------------------------------------------------------------------------------


def cropping(count: int, repeats: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Compare layouts by crops a second; expects the pairs that `making` left in `folder`."""
    lake = Lake(folder / "lake")
    stored = open_pairs(lake, lake.read_json(MANIFEST), folder / "cache")
    held = [Pair(pair.id, "train", np.array(pair.lr), np.array(pair.hr)) for pair in stored]
    whole, sub = folder / "whole", folder / "sub"
    write_pngs(whole, ((pair.id, pair.lr, pair.hr) for pair in held))
    write_pngs(sub, sub_images(held[0]))  # those of one painting tell the speed
    held_size = sum(pair.lr.nbytes + pair.hr.nbytes for pair in held)
    megabytes = {
        "crops: BasicSR's reader, PNG": size_of(whole) / count / 1e6,
        "crops: BasicSR's reader, sub-images": size_of(sub) / 1e6,
        "crops: ours, TIFF mapped": size_of(folder / "lake" / PAIRS) / count / 1e6,
        "crops: arrays in memory": held_size / count / 1e6,
    }
    rows: dict[str, dict[str, Any]] = {name: {"name": name} for name in megabytes}
    for crop in CROPS:
        readers = [
            basicsr_reader(whole, crop, 4),
            basicsr_reader(sub, crop, 2 * BATCH),
            our_reader(stored, crop, 8),
            our_reader(held, crop, 8),
        ]
        times, crops = taking_turns(dict(zip(megabytes, readers, strict=True)), repeats)
        for name, seconds in times.items():
            rows[name][f"crops_{crop}"] = crops[name] / seconds
    reference = next(iter(rows.values()))["crops_128"]
    for name, row in rows.items():
        yield {**row, "times_as_fast": row["crops_128"] / reference, "megabytes": megabytes[name]}


def our_reader(pairs: Sequence[Pair], crop: int, batches: int) -> Callable[[], int]:
    """Return a call that reads batches as training does and returns the number of crops."""
    generator = np.random.default_rng(0)

    def read() -> int:
        return sum(
            len(random_crops(pairs, generator, Sampling(BATCH, crop, CONTEXT))[0])
            for _ in range(batches)
        )

    return read


def basicsr_reader(folder: Path, crop: int, samples: int) -> Callable[[], int]:
    """Return a call that reads crops with BasicSR's own data set and returns their number."""
    prepare()
    from basicsr.data.paired_image_dataset import PairedImageDataset

    data = PairedImageDataset(
        {
            "dataroot_gt": str(folder / "hr"),
            "dataroot_lq": str(folder / "lr"),
            "io_backend": {"type": "disk"},
            "phase": "train",
            "scale": 4,
            "gt_size": crop,
            "use_hflip": True,
            "use_rot": True,
        }
    )
    order = itertools.cycle(np.random.default_rng(0).permutation(len(data)))

    def read() -> int:
        pairs = [data[int(next(order))] for _ in range(samples)]
        lr, hr = (torch.stack([pair[kind] for pair in pairs]) for kind in ("lq", "gt"))
        assert lr.shape[-1] * 4 == hr.shape[-1] == crop
        return samples

    return read


def sub_images(pair: Pair) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.uint8]]]:
    """Yield name, LR and HR of overlapping squares of a pair."""
    height, width = pair.hr.shape[:2]
    for top in range(0, height - SUB_IMAGE + 1, STEP):
        for left in range(0, width - SUB_IMAGE + 1, STEP):
            large = np.s_[top : top + SUB_IMAGE, left : left + SUB_IMAGE]
            small = np.s_[top // 4 : (top + SUB_IMAGE) // 4, left // 4 : (left + SUB_IMAGE) // 4]
            yield f"{pair.id}_{top}_{left}", pair.lr[small], pair.hr[large]


def write_pngs(
    folder: Path, pictures: Iterator[tuple[str, NDArray[np.uint8], NDArray[np.uint8]]]
) -> None:
    """Write pairs as `hr/<name>.png` and `lr/<name>.png`."""
    for kind in ("lr", "hr"):
        (folder / kind).mkdir(parents=True)
    for name, lr, hr in pictures:
        (folder / "lr" / f"{name}.png").write_bytes(encode_png(lr))
        (folder / "hr" / f"{name}.png").write_bytes(encode_png(hr))


# --- what the sections share ---------------------------------------------------------------------


def taking_turns(
    ways: Mapping[str, Callable[[], Any]], repeats: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the best time of each way in seconds, and its last result."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    results = {name: way() for name, way in ways.items()}  # warm up
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            results[name] = way()
            times[name].append(time.perf_counter() - start)
    return {name: min(seconds) for name, seconds in times.items()}, results


def compared(times: Mapping[str, float], reference: str) -> Iterator[dict[str, Any]]:
    """Yield a row a way, with its speed beside the reference's."""
    for name, seconds in times.items():
        yield {"name": name, "seconds": seconds, "times_as_fast": times[reference] / seconds}


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
