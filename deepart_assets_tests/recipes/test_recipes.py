"""The recipes of the shipped models run from the project's folder."""

import subprocess
import sys

import pytest
import yaml
from pydantic import ValidationError

from deepart_assets.settings.outpainting import ArtificiallyInspired
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.training import PixelTraining

COMMANDS = [
    "comodgan_paintings_small",
    "face_detector",
    "ground_library",
    "person_segmenter",
    "scene_matcher",
    "subject_segmenter",
]


@pytest.mark.parametrize("recipe", COMMANDS)
def test_a_recipe_is_a_command(recipe):
    command = [sys.executable, "-m", f"recipes.{recipe}", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    assert f"python -m recipes.{recipe}" in done.stdout and "--output" in done.stdout


def test_each_recipe_has_a_readme_of_three_lines():
    folders = [each for each in (PROJECT / "recipes").iterdir() if (each / "README.md").is_file()]
    assert {each.name for each in folders} == {*COMMANDS, "art_psnr_32_6"}
    assert all(len((each / "README.md").read_text().splitlines()) == 3 for each in folders)


def test_the_recipe_of_the_base_is_a_training_of_the_graph():
    file = PROJECT / "recipes" / "art_psnr_32_6" / "recipe.yml"
    settings = PixelTraining.model_validate(yaml.safe_load(file.read_text())["psnr_weights"])
    assert settings.network_g.num_feat == 32 and settings.train.total_iter == 3000


def test_a_profile_that_still_trains_its_generator_is_told_of_the_recipe():
    weights = {"kind": "train", "stages": [{"resolution": 64, "iterations": 1, "batch": 1}]}
    with pytest.raises(ValidationError, match=r"recipes/comodgan_paintings_small.*kind: file"):
        ArtificiallyInspired.model_validate({"kind": "artificially_inspired", "weights": weights})
