"""Many grounds as a few arrays: 100,000 are read in seconds, and one npz file each in a minute."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.scene_completion.ground import Ground

STACKED = "subject", "ground", "texture", "palette", "tones"
"""Fields whose arrays have one shape in all grounds: N rows of it."""
JOINED = "packed_hole", "standing"
"""Fields whose arrays do not: one after the other, flat, with an array of their N shapes."""
_ARRAYS = frozenset((*STACKED, *JOINED))
_PLAIN = tuple(each.name for each in fields(Ground) if each.name not in _ARRAYS)
_PAIRS = "shape", "rows"
"""Plain fields that are tuples, which JSON does not have."""


def stacked(grounds: Sequence[Ground]) -> dict[str, NDArray[Any]]:
    """Return at least one ground as arrays; `plain`, uint8, is JSON: a list for each other field.

    Nothing is rounded.
    """
    columns = {name: [getattr(each, name) for each in grounds] for name in _PLAIN}
    arrays = {"plain": np.frombuffer(json.dumps(columns).encode(), np.uint8)}
    for name in STACKED:
        arrays[name] = np.stack([getattr(each, name) for each in grounds])
    for name in JOINED:
        parts = [getattr(each, name) for each in grounds]
        arrays[name] = np.concatenate([each.ravel() for each in parts])
        arrays[f"{name}_shapes"] = np.array([each.shape for each in parts], np.int32)
    return arrays


def unstacked(arrays: Mapping[str, NDArray[Any]]) -> list[Ground]:
    """Return the grounds, whose arrays are views of those given.

    Raises:
        ValueError, KeyError, TypeError: They are not what `stacked` returns.
    """
    columns = json.loads(arrays["plain"].tobytes())
    for name in _PAIRS:
        columns[name] = [tuple(each) for each in columns[name]]
    columns |= {name: arrays[name] for name in STACKED}
    for name in JOINED:
        shapes = arrays[f"{name}_shapes"]
        sizes = shapes.prod(axis=1, dtype=np.int64)
        if sizes.sum() != arrays[name].size:
            raise ValueError(f"{name} is not of its size")
        parts = np.split(arrays[name], np.cumsum(sizes)[:-1])
        columns[name] = [
            part.reshape(shape) for part, shape in zip(parts, shapes.tolist(), strict=True)
        ]
    rows = zip(*columns.values(), strict=True)
    return [Ground(**dict(zip(columns, row, strict=True))) for row in rows]
