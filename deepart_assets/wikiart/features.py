"""What EfficientNet-Lite0 sees of paintings, computed once for each.

Belongs here: preparing pictures, running the network, the table in the lake that keeps what it
saw. Does not belong here: what is learned from it (`predicted_styles`).
"""

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.backbones.efficientnet import (
    FEATURES,
    efficientnet_lite0,
    normalised,
    weights_file,
)
from deepart_assets.errors import PaintingError
from deepart_assets.imaging import resize
from deepart_assets.storage import Lake, sha256_of_file
from deepart_assets.wikiart.catalogue import from_parquet, to_parquet

CACHE = "predicted_styles/features.parquet"
"""The table in the lake: sha256 of the original, network, features (1280 float16 as bytes)."""

SIDE = 224
"""The side that the network was trained at."""

PREPARATION = "3x224"
"""The name of `windows`, part of the network's: another preparation, other features."""

OTHERWISE = "wikiart.predicted_styles: null"
BATCH = 16
"""Paintings that go through the network together."""
SAVED_EVERY = 64
"""Batches between two writings of the table."""
WORKERS = min(4, os.cpu_count() or 1)
"""Pictures decoded at a time, each in memory as a whole."""

Vector = NDArray[np.float16]


def windows(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture as three squares, 3×224×224×3: its start, middle and end.

    The smaller side is brought to 224 and the squares are laid along the longer, so that all of a
    painting up to an aspect of 3 is seen without distortion. On 89 paintings of six groups a probe
    got 0.44 of the styles of unseen artists right with the mean of the three, 0.33 with the centre
    crop (256, then 224) of ImageNet's evaluation, and 0.41 with the picture squashed to a square.
    """
    height, width = picture.shape[:2]
    factor = SIDE / min(height, width)
    rows, columns = max(SIDE, round(height * factor)), max(SIDE, round(width * factor))
    small = resize(picture, rows, columns)
    squares = []
    for part in (0, 1, 2):
        top, left = (rows - SIDE) * part // 2, (columns - SIDE) * part // 2
        squares.append(small[top : top + SIDE, left : left + SIDE])
    return np.stack(squares)


class Eye:
    """The network; it is loaded when it first looks at a picture."""

    @cached_property
    def name(self) -> str:
        """The hash of the weights and the preparation: equal names, equal features.

        Raises:
            UnavailableError: The package is not installed.
        """
        return f"{sha256_of_file(weights_file(OTHERWISE))} {PREPARATION}"

    @cached_property
    def _net(self) -> Any:
        return efficientnet_lite0(OTHERWISE).eval().requires_grad_(False)

    def __call__(self, squares: NDArray[np.uint8]) -> Vector:
        """Return the features after the last activation, averaged over positions and squares.

        Args:
            squares: N×3×224×224×3, as of `windows`.

        Returns:
            N×1280.
        """
        import torch

        flat = torch.from_numpy(squares.reshape(-1, SIDE, SIDE, 3)).permute(0, 3, 1, 2)
        with torch.inference_mode():
            seen = self._net.extract_features(normalised(flat.float() / 255)).mean(dim=(2, 3))
        pooled = seen.reshape(len(squares), -1, FEATURES).mean(dim=1).numpy()
        return pooled.astype(np.float16)


def features_of(
    paintings: Mapping[str, str],
    original: Callable[[str], NDArray[np.uint8]],
    lake: Lake,
    eye: Eye,
    *,
    keep: Iterable[str] = (),
    tell: Callable[[str], object] = lambda line: None,
) -> tuple[dict[str, Vector], list[str]]:
    """Return what the network sees of paintings; one that it saw before is not read again.

    What is new is written to the lake every thousand paintings and at the end, so that a run that
    is killed loses little. A table that is damaged, or of another network, is made again.

    Args:
        paintings: File by sha256.
        original: Decodes a file: RGB uint8, H×W×3.
        lake: Holds the table.
        eye: The network.
        keep: Further sha256 that stay in the table if they are there.
        tell: Takes a line on how far it is, and one on each painting that cannot be read.

    Returns:
        The features by sha256, and the files that cannot be decoded.
    """
    wanted = {*paintings, *keep}
    known = {key: seen for key, seen in _read(lake, eye.name).items() if key in wanted}
    new = [(sha256, file) for sha256, file in sorted(paintings.items()) if sha256 not in known]
    bad: list[str] = []

    def prepare(file: str) -> NDArray[np.uint8] | None:
        try:
            return windows(original(file))
        except PaintingError as error:
            tell(str(error))
            bad.append(file)
            return None

    with ThreadPoolExecutor(WORKERS) as pool:
        for number, start in enumerate(range(0, len(new), BATCH), start=1):
            batch = new[start : start + BATCH]
            prepared = list(pool.map(prepare, [file for _, file in batch]))
            squares = [(key, made) for (key, _), made in zip(batch, prepared, strict=True)]
            good = [(key, made) for key, made in squares if made is not None]
            if good:
                seen = eye(np.stack([made for _, made in good]))
                known.update(zip((key for key, _ in good), seen, strict=True))
            if number % SAVED_EVERY == 0:
                _write(lake, eye.name, known)
                tell(f"{start + len(batch)}/{len(new)} paintings looked at")
    if new:
        _write(lake, eye.name, known)
    return {key: known[key] for key in paintings if key in known}, sorted(bad)


def _read(lake: Lake, network: str) -> dict[str, Vector]:
    try:
        table = from_parquet(lake.read(CACHE))
        rows = table[table["network"] == network]
        found = {
            str(key): np.frombuffer(seen, dtype="<f2").astype(np.float16)
            for key, seen in zip(rows["sha256"], rows["features"], strict=True)
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # none yet, or not ours any more: it can be made again
    right = all(seen.shape == (FEATURES,) and np.isfinite(seen).all() for seen in found.values())
    return found if right else {}


def _write(lake: Lake, network: str, known: Mapping[str, Vector]) -> None:
    import pandas as pd

    rows = [(key, network, known[key].astype("<f2").tobytes()) for key in sorted(known)]
    lake.write(CACHE, to_parquet(pd.DataFrame(rows, columns=["sha256", "network", "features"])))
