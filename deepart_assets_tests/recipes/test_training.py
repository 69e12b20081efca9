"""A whole training, and going on after being killed."""

import json

import numpy as np
import pytest
import torch

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.comodgan.weights import build_generator, read_weights
from deepart_assets_tests.recipes.small_training import (
    kept,
    painted_examples,
    recipe,
    some,
)
from recipes.comodgan_paintings_small import Example, train


@pytest.fixture(scope="module")
def examples():
    return painted_examples()


class Killed(Exception):
    pass


@pytest.mark.slow
def test_a_training_gives_weights_that_paint(examples, tmp_path):
    steps = []
    trained = train(examples, recipe(), steps.append, provenance={"data_set": "d"})
    (tmp_path / "w.safetensors").write_bytes(trained.weights)
    weights = read_weights(tmp_path / "w.safetensors")
    assert weights.spec.resolution == 32
    assert weights.provenance["stage"] == "comodgan" and weights.provenance["data_set"] == "d"
    settings = json.loads(weights.provenance["settings"])
    assert settings["channel_base"] == 128 and "checkpoint_seconds" not in settings
    with torch.inference_mode():
        network = build_generator(weights)
        painted = network(*some(2, 32), network.mapping(torch.randn(2, 8)))
    assert bool(torch.isfinite(painted).all())
    assert [step.iteration for step in steps] == list(range(1, 11))
    assert [step.resolution for step in steps] == [16] * 5 + [32] * 5
    assert "at 32 pixels: l_g " in steps[-1].line
    assert trained.figures["iterations"] == 10 and trained.figures["device"] == "cpu"
    assert ("r1" in trained.curve[0]) is False and "r1" in trained.curve[1]


@pytest.mark.slow
def test_equal_arguments_equal_bytes_whatever_was_drawn_before(examples):
    torch.manual_seed(1)
    first = train(examples, recipe())
    drawn = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(3))  # the caller's generator is as it was
    again = train(examples, recipe())
    assert first.weights == again.weights
    assert train(examples, recipe(seed=1)).weights != first.weights


@pytest.mark.slow
@pytest.mark.parametrize("killed", [4, 5])  # inside a stage, and at its end
def test_a_killed_training_comes_to_the_same_bytes(examples, tmp_path, killed):
    whole = train(examples, recipe())

    def kill(step):
        if step.iteration == killed + 1:
            raise Killed

    with pytest.raises(Killed):
        train(examples, recipe(), kill, kept(tmp_path))
    assert len(list((tmp_path / "weights" / "checkpoint").iterdir())) == 1
    reported = []
    resumed = train(examples, recipe(), reported.append, kept(tmp_path))
    assert reported[0].iteration == killed + 1
    assert resumed.weights == whole.weights
    assert resumed.figures["resumed_after"] == str(killed)
    assert [row["iteration"] for row in resumed.curve] == list(range(1, 11))
    assert resumed.curve == whole.curve


@pytest.mark.slow
def test_a_finished_training_is_not_trained_again(examples, tmp_path):
    first = train(examples, recipe(), checkpoints=kept(tmp_path))
    reported = []
    again = train(examples, recipe(), reported.append, kept(tmp_path))
    assert again.weights == first.weights and not reported


def test_nothing_to_train_on_and_divergence_are_told(examples):
    with pytest.raises(UnavailableError, match="no paintings"):
        train([], recipe())
    with pytest.raises(UnavailableError, match=r"diverged by iteration \d+ .*learning_rate"):
        train(examples, recipe(learning_rate=1e18))


@pytest.mark.slow
def test_training_makes_pictures_more_like_the_paintings():
    """Flat paintings: within seconds what is painted must come near their one colour."""
    flat = [Example(np.full((32, 32, 3), (200, 120, 60), np.uint8))]
    stages = [{"resolution": 16, "iterations": 60, "batch": 8}]
    settings = recipe(
        stages=stages, learning_rate=0.005, augmentation=(), l1_weight=1.0, r1_gamma=1
    )
    trained = train(flat, settings)
    losses = [row["l_1"] for row in trained.curve]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])
