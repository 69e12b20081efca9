"""Renders pages in a real browser."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

needs_browser = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="needs the chromium browser"
)


def screenshot(page: Path) -> np.ndarray:
    """What Chromium shows of a local page: int, 1000×1300×3, in [0, 255]."""
    shot = page.with_suffix(".png")
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={page.parent / 'chromium'}", "--window-size=1300,1000",
         "--virtual-time-budget=3000", f"--screenshot={shot}", page.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return np.asarray(Image.open(shot).convert("RGB")).astype(int)
