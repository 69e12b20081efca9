"""Training from the command line."""

import json

import numpy as np
import pytest
import yaml

from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import encode_png
from deepart_assets.outpainting import build_outpainter, outpaint, subject_difference
from deepart_assets.outpainting.comodgan.sources import FINDER
from deepart_assets.outpainting.comodgan.weights import read_weights
from deepart_assets.settings.outpainting import ArtificiallyInspired
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.weights import BundledWeights
from deepart_assets_tests.recipes.small_training import (
    SMALL,
    STAGES,
    painted_examples,
)
from recipes.comodgan_paintings_small.__main__ import (
    main,
    read_example,
    read_recipe,
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "masks").mkdir()
    for number, each in enumerate(painted_examples()):
        (tmp_path / f"{number}.png").write_bytes(encode_png(each.picture))
        if number:
            mask = encode_png(each.subject.astype(np.uint8) * 255)
            (tmp_path / "masks" / f"{number}.png").write_bytes(mask)
    recipe = {"kind": "train", "stages": STAGES, "checkpoint_seconds": 0, **SMALL}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return tmp_path


def command(folder, *pictures):
    main(
        [
            str(folder / "recipe.yaml"),
            *(str(folder / each) for each in pictures),
            *("--masks", str(folder / "masks"), "--checkpoints", str(folder / "kept")),
            *("--output", str(folder / "made" / "own.safetensors")),
        ]
    )
    return (folder / "made" / "own.safetensors").read_bytes()


@pytest.mark.slow
def test_weights_are_written_and_a_finished_training_is_not_trained_again(folder, capsys):
    made = command(folder, "0.png", "1.png", "2.png")
    weights = read_weights(folder / "made" / "own.safetensors")
    assert weights.spec.resolution == 32 and weights.provenance["paintings"] == "3"
    first = capsys.readouterr().out
    assert "10/10 at 32 pixels" in first
    assert json.loads(first.splitlines()[-1])["paintings"] == 3
    assert command(folder, "2.png", "1.png", "0.png") == made  # in whatever order
    assert "10/10" not in capsys.readouterr().out
    (folder / "masks" / "1.png").unlink()  # other data, another training
    assert command(folder, "0.png", "1.png", "2.png") != made


def test_masks_count_as_far_as_there_are_any(folder):
    given = painted_examples()[1]
    example = read_example(folder / "1.png", folder / "masks")
    assert np.array_equal(example.picture, given.picture)
    assert np.array_equal(example.subject, given.subject)
    assert read_example(folder / "0.png", folder / "masks").subject is None


def test_a_recipe_that_is_none_is_refused(folder):
    (folder / "recipe.yaml").write_text("kind: train\nstages: []\n")
    with pytest.raises(UnavailableError, match=r"(?s)recipe\.yaml is no recipe .*stages"):
        command(folder, "0.png")


def test_shipped_weights_are_those_of_their_recipe():
    recipes = {"paintings_small": PROJECT / "recipes" / "comodgan_paintings_small" / "recipe.yml"}
    assert [file.stem for file in sorted(FINDER.folder.iterdir())] == list(recipes)
    for name, file in recipes.items():
        shipped = FINDER.folder / f"{name}.safetensors"
        weights, settings = read_weights(shipped), read_recipe(file)
        assert shipped.stat().st_size < 25e6
        assert weights.spec.resolution == settings.stages[-1].resolution
        # What a later version has beside is at its default.
        held = json.loads(weights.provenance["settings"])
        assert held.items() <= settings.recipe().items()
        weights = BundledWeights(kind="bundled", name=name)
        painter = build_outpainter(
            ArtificiallyInspired(kind="artificially_inspired", weights=weights, scale=0.25)
        )
        picture = np.full((160, 144, 3), (150, 120, 60), np.uint8)
        alpha = np.zeros((160, 144, 1), np.uint8)
        alpha[40:120, 50:90] = 255
        given = np.dstack([picture * (alpha > 0), alpha])
        painted = outpaint(painter, given, seed=1)
        assert subject_difference(given, painted) == 0
        assert painted[alpha[..., 0] == 0].std(axis=0).min() > 1
