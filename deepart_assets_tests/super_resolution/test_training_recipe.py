"""The seed's recipe, number by number, and the settings that depart from it."""

import itertools

import pytest
import torch

from deepart_assets.settings.super_resolution import NOT_IN_RESULT, AdversarialTraining
from deepart_assets.super_resolution.training import (
    _AdversarialStage,
    train_adversarial,
    train_pixel,
)
from deepart_assets.super_resolution.weights import provenance_of, read_state

from . import killable

TINY = {"feature_network": "efficientnet_lite0", "discriminator_features": 4, "batch": 2}


@pytest.fixture(scope="module")
def base():
    pytest.importorskip("efficientnet_lite_pytorch")
    return killable.base()


def test_the_defaults_are_the_seed_s():
    """traiNNer's configuration as the seed resolves it, and ESRGAN's weights of the losses."""
    recipe = AdversarialTraining()
    assert (recipe.iterations, recipe.batch, recipe.crop, recipe.seed) == (5000, 8, 128, 0)
    assert (recipe.pixel_weight, recipe.feature_weight, recipe.adversarial_weight) == (
        1e-2, 1, 5e-3,
    )  # fmt: skip
    assert (recipe.learning_rate, recipe.discriminator_learning_rate) == (1e-4, None)
    assert (recipe.betas, recipe.gamma, recipe.clip_norm) == ((0.9, 0.999), 0.5, 0.1)
    assert (recipe.feature_network, recipe.discriminator) == ("vgg19", "vgg128")
    assert (recipe.discriminator_features, recipe.block_noise) == (64, 0.1)


def test_both_rates_halve_after_500_1000_2000_and_3000_of_5000_iterations(base):
    stage = _AdversarialStage(base, AdversarialTraining(**TINY))
    for name in ("optimiser", "judge_optimiser"):
        group = stage.parts[name].param_groups[0]
        assert (group["lr"], group["betas"], group["weight_decay"]) == (1e-4, (0.9, 0.999), 0)
    for name, optimiser in (("schedule", "optimiser"), ("judge_schedule", "judge_optimiser")):
        rates = []
        for _ in range(5000):
            stage.parts[optimiser].step()  # without gradients it moves nothing
            stage.parts[name].step()
            rates.append(stage.parts[name].get_last_lr()[0])
        falls = [i + 2 for i, (a, b) in enumerate(itertools.pairwise(rates)) if a != b]
        assert falls == [500, 1000, 2000, 3000]
        assert rates[-1] == pytest.approx(1e-4 / 16)


def test_the_generator_s_gradient_is_clipped_to_a_tenth(base):
    settings = AdversarialTraining(**TINY, clip_norm=1e-4)
    stage = _AdversarialStage(base, settings)
    _, norms = stage.step(torch.rand(2, 3, 36, 36), torch.rand(2, 3, 128, 128))
    found = torch.nn.utils.get_total_norm([p.grad for p in stage.net.parameters()])
    assert float(norms["gradient"]) > 1e-4  # as it was before
    assert float(found) == pytest.approx(1e-4, rel=1e-2)


def test_noise_is_a_tenth_of_what_leaves_a_dense_block_and_only_while_training(base):
    net = _AdversarialStage(base, AdversarialTraining(**TINY)).net
    block, picture = net.body[0].rdb2, torch.rand(1, 8, 64, 64) + 1
    with torch.no_grad():
        clean, noisy = block.eval()(picture), block.train()(picture)
        assert torch.equal(block.eval()(picture), clean)
    relative = (noisy - clean) / clean
    assert float(relative.mean()) == pytest.approx(0, abs=3e-3)
    assert float(relative.std()) == pytest.approx(0.1, rel=0.05)
    silent = _AdversarialStage(base, AdversarialTraining(**TINY, block_noise=0)).net
    lr = torch.rand(1, 3, 16, 16)
    assert torch.equal(silent.train()(lr), silent.eval()(lr))
    assert not torch.equal(net.train()(lr), net.eval()(lr))


def test_when_checkpoints_are_written_is_no_part_of_the_result():
    trained = [
        train_pixel(killable.small_pairs(), killable.PIXEL.model_copy(update=more)).weights
        for more in ({}, {"checkpoint_seconds": 5.0})
    ]
    assert trained[0] == trained[1]
    assert not NOT_IN_RESULT & set(provenance_of(trained[0])["settings"].split('"'))


@pytest.mark.parametrize("discriminator", ["vgg128", "unet"])
def test_bf16_computes_in_bfloat16_and_stays_close(base, discriminator):
    """Weights, losses and optimisers are float32; the first losses differ by bf16's rounding."""
    seen = {}
    for precision in ("fp32", "bf16"):
        settings = AdversarialTraining(
            **TINY, precision=precision, discriminator=discriminator, iterations=3
        )
        torch.manual_seed(0)
        stage = _AdversarialStage(base, settings)
        kinds = set()
        stage.net.conv_first.register_forward_hook(lambda m, i, o, kinds=kinds: kinds.add(o.dtype))
        lr, hr = torch.rand(2, 3, 36, 36), torch.rand(2, 3, 128, 128)
        seen[precision] = [
            {name: value.detach() for name, value in stage.step(lr, hr)[0].items()}
            for _ in range(3)
        ]
        assert kinds == {torch.bfloat16 if precision == "bf16" else torch.float32}
        assert {value.dtype for losses in seen[precision] for value in losses.values()} == {
            torch.float32
        }
        assert {p.dtype for p in stage.net.parameters()} == {torch.float32}
    for name, value in seen["fp32"][0].items():
        assert float(seen["bf16"][0][name]) == pytest.approx(float(value), rel=0.05), name
    assert any(float(seen["bf16"][0][n]) != float(v) for n, v in seen["fp32"][0].items())


def test_bf16_trains_to_the_end_and_resumably_writes_float32(base, tmp_path):
    settings = killable.ADVERSARIAL.model_copy(update={"precision": "bf16", "iterations": 4})
    trained = train_adversarial(killable.small_pairs(), base, settings)
    assert {value.dtype for value in read_state(trained.weights, "a").values()} == {torch.float32}
    pixel = killable.PIXEL.model_copy(update={"precision": "bf16", "iterations": 4})
    assert train_pixel(killable.small_pairs(), pixel).figures["valid_psnr_y"] > 15
