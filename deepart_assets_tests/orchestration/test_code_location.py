"""The code location loads without the heavy packages."""

import json
import subprocess
import sys

HEAVY = {
    "basicsr", "cv2", "diffusers", "gdown", "kaggle", "matplotlib", "onnxruntime", "pandas",
    "patchmatch", "pyarrow", "ray", "scipy", "skimage", "starlette", "torch", "torchvision",
    "transformers", "uvicorn",
}  # fmt: skip

LOAD = """
import json, sys
from deepart_assets.build import build_defs
from deepart_assets.settings import load_settings
import deepart_assets.cli  # every step of its runs imports it
import deepart_assets.definitions
loaded = {}
for profile in sys.argv[1:]:
    build_defs(load_settings(profile)).resolve_asset_graph()
    loaded[profile] = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps(loaded))
"""
PROFILES = ["sample", "gpu", "ray", "kubernetes"]


def test_no_heavy_package_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *PROFILES], capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert list(loaded) == PROFILES and "dagster" in loaded["sample"]
    assert {name: HEAVY & {*each} for name, each in loaded.items() if HEAVY & {*each}} == {}
