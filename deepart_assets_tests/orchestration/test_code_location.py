"""The code location loads without the heavy packages."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "basicsr", "cv2", "diffusers", "gdown", "kaggle", "matplotlib", "onnxruntime", "pandas",
    "patchmatch", "pyarrow", "ray", "scipy", "skimage", "torch", "torchvision", "transformers",
}  # fmt: skip

LOAD = """
import json, sys
from deepart_assets.definitions import defs
defs.resolve_asset_graph()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize("profile", ["sample", "gpu", "ray", "kubernetes"])
def test_no_heavy_package_is_imported(profile, monkeypatch):
    monkeypatch.setenv("DEEPART_PROFILE", profile)
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "dagster" in loaded
    assert loaded & HEAVY == set()
