"""An iteration of the training: losses, penalty, rates, average, growth."""

import math

import numpy as np
import pytest
import torch

from deepart_assets.outpainting.comodgan.spec import spec_for
from deepart_assets_tests.recipes.small_training import CPU, recipe, some
from recipes.comodgan_paintings_small.discriminator import Discriminator, judged
from recipes.comodgan_paintings_small.model import Model, gradient_penalty


def model(resolution=16, **more):
    torch.manual_seed(0)
    settings = recipe(**more)
    spec = spec_for(resolution, settings.channel_base, settings.channel_most, 8, 16)
    return Model(spec, settings, CPU)


def test_pictures_come_to_the_network_in_its_range():
    picture, known = some()
    assert picture.shape == (4, 3, 16, 16) and known.shape == (4, 1, 16, 16)
    assert picture.min() >= -1 and picture.max() <= 1 and picture.max() > 0.9
    assert set(known.unique().tolist()) == {0, 1}


def test_the_penalty_is_the_squared_slope():
    """Against finite differences, pixel by pixel."""
    torch.manual_seed(0)
    network = Discriminator(spec_for(16, base=64, most=4)).double()
    picture, known = (each.double() for each in some(1))
    picture = picture.contiguous().requires_grad_()
    penalty = gradient_penalty(network(judged(picture, known)), picture)
    slope, step = torch.zeros_like(picture), 1e-6
    with torch.no_grad():
        flat = slope.view(-1)
        for place in range(flat.numel()):
            moved = picture.clone().view(-1)
            moved[place] += step
            ahead = network(judged(moved.view_as(picture), known))
            moved[place] -= 2 * step
            behind = network(judged(moved.view_as(picture), known))
            flat[place] = ((ahead - behind) / (2 * step)).squeeze()
    assert penalty.item() == pytest.approx(float(slope.square().sum()), rel=1e-4)
    penalty.backward()
    assert all(
        value.grad is not None
        for name, value in network.named_parameters()
        if name.endswith("weight")
    )


def test_rates_follow_the_lazy_penalties():
    groups = [
        model(r1_every=16).parts()[name].param_groups[0] for name in ("optimiser_g", "optimiser_d")
    ]
    assert groups[0]["lr"] == pytest.approx(0.002 * 4 / 5)
    assert groups[0]["betas"] == (0, pytest.approx(0.99 ** (4 / 5)))
    assert groups[1]["lr"] == pytest.approx(0.002 * 16 / 17)
    assert groups[1]["betas"] == (0, pytest.approx(0.99 ** (16 / 17)))


def test_losses_of_a_step_and_when_there_is_a_penalty():
    trained = model(l1_weight=2.0)
    first = trained.step(1, 4, some(), some(seed=1))
    second = trained.step(2, 8, some(seed=2), some(seed=3))
    assert first.keys() == {"l_g", "l_d", "l_1"} and second.keys() == {"l_g", "l_d", "l_1", "r1"}
    # Of a discriminator that knows nothing: ln 2 and 2 ln 2.
    assert float(first["l_g"]) == pytest.approx(math.log(2), abs=0.5)
    assert float(first["l_d"]) == pytest.approx(2 * math.log(2), abs=0.8)
    assert all(math.isfinite(value) for value in second.values())
    assert all(value.requires_grad for value in trained.discriminator.parameters())


def test_bfloat16_comes_near():
    """Losses, and the direction in which the weights move."""
    found = {}
    for precision in ("fp32", "bf16"):
        trained = model(32, precision=precision, l1_weight=1.0)
        torch.manual_seed(1)
        losses = trained.step(2, 4, some(side=32), some(side=32, seed=1))
        slopes = [value.grad.flatten() for value in trained.generator.parameters()]
        assert all(value.dtype == torch.float32 for value in slopes)
        found[precision] = (losses, torch.cat(slopes))
    exact, near = found["fp32"], found["bf16"]
    for name, value in exact[0].items():
        assert near[0][name].item() == pytest.approx(value.item(), rel=0.05), name
    assert float(torch.cosine_similarity(exact[1], near[1], dim=0)) > 0.95


def test_each_step_moves_its_own_network():
    trained = model(r1_gamma=0)
    state = lambda name: [value.clone() for value in trained.parts()[name].parameters()]  # noqa: E731
    before = {name: state(name) for name in ("generator", "discriminator")}
    trained._step_generator(*some())
    assert all(map(torch.equal, before["discriminator"], state("discriminator")))
    moved = state("generator")
    assert not any(map(torch.equal, before["generator"], moved))
    trained._step_discriminator(*some())
    assert all(map(torch.equal, moved, state("generator")))
    assert not any(map(torch.equal, before["discriminator"], state("discriminator")))


def test_a_discriminator_learns_to_tell():
    """Flat pictures with noise in their holes: it must learn within some steps."""
    trained = model(augmentation=(), learning_rate=0.01)
    real = torch.full((8, 3, 16, 16), 0.3)
    known = some(8)[1]
    losses = [float(trained._step_discriminator(real, known)["l_d"]) for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_the_average_and_its_half_life():
    trained = model(ema_pictures=40, ema_rampup=0)
    before = [value.clone() for value in trained.average.parameters()]
    with torch.no_grad():
        for value in trained.generator.parameters():
            value.add_(1)
    for seen in range(4, 44, 4):  # a half-life of pictures
        trained._average(seen, 4)
    for old, value in zip(before, trained.average.parameters(), strict=True):
        assert torch.allclose(value, old + 0.5, atol=1e-5)
    short = model(ema_pictures=10_000, ema_rampup=0.05)
    with torch.no_grad():
        for value in short.generator.parameters():
            value.add_(1)
    for seen in range(4, 404, 4):
        short._average(seen, 4)
    now = zip(short.average.parameters(), short.generator.parameters(), strict=True)
    assert all(torch.allclose(mean, value, atol=0.01) for mean, value in now)


def test_the_mean_of_w_follows():
    trained = model()
    for k in range(3):
        trained.step(k + 1, 4, some(seed=k), some(seed=9))
    assert bool((trained.generator.mapping.w_avg != 0).all())
    assert torch.equal(trained.average.mapping.w_avg, trained.generator.mapping.w_avg)


def test_growing_keeps_what_was_painted():
    """All tensors of the smaller one are there, and the new layer adds nothing yet."""
    small, large = model(16), model(32)
    small.step(1, 4, some(), some(seed=1))
    large.grow_from(small)
    for name in ("generator", "average", "discriminator"):
        old, new = (each.parts()[name].state_dict() for each in (small, large))
        shared = [key for key in old if key in new]
        assert set(old) - set(shared) == {
            f"{part}b16.fromrgb.{kind}"
            for part in (["encoder."] if name != "discriminator" else [""])
            for kind in ("weight", "bias")
        }
        assert all(torch.equal(old[key], new[key]) for key in shared)
    assert not large.generator.synthesis.b32.torgb.weight.any()
    large.step(1, 4, some(2, 32), some(2, 32, seed=1))
    assert large.generator.synthesis.b32.torgb.weight.any()
