"""The original recipe, number by number, BasicSR's model beside ours, and what departs from it."""

import copy
from functools import partialmethod

import pytest
import torch

from deepart_assets.compat import prepare
from deepart_assets.settings.training import AdversarialTraining
from deepart_assets.super_resolution.training.job import basicsr_options, build_model
from deepart_assets.super_resolution.training.loop import Job
from deepart_assets.super_resolution.training.stages import train_adversarial, train_pixel
from deepart_assets.super_resolution.weights import provenance_of, read_state

from . import killable
from .killable import EFFICIENTNET, changed

VGG128 = {"type": "VGGStyleDiscriminator", "num_in_ch": 3, "num_feat": 4}
SEED = AdversarialTraining()
SMALL = changed(
    SEED,
    {
        "network_g": killable.SMALL,
        "network_d": VGG128,
        "datasets": {"train": {"batch_size_per_gpu": 2}},
        "train": {"perceptual_opt": EFFICIENTNET},
    },
)
"""The seed's recipe with networks that fit a test."""


@pytest.fixture(scope="module")
def base():
    pytest.importorskip("efficientnet_lite_pytorch")
    return killable.base()


def model_of(base, settings):
    torch.manual_seed(0)
    return build_model(Job([], settings, base, killable.FEATURES))


def step(model, lr, hr, iteration=1):
    model.feed_data({"lq": lr, "gt": hr})
    model.optimize_parameters(iteration)


def batch():
    torch.manual_seed(1)
    return torch.rand(2, 3, 36, 36), torch.rand(2, 3, 128, 128)


def test_the_options_are_the_seed_s():
    """traiNNer's configuration as the seed resolves it, and ESRGAN's weights of the losses."""
    train, crops, net = SEED.train, SEED.datasets.train, SEED.network_g
    assert (train.total_iter, crops.batch_size_per_gpu, crops.gt_size, SEED.manual_seed) == (
        *(5000, 8, 128, 0),
    )
    assert (net.num_feat, net.num_block, net.num_grow_ch, net.block_noise) == (64, 23, 32, 0.1)
    assert SEED.network_d.model_dump() == {
        **{"type": "VGGStyleDiscriminator", "num_in_ch": 3, "num_feat": 64, "input_size": 128},
    }
    assert train.pixel_opt.model_dump() == {
        **{"type": "L1Loss", "loss_weight": 1e-2, "reduction": "mean"},
    }
    feature = train.perceptual_opt
    assert (feature.layer_weights, feature.vgg_type) == ({"conv5_4": 1}, "vgg19")
    assert (feature.perceptual_weight, feature.style_weight, feature.criterion) == (1, 0, "l1")
    assert (feature.use_input_norm, feature.range_norm) == (True, False)
    assert (train.gan_opt.gan_type, train.gan_opt.loss_weight) == ("vanilla", 5e-3)
    for optimiser in (train.optim_g, train.optim_d):
        assert optimiser.model_dump() == {
            **{"type": "Adam", "lr": 1e-4, "weight_decay": 0, "betas": (0.9, 0.999)},
        }
    assert (train.scheduler.milestones, train.scheduler.gamma) == ((500, 1000, 2000, 3000), 0.5)
    assert (train.clip_grad_norm, train.net_d_iters, train.net_d_init_iters) == (0.1, 1, 0)


def test_both_rates_halve_after_500_1000_2000_and_3000_of_5000_iterations(base):
    model = model_of(base, SMALL)
    falls, before = [], None
    for iteration in range(1, 5001):
        model.update_learning_rate(iteration, SMALL.train.warmup_iter)
        for optimiser in model.optimizers:
            optimiser.step()  # without gradients it moves nothing
        rates = {optimiser.param_groups[0]["lr"] for optimiser in model.optimizers}
        assert len(rates) == 1
        if before not in (None, *rates):
            falls.append(iteration - 1)
        before = rates.pop()
    assert falls == [500, 1000, 2000, 3000]
    assert before == pytest.approx(1e-4 / 16)


def test_an_iteration_is_basicsr_s_but_for_what_is_named(base):
    """Without clipping, noise, context and average: BasicSR's own ESRGANModel on the same batch.

    The generator's step is the same; the discriminator's differs only in where its gradient stops.
    """
    prepare()
    from basicsr.losses import gan_loss  # noqa: F401
    from basicsr.models import build_model as basicsr_build

    plain = {"network_g": {"block_noise": 0}, "train": {"clip_grad_norm": None, "ema_decay": 0}}
    ours = model_of(base, changed(SMALL, plain))
    options = basicsr_options(Job([], changed(SMALL, plain), base))
    options |= {"model_type": "ESRGANModel", "path": {}}
    options["train"]["perceptual_opt"] = dict(EFFICIENTNET)
    theirs = basicsr_build(options)
    theirs.net_g.load_state_dict(ours.net_g.state_dict())
    theirs.net_d.load_state_dict(ours.net_d.state_dict())

    lr, hr = batch()
    step(ours, lr, hr)
    # BasicSR's loss sees the whole of what it enlarged; here it sees what ours does.
    whole = theirs.net_g.forward
    theirs.net_g.forward = lambda x: whole(x)[..., 8:-8, 8:-8]
    step(theirs, lr, hr)
    for name in ("l_g_pix", "l_g_percep", "l_g_gan"):
        assert float(ours.log_dict[name]) == pytest.approx(theirs.log_dict[name], rel=1e-5), name
    halves = theirs.log_dict["l_d_real"] + theirs.log_dict["l_d_fake"]
    assert float(ours.log_dict["l_d"]) == pytest.approx(halves, rel=1e-5)
    for name, value in theirs.net_g.state_dict().items():
        # Adam's first step is a whole learning rate for the smallest gradient: signs may differ
        # where a gradient is nothing but rounding.
        same = (ours.net_g.state_dict()[name] - value).abs() < 1e-6
        assert same.float().mean() > 0.99, name


