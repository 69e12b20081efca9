"""Whether the measures of outpaintings tell known faults from original paintings.

    python benchmarks/outpainting_measures.py [--quick] [--pictures FOLDER]

Writes benchmarks/results/outpainting_measures.json: a row for each measure and fault. `auc` is the
probability that a faulty surround has a worse value than another painting's original one, `pairs`
how often it is worse than its own original. Faults are put into originals on purpose, or are those
of outpainters known for them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bench_table import asked_for, publish
from numpy.typing import NDArray

from deepart_assets.imaging import decode_rgb, resize, working_size
from deepart_assets.outpainting import build_outpainter, outpaint, painting_seed
from deepart_assets.outpainting.measures import MEASURES
from deepart_assets.segmentation import Features, build_segmenter, clean_up, judge
from deepart_assets.settings.outpainting import ArtificiallyInspired, PatchMatch, Telea
from deepart_assets.settings.places import cache_folder, data_root
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.settings.segmenters import Bundled
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Downloads

PROJECT = Path(__file__).parents[1]
SIDE = 512
Picture = NDArray[np.uint8]
FAULTS = {
    "repetition": ("cloned head", "patchmatch"),
    "rays": ("telea",),
    "straight_lines": ("step in tone", "published tiles"),
    "sharpness": ("blur", "telea", "published tiles"),
    "foreign_colours": ("other hue", "other lightness"),
    "black_point": ("other lightness", "published tiles"),
    "seam_score": ("pasted ground", "rim of old ground"),
    "matte_step": ("pasted ground", "rim of old ground"),
}
"""The faults that each measure is for."""


def main() -> None:
    """Measure, print a table and write the figures."""
    files, limit = asked_for(__doc__)
    paintings = with_subjects(files, limit=limit)
    rows = validated((picture, {**made(picture), **painted(picture)}) for picture in paintings)
    publish("outpainting_measures", f"Measures of outpaintings, smaller side {SIDE}", rows)


def with_subjects(files: Iterable[Path], limit: int) -> Iterator[Picture]:
    """Yield the unfinished paintings that have a subject: uint8, H×W×4, colours everywhere."""
    downloads = Downloads(cache_folder(), Lake(data_root()))
    segmenter, settings = build_segmenter(Bundled(kind="bundled"), downloads), Segmentation()
    count = 0
    for file in files:
        picture = decode_rgb(file.read_bytes(), file.name)
        height, width = picture.shape[:2]
        picture = resize(picture, *working_size(height, width, SIDE))
        [prediction] = segmenter([picture])
        subject = clean_up(prediction.levels(), picture.shape[:2], settings)
        found = Features(prediction.confidence, subject.share, subject.parts, subject.largest)
        if judge(found, settings).level != "none":
            yield np.dstack([picture, subject.mask.astype(np.uint8) * 255])
            count += 1
        if count == limit:
            return


def validated(paintings: Iterable[tuple[Picture, dict[str, Picture]]]) -> list[dict[str, Any]]:
    """Return a row for each measure and fault, from unfinished paintings and their faulty results.

    Faulty results by fault; what a painting lacks is left out.
    """
    values: dict[tuple[str, str], list[float]] = {}
    for unfinished, broken in paintings:
        results = {"original": np.ascontiguousarray(unfinished[..., :3]), **broken}
        for measure in MEASURES:
            for name in ("original", *FAULTS[measure.name]):
                value = measure.of(unfinished, results[name]) if name in results else None
                found = values.setdefault((measure.name, name), [])
                found.append(np.nan if value is None else value)
    rows = []
    for measure in MEASURES:
        real = np.array(values[measure.name, "original"])
        for fault in FAULTS[measure.name]:
            other = np.array(values[measure.name, fault])
            both = np.isfinite(real) & np.isfinite(other)
            good, bad = (
                np.array([measure.worse(value, 0) for value in each[both]])
                for each in (real, other)
            )
            rows.append(
                {
                    "name": f"{measure.name}: {fault}",
                    "paintings": int(both.sum()),
                    "originals": float(np.median(real[both])),
                    "faulty": float(np.median(other[both])),
                    "auc": float(_worse(bad[:, None], good[None]).mean()),
                    "pairs": float(_worse(bad, good).mean()),
                }
            )
    return rows


def _worse(bad: NDArray[np.float64], good: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 + 0.5 * np.sign(bad - good)


def painted(unfinished: Picture) -> dict[str, Picture]:
    """Return the results of outpainters that are known for a fault."""
    folder = PROJECT / "data/models/outpainting"
    weights = {"kind": "bundled", "name": "paintings_small"}
    settings = ArtificiallyInspired.model_validate(
        {
            "kind": "artificially_inspired",
            "weights": weights,
            "scale": 0.25,
            "tiles": "published",
            "tone": 0,
        }
    )
    outpainters = {
        "telea": build_outpainter(Telea(kind="telea")),
        "patchmatch": build_outpainter(PatchMatch(kind="patchmatch", sources="subject")),
        "published tiles": build_outpainter(
            settings, weights=lambda: folder / "paintings_small.safetensors"
        ),
    }
    return {
        name: outpaint(painter, unfinished, seed=painting_seed(0, "", name))
        for name, painter in outpainters.items()
    }


def made(unfinished: Picture) -> dict[str, Picture]:
    """Return originals with a fault put into their surround, the same for the same painting."""
    picture, known = np.ascontiguousarray(unfinished[..., :3]), unfinished[..., 3] == 255
    random = np.random.default_rng(int(picture.sum()))
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    hue = random.uniform(0, 2 * np.pi)
    lightness = 14 * random.choice((-1, 1))
    axis = int(random.integers(2))
    beyond = np.indices(known.shape)[axis] > random.uniform(0.2, 0.8) * known.shape[axis]
    step = 8 * random.choice((-1, 1)) * beyond
    other = _shifted(picture, lightness)
    blurred = cv2.GaussianBlur(picture, (0, 0), 2)
    results = {
        "other hue": _around(
            _shifted(picture, 0, 14 * np.cos(hue), 14 * np.sin(hue)), picture, away
        ),
        "other lightness": _around(other, picture, away),
        "rim of old ground": np.where(away[..., None] > 5, other, picture),
        "blur": _around(blurred, picture, away),
        "step in tone": np.where(known[..., None], picture, _shifted(picture, step)),
        # The same ground turned upside down, without any blending.
        "pasted ground": np.where(known[..., None], picture, picture[::-1]),
    }
    if (cloned := _cloned_head(picture, known, random)) is not None:
        results["cloned head"] = cloned
    return {name: each.astype(np.uint8) for name, each in results.items()}


def _around(changed: Picture, picture: Picture, away: NDArray[np.float32]) -> Picture:
    """Return the picture with a changed surround that fades in over three pixels."""
    share = np.clip(away / 3, 0, 1)[..., None]
    return np.asarray(np.round(picture + share * (changed.astype(np.float32) - picture)))


def _shifted(picture: Picture, *shift: Any) -> Picture:
    """Return the picture with its L*, a* and b* shifted, by numbers or pixel by pixel."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    for channel, each in enumerate(shift):
        lab[..., channel] += each
    lab[..., 0] = np.clip(lab[..., 0], 0, 100)
    levels = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255, 0, 255)
    return np.asarray(np.round(levels).astype(np.uint8))


