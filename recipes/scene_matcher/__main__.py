"""Trains the linear probes of scene completion by ridge regression.

    python -m recipes.scene_matcher --output scene_matcher.safetensors paintings.csv

The table has the columns file (relative to it), artist and genre. With --test, paintings by a fifth
of the artists are left out and the probes are measured on them.
"""

import argparse
import csv
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import decode_rgb, resize, working_size
from deepart_assets.outpainting.scene_completion.ground import SIDE, kind_of
from deepart_assets.outpainting.scene_completion.probes import KINDS, PLACES
from deepart_assets.outpainting.scene_completion.vectors import tokens_of
from deepart_assets.outpainting.tone import lab_of
from deepart_assets.segmentation.bundled import CONTOUR, BundledSegmenter
from deepart_assets.segmentation.refinement import refine
from deepart_assets.wikiart.labels import artist_key
from recipes.scene_matcher.examples import Example, examples

RIDGE, KIND_RIDGE = 3000.0, 300.0
HELD_OUT = 5
"""One artist of so many is held out by --test."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the probes."""
    parser = argparse.ArgumentParser("python -m recipes.scene_matcher", description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--test", action="store_true", help="measure on artists held out")
    parser.add_argument("table", type=Path)
    given = parser.parse_args(arguments)
    with given.table.open(encoding="utf8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if kind_of(row)]
    segmenter = BundledSegmenter()
    taught, kinds, tests = [], [], []
    for row in rows:
        artist = zlib.crc32(artist_key(row["artist"]).encode())
        is_held = given.test and artist % HELD_OUT == 0
        kind, tokens, found = look(given.table.parent / row["file"], row, segmenter)
        if is_held:
            tests += found
        else:
            taught += found
            kinds.append((tokens.mean((0, 1)), KINDS.index(kind)))
    probes = {"places": place_probe(taught), "kinds": kind_probe(kinds)}
    from safetensors.numpy import save_file

    save_file({name: each.astype(np.float16) for name, each in probes.items()}, given.output)
    for name, probe in zip(PLACES, probes["places"], strict=True):
        right = [
            float((np.sign(scores(probe, each.tokens)) == each.signs[name]).mean())
            for each in tests
            if abs(each.signs.get(name, 0)) == 1
        ]
        if right:
            print(f"{name}: right in {np.mean(right):.1%} of a region held out")


def look(
    file: Path, row: Mapping[str, str], segmenter: BundledSegmenter
) -> tuple[str, NDArray[np.float32], list[Example]]:
    """Return the kind of a painting, its tokens and what it teaches."""
    picture = decode_rgb(file.read_bytes(), file.name)
    picture = resize(picture, *working_size(picture.shape[0], picture.shape[1], SIDE))
    tokens = tokens_of(picture)
    probability = segmenter.probability(picture)
    kind = kind_of(row) or "figure"
    found = examples(
        tokens,
        probability,
        lab_of(picture)[..., 0],
        confidence=refine(picture, probability, CONTOUR).confidence,
        kind=kind,
        genre=row["genre"].casefold(),
    )
    return kind, tokens, list(found)


def scores(probe: NDArray[np.float32], tokens: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply a probe, 385 with the constant last, to tokens, n×384."""
    return np.asarray(tokens @ probe[:-1] + probe[-1], np.float32)


def place_probe(taught: Sequence[Example]) -> NDArray[np.float32]:
    """Return the probes of `PLACES`: float32, 4×385.

    A region counts by the root of its patches, and both sides of a probe count alike.
    """
    tokens = np.concatenate([each.tokens for each in taught])
    sizes = np.array([len(each.tokens) for each in taught])
    weights = np.repeat(sizes**-0.5, sizes)
    probes = []
    for name in PLACES:
        signs = np.concatenate(
            [np.full(len(each.tokens), each.signs.get(name, 0.0)) for each in taught]
        )
        weight = weights * np.abs(signs)
        for side in (signs > 0, signs < 0):
            weight[side] /= max(float(weight[side].sum()), 1e-9)
        probes.append(ridge(tokens, np.sign(signs)[:, None], weight, RIDGE)[0])
    return np.stack(probes)


def kind_probe(taught: Sequence[tuple[NDArray[np.float32], int]]) -> NDArray[np.float32]:
    """Return the probes of `KINDS` on mean tokens: float32, 4×385."""
    numbers = np.array([number for _, number in taught])
    counts = np.bincount(numbers, minlength=len(KINDS))
    wanted = np.eye(len(KINDS))[numbers]
    tokens = np.stack([each for each, _ in taught])
    return ridge(tokens, wanted, counts[numbers] ** -0.5, KIND_RIDGE)


def ridge(
    inputs: NDArray[np.float32], wanted: NDArray, weights: NDArray, strength: float
) -> NDArray[np.float32]:
    """Return linear maps from n×384 to n×k by weighted ridge regression: float32, k×385."""
    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-6
    standard = np.hstack([(inputs - mean) / deviation, np.ones((len(inputs), 1))])
    weights = weights / max(float(weights[weights > 0].mean()), 1e-9)
    square = standard.T @ (standard * weights[:, None]) + strength * np.eye(standard.shape[1])
    found = np.linalg.solve(square, standard.T @ (wanted * weights[:, None]))
    slopes = found[:-1] / deviation[:, None]
    return np.vstack([slopes, found[-1] - mean @ slopes]).T.astype(np.float32)


if __name__ == "__main__":
    main()
