"""Training from the command line."""

import json

import numpy as np
import pytest
import yaml

from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import encode_png
from deepart_assets.outpainting.comodgan.training.__main__ import main, read_example
from deepart_assets.outpainting.comodgan.weights import read_weights
from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.outpainting.comodgan.small_training import (
    SMALL,
    STAGES,
    painted_examples,
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


def test_the_shipped_recipes_are_recipes():
    from deepart_assets.outpainting.comodgan.training.__main__ import read_recipe

    files = sorted((PROJECT / "configs" / "outpainting").glob("*.yml"))
    assert files and all(read_recipe(file).iterations > 0 for file in files)