def _cloned_head(
    picture: Picture, known: NDArray[np.bool_], random: np.random.Generator
) -> Picture | None:
    """Return the picture with its subject's top copied into the surround, if there is room."""
    height, width = known.shape
    rows, columns = np.nonzero(known)
    high = rows < rows.min() + max(8, 0.12 * np.ptp(rows))
    side = min(height, width) // 5
    top = int(np.clip(rows.min() - side // 6, 0, height - side))
    left = int(np.clip(np.median(columns[high]) - side // 2, 0, width - side))
    sums = cv2.integral(known.astype(np.uint8))
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    places = np.argwhere(inside <= max(inside.min(), 0.05 * side * side))
    places = places[np.abs(places - (top, left)).max(axis=1) > side]
    if not len(places):
        return None
    row, column = places[random.integers(len(places))]
    disc = cv2.circle(np.zeros((side, side), np.float32), (side // 2,) * 2, int(0.45 * side), 1, -1)
    share = cv2.GaussianBlur(disc, (0, 0), side / 30)[..., None]
    result = picture.astype(np.float32)
    there = result[row : row + side, column : column + side]
    there += share * (picture[top : top + side, left : left + side] - there)
    return np.where(known[..., None], picture, np.round(result)).astype(np.uint8)


if __name__ == "__main__":
    main()
