import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.super_resolution import AdversarialTraining, Network, PixelTraining
from deepart_assets.super_resolution.loop import MovingAverage
from deepart_assets.super_resolution.pairs import Pair
from deepart_assets.super_resolution.training import (
    _warm_cosine,
    relativistic_loss,
    train_adversarial,
    train_pixel,
)
from deepart_assets.super_resolution.weights import provenance_of, read_state, spec_of

from .pictures import some_pairs

TINY = PixelTraining(
    network=Network(features=8, blocks=1, growth=4), iterations=6, batch=2, crop=48, seed=3
)
TINY_ADVERSARIAL = AdversarialTraining(
    iterations=3,
    batch=2,
    crop=48,
    feature_network="efficientnet_lite0",
    discriminator="unet",
    discriminator_features=4,
)


@pytest.fixture(scope="module")
def pairs():
    return some_pairs()


@pytest.fixture(scope="module")
def base(pairs):
    return train_pixel(pairs, TINY)


def test_the_same_seed_gives_the_same_bytes(pairs, base):
    before = torch.get_rng_state()
    torch.rand(3)  # what others draw must not matter
    again = train_pixel(pairs, TINY)
    assert again.weights == base.weights
    assert [row["psnr_y"] for row in again.curve] == [row["psnr_y"] for row in base.curve]
    other = train_pixel(pairs, TINY.model_copy(update={"seed": 4}))
    assert other.weights != base.weights
    torch.set_rng_state(before)


def test_training_leaves_torch_as_it_was(pairs):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    train_pixel(pairs, TINY.model_copy(update={"iterations": 1}))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_weights_are_a_plain_network_of_the_size_asked_for(base):
    spec = spec_of(read_state(base.weights, "a"))
    assert (spec.features, spec.blocks, spec.growth, spec.scale) == (8, 1, 4, 4)
    assert provenance_of(base.weights)["stage"] == "pixel"


def test_figures_and_curve_are_plain_json(base):
    json.dumps([base.curve, base.figures], allow_nan=False)
    assert [row["iteration"] for row in base.curve] == [1, 2, 3, 4, 5, 6]
    assert base.figures["valid_psnr_y"] == base.curve[-1]["psnr_y"]


def test_progress_is_reported_to_the_end(pairs):
    told = []
    train_pixel(pairs, TINY, told.append)
    assert [step.iteration for step in told] == [1, 2, 3, 4, 5, 6]
    assert {step.total for step in told} == {6}
    assert all(step.losses["pixel"] > 0 and step.rate > 0 for step in told)
    assert told[-1].seconds_left == 0
    assert re.fullmatch(
        r"6/6: pixel 0\.\d+, PSNR-Y \d\d\.\d\d dB; [\d.]+ it/s, about 0 s left", told[-1].line
    )


def test_pixel_training_learns_what_the_pairs_show(pairs):
    """HR is darker than LR here, which no interpolation knows and any training finds out."""
    dark = [replace(pair, hr=(pair.hr * 0.7).astype(np.uint8)) for pair in pairs]
    trained = train_pixel(dark, TINY.model_copy(update={"iterations": 40, "learning_rate": 2e-3}))
    assert trained.figures["valid_psnr_y"] > trained.figures["valid_psnr_y_before"] + 5


def test_without_validation_pairs_there_is_no_psnr(pairs):
    trained = train_pixel([pair for pair in pairs if pair.split == "train"], TINY)
    assert trained.figures["valid_psnr_y"] is None


