"""Figures as JSON in one flat schema, `reports/<name>.json`.

    {"rows": [{"name": "bicubic", "psnr_y": 27.31, "ssim_y": 0.74, "niqe": 7.2}, …]}

Each row has a unique "name"; other values are numbers, strings, booleans or null, named by metric
(`psnr_y` in dB, `seconds`, `subject_share` in [0, 1]).
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any


def report_json(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows in the report schema.

    Raises:
        ValueError: A row has no name, a name occurs twice, or a value is nested.
    """
    flat = [dict(row) for row in rows]
    names = [row.get("name") for row in flat]
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise ValueError(f"report rows need a unique string as name, found {names}")
    for row in flat:
        for key, value in row.items():
            if not isinstance(value, str | int | float | bool | None):
                raise ValueError(f"{row['name']}.{key} is a {type(value).__name__}, not a figure")
            if isinstance(value, float) and not math.isfinite(value):
                row[key] = None
    return (json.dumps({"rows": flat}, indent=1, ensure_ascii=False) + "\n").encode()
