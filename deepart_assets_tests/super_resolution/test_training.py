import json
import math
import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError
from deepart_assets.settings.training_parts import GANLoss
from deepart_assets.super_resolution.data.pairs import Pair
from deepart_assets.super_resolution.training.job import build_model
from deepart_assets.super_resolution.training.loop import Job
from deepart_assets.super_resolution.training.stages import train_adversarial, train_pixel
from deepart_assets.super_resolution.weights import provenance_of, read_state, spec_of

from .killable import FEATURES, adversarial_options, changed, pixel_options
from .pictures import some_pairs

TINY = pixel_options(6)
TINY_ADVERSARIAL = adversarial_options(3)
VGG128 = adversarial_options(
    2,
    network_d={"type": "VGGStyleDiscriminator", "num_in_ch": 3, "num_feat": 4},
    datasets={"train": {"gt_size": 128}},
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
    other = train_pixel(pairs, changed(TINY, {"manual_seed": 4}))
    assert other.weights != base.weights
    torch.set_rng_state(before)


def test_a_recipe_with_degradations_trains_on_other_crops(pairs, base):
    degradations = {"datasets": {"train": {"degradations": {}}}}
    assert train_pixel(pairs, changed(TINY, degradations)).weights != base.weights


def test_training_leaves_torch_as_it_was(pairs):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    train_pixel(pairs, pixel_options(1))
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
    reported = []
    train_pixel(pairs, TINY, reported.append)
    assert [step.iteration for step in reported] == [1, 2, 3, 4, 5, 6]
    assert {step.total for step in reported} == {6}
    assert all(step.losses["l_pix"] > 0 and step.rate > 0 for step in reported)
    assert reported[-1].seconds_left == 0
    assert re.fullmatch(
        r"6/6: l_pix 0\.\d+, PSNR-Y \d\d\.\d\d dB; [\d.]+ it/s, about 0 s left", reported[-1].line
    )


def test_pixel_training_learns_what_the_pairs_show(pairs):
    """HR is darker than LR here, which no interpolation knows and any training finds out."""
    dark = [replace(pair, hr=(pair.hr * 0.7).astype(np.uint8)) for pair in pairs]
    trained = train_pixel(dark, pixel_options(40, train={"optim_g": {"lr": 2e-3}}))
    assert trained.figures["valid_psnr_y"] > trained.figures["valid_psnr_y_before"] + 5


def test_without_validation_pairs_there_is_no_psnr(pairs):
    trained = train_pixel([pair for pair in pairs if pair.split == "train"], TINY)
    assert trained.figures["valid_psnr_y"] is None


@pytest.mark.slow
@pytest.mark.parametrize("settings", [TINY_ADVERSARIAL, VGG128], ids=["unet", "vgg128"])
def test_adversarial_training_goes_on_from_the_base(pairs, base, settings):
    pytest.importorskip("efficientnet_lite_pytorch")
    trained = train_adversarial(pairs, base.weights, settings, features=FEATURES)
    old, new = read_state(base.weights, "a"), read_state(trained.weights, "b")
    moved = max(float((old[key] - new[key]).abs().max()) for key in old)
    # Adam moves a weight by about the learning rate a step, and no training starts again.
    assert 0 < moved < 2 * settings.train.optim_g.lr * settings.train.total_iter
    assert set(trained.curve[-1]) == {
        *("iteration", "l_g_pix", "l_g_percep", "l_g_gan", "l_d", "out_d_real", "out_d_fake"),
        *("psnr_y", "niqe"),
    }
    origin = provenance_of(trained.weights)
    assert (origin["stage"], origin["base_stage"]) == ("adversarial", "pixel")
    assert origin["feature_network"] == "EfficientNet-Lite0"
    assert (
        train_adversarial(pairs, base.weights, settings, features=FEATURES).weights
        == trained.weights
    )


@pytest.mark.parametrize("stage", ["pixel", "adversarial"])
def test_no_loss_sees_what_zero_padding_darkens(stage):
    """A flat bright picture: the untrained network is exact on it but for its padded border."""
    pytest.importorskip("efficientnet_lite_pytorch")
    flat = np.full((40, 40, 3), 220, np.uint8)
    pair = Pair("flat", "train", flat, flat.repeat(4, axis=0).repeat(4, axis=1))
    losses = []
    still = {"optim_g": {"lr": 1e-12}}
    base = train_pixel(
        [pair], pixel_options(1, train=still), lambda step: losses.append(step.losses)
    )
    if stage == "adversarial":
        settings = adversarial_options(1, train=still)
        train_adversarial(
            [pair],
            base.weights,
            settings,
            lambda step: losses.append(step.losses),
            features=FEATURES,
        )
        assert losses[-1]["l_g_percep"] < 1e-3
        assert losses[-1]["l_g_pix"] < 1e-6
    assert losses[0]["l_pix"] < 1e-4


def test_a_training_that_diverges_is_stopped(pairs):
    with pytest.raises(UnavailableError, match=r"diverged at iteration \d .* lower .*optim_g\.lr"):
        train_pixel(pairs, changed(TINY, {"train": {"optim_g": {"lr": 1e30}}}))


def test_a_base_of_another_kind_is_refused(pairs):
    with pytest.raises(UnavailableError, match="the base of art_esrgan"):
        train_adversarial(pairs, b"nothing", TINY_ADVERSARIAL, features=FEATURES)


def test_a_base_of_another_size_is_refused_with_what_to_set(pairs, base):
    larger = changed(TINY_ADVERSARIAL, {"network_g": {"num_block": 2}})
    with pytest.raises(
        UnavailableError, match=r"network_g to \{num_feat: 8, num_block: 1, num_grow_ch: 4\}"
    ):
        train_adversarial(pairs, base.weights, larger, features=FEATURES)


def test_gpus_that_are_not_there_are_asked_for_in_vain(pairs):
    with pytest.raises(UnavailableError, match=r"num_gpu: 99, but this process sees \d+ GPUs"):
        train_pixel(pairs, changed(TINY, {"num_gpu": 99}))


def relativistic(better, worse, kind="vanilla", *, is_disc=True):
    prepare()
    from basicsr.losses import gan_loss

    from deepart_assets.super_resolution.training.models import relativistic_loss

    return relativistic_loss(gan_loss.GANLoss(kind), better, worse, is_disc=is_disc)


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
    made = relativistic(torch.tensor(real), torch.tensor(fake))
    assert math.isclose(float(made), expected / 2, rel_tol=1e-4, abs_tol=1e-5)


def test_the_generator_s_loss_falls_when_it_is_more_real():
    original = torch.zeros(4)
    losses = [float(relativistic(torch.full((4,), made), original)) for made in (-2.0, 0.0, 2.0)]
    assert losses == sorted(losses, reverse=True)
    assert losses[1] == pytest.approx(math.log(2))


def test_every_kind_of_adversarial_loss_that_is_taken_teaches_the_generator():
    def gradient(kind):
        made = torch.zeros(4, requires_grad=True)
        relativistic(made, torch.ones(4), kind, is_disc=False).backward()
        return made.grad

    for kind in get_args(GANLoss.model_fields["gan_type"].annotation):
        assert (gradient(kind) < 0).all(), kind
    assert not gradient("hinge").any()  # which is refused


@pytest.mark.parametrize("total", [1, 2, 10, 1000])
def test_the_learning_rate_rises_and_falls(total):
    model = build_model(Job([], pixel_options(total, train={"warmup_iter": max(1, total // 30)})))
    rates = []
    for iteration in range(1, total + 1):
        model.update_learning_rate(iteration, model.opt["train"]["warmup_iter"])
        model.optimizer_g.step()  # without gradients it moves nothing
        rates += model.get_current_learning_rate()
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(1e-3, rel=0.02)
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert min(rates) >= 1e-5


def test_the_moving_average_follows_and_lags():
    model = build_model(Job([], pixel_options(10, train={"ema_decay": 0.9})))
    weight, average = model.net_g.conv_last.bias, model.net_g_ema.conv_last.bias
    torch.nn.init.ones_(weight)
    model.model_ema(0.9)
    assert average.tolist() == pytest.approx([0.1] * 3)
    for _ in range(100):
        model.model_ema(0.9)
    assert average.tolist() == pytest.approx([1] * 3, abs=1e-3)
    assert model.net_for_inference is model.net_g_ema
    without = build_model(Job([], pixel_options(10, train={"ema_decay": 0})))
    assert without.net_for_inference is without.net_g
