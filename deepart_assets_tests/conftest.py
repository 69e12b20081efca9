"""What the tests share: a small profile of generated paintings, and ways to run the graph on it.

The whole real graph runs on it in seconds: real segmenter, real outpainters, real training, only
everything is small.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
import yaml
from PIL import Image

from deepart_assets.orchestration.build import build_defs
from deepart_assets.orchestration.events import RANGE_END_TAG, RANGE_START_TAG
from deepart_assets.settings import load_settings
from deepart_assets.storage import Lake, Ledger


def draw_painting(seed: int, height: int = 200, width: int = 160) -> np.ndarray:
    """A bright figure before a dim, textured ground: something with a subject."""
    random = np.random.default_rng(seed)
    ground = random.integers(30, 70, 3)
    picture = np.ones((height, width, 3)) * ground + random.normal(0, 4, (height, width, 1))
    rows, columns = np.mgrid[:height, :width]
    head = (rows - height * 0.3) ** 2 + (columns - width / 2) ** 2 < (width * 0.13) ** 2
    body = ((rows - height * 0.75) / (height * 0.38)) ** 2 + (
        (columns - width / 2) / (width * 0.26)
    ) ** 2 < 1
    picture[body] = random.integers(120, 200, 3) + random.normal(0, 10, (int(body.sum()), 1))
    picture[head] = (232, 190, 160)
    return np.clip(picture, 0, 255).astype(np.uint8)


class Project:
    """A profile, a data lake and a Dagster instance of a test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self.root = folder / "lake"
        self.lake = Lake(self.root)
        self.ledger = Ledger(self.lake)
        self.content: dict[str, Any] = {
            "wikiart": {"source": {"kind": "folder", "path": str(self.inbox)}},
            "segmentation": {
                "segmenter": {"kind": "saliency", "minimal_contrast": 0},
                "minimal_share": 0,
                "maximal_share": 1,
            },
            "restoration": {"working_side": 64},
            "outpainters": {"telea": {"kind": "telea"}},
            "super_resolution": {
                "data_set": {"minimal_side": 64, "split": [0.4, 0.3, 0.3], "split_seed": 1},
                "pairs": {"hr_side": 128},
                "psnr_weights": {
                    "kind": "train",
                    "network": {"features": 8, "blocks": 1, "growth": 4},
                    "iterations": 4,
                    "batch": 2,
                    "crop": 64,
                },
                "art_esrgan": {
                    "iterations": 2,
                    "batch": 2,
                    "crop": 64,
                    "feature_network": "efficientnet_lite0",
                    "discriminator": "unet",
                    "discriminator_features": 8,
                },
            },
        }

    def add_painting(self, name: str, seed: int) -> None:
        Image.fromarray(draw_painting(seed)).save(self.inbox / f"{name}.png")

    def write_profile(self) -> Path:
        file = self.folder / "tiny.yaml"
        file.write_text(yaml.safe_dump(self.content))
        return file

    def defs(self) -> dg.Definitions:
        return build_defs(load_settings(str(self.write_profile())), str(self.root))

    def run(
        self,
        job: str,
        instance: dg.DagsterInstance,
        keys: Sequence[str] | None = None,
        **more: Any,
    ) -> Any:
        """Run a job as the UI does, with the profile's executor; never raises."""
        os.environ["DEEPART_PROFILE"] = str(self.write_profile())
        os.environ["DEEPART_DATA"] = str(self.root)
        keys = list(keys) if keys is not None else instance.get_dynamic_partitions("paintings")
        tags = {RANGE_START_TAG: keys[0], RANGE_END_TAG: keys[-1]} if job == "restore" else {}
        return dg.execute_job(dg.reconstructable(JOBS[job]), instance=instance, tags=tags, **more)


def catalogue_job() -> dg.JobDefinition:
    return build_defs(load_settings()).resolve_job_def("catalogue")


def restore_job() -> dg.JobDefinition:
    return build_defs(load_settings()).resolve_job_def("restore")


JOBS = {"catalogue": catalogue_job, "restore": restore_job}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    # Set by the project's runs; monkeypatch takes them back afterwards.
    monkeypatch.setenv("DEEPART_PROFILE", "sample")
    monkeypatch.setenv("DEEPART_DATA", str(tmp_path / "lake"))
    made = Project(tmp_path)
    for number in range(5):
        made.add_painting(f"p{number}", seed=number)
    return made


@pytest.fixture
def instance(tmp_path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as made:
        yield made