def test_the_generator_s_gradient_is_clipped_to_a_tenth(base):
    settings = changed(SMALL, {"train": {"clip_grad_norm": 1e-4}})
    model = model_of(base, settings)
    step(model, *batch())
    found = torch.linalg.vector_norm(
        torch.stack([weight.grad.norm() for weight in model.net_g.parameters()])
    )
    assert float(model.norms["gradient"]) > 1e-3  # before
    assert float(found) == pytest.approx(1e-4, rel=1e-2)


def test_the_discriminator_may_begin_alone_and_the_generator_rest(base):
    model = model_of(base, changed(SMALL, {"train": {"net_d_init_iters": 1, "net_d_iters": 2}}))
    moved = []
    for iteration in range(1, 5):
        before = copy.deepcopy(model.net_g.state_dict())
        judge = model.net_d.linear2.weight.detach().clone()
        step(model, *batch(), iteration)
        moved.append(not all(v.equal(before[k]) for k, v in model.net_g.state_dict().items()))
        assert not judge.equal(model.net_d.linear2.weight)
    assert moved == [False, True, False, True]


def test_noise_is_a_tenth_of_what_leaves_a_dense_block_and_only_while_training(base):
    net = model_of(base, SMALL).net_g
    block, picture = net.body[0].rdb2, torch.rand(1, 8, 64, 64) + 1
    with torch.no_grad():
        clean, noisy = block.eval()(picture), block.train()(picture)
        assert torch.equal(block.eval()(picture), clean)
    relative = (noisy - clean) / clean
    assert float(relative.mean()) == pytest.approx(0, abs=3e-3)
    assert float(relative.std()) == pytest.approx(0.1, rel=0.05)
    silent = model_of(base, changed(SMALL, {"network_g": {"block_noise": 0}})).net_g
    lr = torch.rand(1, 3, 16, 16)
    assert torch.equal(silent.train()(lr), silent.eval()(lr))
    assert not torch.equal(net.train()(lr), net.eval()(lr))


def test_when_checkpoints_are_written_is_no_part_of_the_result():
    trained = [
        train_pixel(killable.small_pairs(), changed(killable.PIXEL, more)).weights
        for more in ({}, {"logger": {"checkpoint_seconds": 5.0}, "name": "another"})
    ]
    assert trained[0] == trained[1]
    assert "checkpoint_seconds" not in provenance_of(trained[0])["settings"]


@pytest.mark.parametrize(
    "judge", [VGG128, {"type": "UNetDiscriminatorSN", "num_in_ch": 3, "num_feat": 4}]
)
def test_bf16_computes_in_bfloat16_and_stays_close(base, judge):
    """Weights, losses and optimisers are float32; the first losses differ by bf16's rounding."""
    seen = {}
    for precision in ("fp32", "bf16"):
        model = model_of(base, changed(SMALL, {"precision": precision, "network_d": judge}))
        kinds = set()
        model.net_g.conv_first.register_forward_hook(
            lambda m, i, o, kinds=kinds: kinds.add(o.dtype)
        )
        seen[precision] = []
        for iteration in range(1, 4):
            torch.manual_seed(iteration)
            step(model, *batch(), iteration)
            seen[precision].append(model.log_dict)
        assert kinds == {torch.bfloat16 if precision == "bf16" else torch.float32}
        assert {value.dtype for losses in seen[precision] for value in losses.values()} == {
            torch.float32
        }
        assert {p.dtype for p in model.net_g.parameters()} == {torch.float32}
    for name, value in seen["fp32"][0].items():
        assert float(seen["bf16"][0][name]) == pytest.approx(float(value), rel=0.05, abs=0.01), name
    assert any(float(seen["bf16"][0][n]) != float(v) for n, v in seen["fp32"][0].items())


def test_bf16_trains_to_the_end_and_writes_float32(base):
    settings = killable.adversarial_options(4, precision="bf16")
    trained = train_adversarial(killable.small_pairs(), base, settings, features=killable.FEATURES)
    assert {value.dtype for value in read_state(trained.weights, "a").values()} == {torch.float32}
    pixel = killable.pixel_options(4, precision="bf16")
    assert train_pixel(killable.small_pairs(), pixel).figures["valid_psnr_y"] > 15


@pytest.mark.slow
def test_a_compiled_training_comes_to_the_same(base, monkeypatch):
    """Up to the order of sums; graphs are captured, but no C++ is made of them for a minute."""
    quick = partialmethod(torch.nn.Module.compile, backend="aot_eager")
    monkeypatch.setattr(torch.nn.Module, "compile", quick)
    found = []
    for compiled in (False, True):
        model = model_of(
            base, changed(SMALL, {"compile": compiled, "network_g": {"block_noise": 0}})
        )
        for iteration in (1, 2):
            step(model, *batch(), iteration)
        found.append({name: float(value) for name, value in model.log_dict.items()})
    assert found[1] == pytest.approx(found[0], rel=1e-3, abs=1e-4)