@pytest.mark.parametrize(
    "settings",
    [
        TINY_ADVERSARIAL,
        AdversarialTraining(
            iterations=2,
            batch=2,
            feature_network="efficientnet_lite0",
            discriminator_features=4,
        ),
    ],
    ids=["unet", "vgg128"],
)
def test_adversarial_training_goes_on_from_the_base(pairs, base, settings):
    pytest.importorskip("efficientnet_lite_pytorch")
    trained = train_adversarial(pairs, base.weights, settings)
    old, new = read_state(base.weights, "a"), read_state(trained.weights, "b")
    moved = max(float((old[key] - new[key]).abs().max()) for key in old)
    # Adam moves a weight by about the learning rate a step, and no training starts anew.
    assert 0 < moved < 2 * settings.learning_rate * settings.iterations
    assert set(trained.curve[-1]) == {
        "iteration", "pixel", "feature", "adversarial", "discriminator", "psnr_y", "niqe",
    }  # fmt: skip
    origin = provenance_of(trained.weights)
    assert (origin["stage"], origin["base_stage"]) == ("adversarial", "pixel")
    assert train_adversarial(pairs, base.weights, settings).weights == trained.weights


@pytest.mark.parametrize("stage", ["pixel", "adversarial"])
def test_no_loss_sees_what_zero_padding_darkens(stage):
    """A flat bright picture: the untrained network is exact on it but for its padded border."""
    pytest.importorskip("efficientnet_lite_pytorch")
    flat = np.full((40, 40, 3), 220, np.uint8)
    pair = Pair("flat", "train", flat, flat.repeat(4, axis=0).repeat(4, axis=1))
    losses = []
    still = {"iterations": 1, "learning_rate": 1e-12}
    base = train_pixel(
        [pair], TINY.model_copy(update=still), lambda step: losses.append(step.losses)
    )
    if stage == "adversarial":
        train_adversarial(
            [pair],
            base.weights,
            TINY_ADVERSARIAL.model_copy(update=still | {"block_noise": 0}),
            lambda step: losses.append(step.losses),
        )
        assert losses[-1]["feature"] < 1e-3
    assert losses[-1]["pixel"] < 1e-4


def test_a_training_that_diverges_is_stopped(pairs):
    with pytest.raises(
        UnavailableError, match=r"diverged at iteration \d .* lower .*learning_rate"
    ):
        train_pixel(pairs, TINY.model_copy(update={"learning_rate": 1e30}))


def test_a_base_of_another_kind_is_refused(pairs):
    with pytest.raises(UnavailableError, match="the base of art_esrgan"):
        train_adversarial(pairs, b"nothing", TINY_ADVERSARIAL)


@given(
    st.lists(st.floats(-20, 20), min_size=1, max_size=6),
    st.lists(st.floats(-20, 20), min_size=1, max_size=6),
)
def test_the_relativistic_loss_is_the_paper_s(real, fake):
    """ESRGAN, equation 1, with D_Ra(a, b) = sigmoid(C(a) - mean C(b)), halved."""

    def log_sigmoid(x):
        return -np.logaddexp(0, -np.asarray(x))

    expected = -np.mean(log_sigmoid(np.array(real) - np.mean(fake)))
    expected -= np.mean(log_sigmoid(-(np.array(fake) - np.mean(real))))
    made = relativistic_loss(torch.tensor(real), torch.tensor(fake))
    assert math.isclose(float(made), expected / 2, rel_tol=1e-4, abs_tol=1e-5)


def test_the_generator_s_loss_falls_when_it_is_more_real():
    original = torch.zeros(4)
    losses = [
        float(relativistic_loss(torch.full((4,), made), original)) for made in (-2.0, 0.0, 2.0)
    ]
    assert losses == sorted(losses, reverse=True)
    assert losses[1] == pytest.approx(math.log(2))


@pytest.mark.parametrize("iterations", [1, 2, 10, 1000])
def test_the_learning_rate_rises_and_falls(iterations):
    factors = [_warm_cosine(iterations)(done) for done in range(iterations)]
    top = factors.index(max(factors))
    assert max(factors) == 1
    assert factors[:top] == sorted(factors[:top])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert min(factors) > 0


def test_the_moving_average_follows_and_lags():
    net = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(net.weight)
    average = MovingAverage(net, 500)  # remembers ten iterations
    torch.nn.init.ones_(net.weight)
    average.update(net)
    assert float(average.net.weight) == pytest.approx(0.1)
    for _ in range(100):
        average.update(net)
    assert float(average.net.weight) == pytest.approx(1, abs=1e-3)
