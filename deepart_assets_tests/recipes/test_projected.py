"""The discriminator on a frozen network's features, and the loss in them."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from deepart_assets.backbones.efficientnet import efficientnet_lite0, normalised
from deepart_assets.outpainting.comodgan.spec import spec_for
from deepart_assets_tests.recipes.small_training import (
    CPU,
    recipe,
    some,
)
from recipes.comodgan_paintings_small.augmentation import augmented
from recipes.comodgan_paintings_small.losses import discriminator_loss, generator_loss
from recipes.comodgan_paintings_small.model import Model
from recipes.comodgan_paintings_small.projected import ProjectedDiscriminator
from recipes.comodgan_paintings_small.pyramid import (
    CHANNELS,
    Pyramid,
    perceptual_distance,
)

STAGES = [
    {"resolution": 32, "iterations": 2, "batch": 2},
    {"resolution": 64, "iterations": 2, "batch": 2},
]
PROJECTED = {"stages": STAGES, "discriminator": "projected", "perceptual_weight": 2.0}


@pytest.fixture(scope="module")
def pyramid():
    return Pyramid(CPU)


def model(resolution=32, **more):
    torch.manual_seed(0)
    settings = recipe(**{**PROJECTED, **more})
    spec = spec_for(resolution, settings.channel_base, settings.channel_most, 8, 16)
    return Model(spec, settings, CPU)


# --- features ------------------------------------------------------------------------------------


def test_features_are_those_of_the_network_before_its_sides_halve(pyramid):
    """Against the network as it is published, with its normalisations, by hooks."""
    network, seen = efficientnet_lite0("").eval(), []
    for block in network._blocks:
        block.register_forward_hook(lambda module, given, result: seen.append(result))
    picture = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        network.extract_features(normalised(picture / 2 + 0.5))
        found = pyramid(picture)
    sides = [each.shape[-1] for each in seen]
    last = [len(sides) - 1 - sides[::-1].index(side) for side in (16, 8, 4, 2)]
    assert [tuple(each.shape) for each in found] == [
        (2, channels, side, side) for channels, side in zip(CHANNELS, (16, 8, 4, 2), strict=True)
    ]
    for ours, number in zip(found, last, strict=True):
        torch.testing.assert_close(ours.contiguous(), seen[number], rtol=1e-3, atol=1e-3)


def test_gradients_reach_the_picture_and_the_network_has_none(pyramid):
    picture = torch.rand(1, 3, 32, 32, requires_grad=True)
    sum(each.square().mean() for each in pyramid(picture)).backward()
    assert picture.grad is not None and bool((picture.grad != 0).any())
    assert not any(value.requires_grad for value in pyramid._network.parameters())


def test_the_distance_is_a_share_of_what_there_is(pyramid):
    with torch.no_grad():
        maps = pyramid(some(2, 32)[0])
    assert float(perceptual_distance(maps, maps)) == 0
    assert float(perceptual_distance([0 * each for each in maps], maps)) == pytest.approx(1)
    assert float(perceptual_distance([1.5 * each for each in maps], maps)) == pytest.approx(0.5)


# --- heads and losses ----------------------------------------------------------------------------


def test_a_logit_for_each_square_of_each_side(pyramid):
    torch.manual_seed(0)
    network = ProjectedDiscriminator().eval()
    with torch.no_grad():
        for side, count in ((32, 4), (64, 16), (128, 64)):
            picture, known = some(2, side)
            assert network(pyramid(picture), known - 0.5).shape == (2, count)
        one, other = (network(pyramid(picture), sign * (known - 0.5)) for sign in (1, -1))
    assert not torch.allclose(one, other)  # the mask counts


def test_mixings_are_kept_and_never_learned():
    network = ProjectedDiscriminator()
    learned = {name for name, _ in network.named_parameters()}
    mixings = {name for name in network.state_dict() if name.startswith("across")}
    assert len(mixings) == 8 and not mixings & learned
    trained = model()
    before = {
        name: value.clone()
        for name, value in trained.discriminator.state_dict().items()
        if name in mixings
    }
    trained.step(1, 4, some(side=32), some(side=32, seed=1))
    after = trained.discriminator.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_losses_of_known_logits():
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, 0.25, 1.0])
    assert float(discriminator_loss("projected", real, fake)) == pytest.approx((2.5 + 3.25) / 3)
    assert float(generator_loss("projected", fake)) == pytest.approx(1.75 / 3)
    logistic = np.log1p(np.exp(-real.numpy())).mean() + np.log1p(np.exp(fake.numpy())).mean()
    assert float(discriminator_loss("comodgan", real, fake)) == pytest.approx(logistic)
    assert float(generator_loss("comodgan", fake)) == pytest.approx(
        np.log1p(np.exp(-fake.numpy())).mean()
    )


# --- iterations ----------------------------------------------------------------------------------


def test_each_step_moves_its_own_network_and_nothing_is_penalised():
    trained = model(l1_weight=1.0, r1_every=1)

    def state(name):  # of a bias the hinge loss may ask nothing: as many go up as down
        parameters = trained.parts()[name].parameters()
        return [value.clone() for value in parameters if value.ndim > 1]

    before = {name: state(name) for name in ("generator", "discriminator")}
    losses = trained._step_generator(*some(side=32))
    assert losses.keys() == {"l_g", "l_p", "l_1"} and float(losses["l_p"]) > 0
    assert all(map(torch.equal, before["discriminator"], state("discriminator")))
    moved = state("generator")
    assert not any(map(torch.equal, before["generator"], moved))
    trained._step_discriminator(*some(side=32))
    assert all(map(torch.equal, moved, state("generator")))
    assert not any(map(torch.equal, before["discriminator"], state("discriminator")))
    assert "r1" not in trained.step(1, 4, some(side=32), some(side=32))


def test_the_perceptual_loss_goes_with_the_papers_discriminator():
    trained = model(discriminator="comodgan")
    assert trained.step(1, 4, some(side=32), some(side=32)).keys() == {"l_g", "l_p", "l_d"}


@pytest.mark.slow
def test_heads_learn_to_tell():
    trained = model(augmentation=(), learning_rate=0.01)
    real = torch.full((4, 3, 32, 32), 0.3)
    known = some(4, 32)[1]
    losses = [float(trained._step_discriminator(real, known)["l_d"]) for _ in range(25)]
    assert np.mean(losses[-5:]) < 0.5 * losses[0]


def test_growing_keeps_the_heads():
    small, large = model(32), model(64)
    small.step(1, 2, some(2, 32), some(2, 32, seed=1))
    large.grow_from(small)
    old, new = (each.discriminator.state_dict() for each in (small, large))
    assert old.keys() == new.keys() and all(torch.equal(old[key], new[key]) for key in old)
    large.step(2, 4, some(2, 64), some(2, 64, seed=1))


# --- settings and augmentation -------------------------------------------------------------------


@pytest.mark.parametrize("more", [{"discriminator": "projected"}, {"perceptual_weight": 1.0}])
def test_sides_too_small_for_the_features_are_refused(more):
    stages = [{"resolution": 16, "iterations": 1, "batch": 1}]
    with pytest.raises(ValidationError, match="at least 32"):
        recipe(stages=stages, **more)


def test_pictures_beside_each_other_are_changed_alike():
    picture, known = some(8)
    torch.manual_seed(3)
    seen = augmented(torch.cat([known - 0.5, picture, picture.clone()], 1), ("colour",))
    assert torch.equal(seen[:, 1:4], seen[:, 4:])
    torch.manual_seed(3)
    alone = augmented(torch.cat([known - 0.5, picture], 1), ("colour",))
    assert torch.equal(alone, seen[:, :4]) and not torch.allclose(alone[:, 1:], picture)
    torch.manual_seed(3)
    kinds = ("colour", "translation", "cutout")
    seen = augmented(torch.cat([known - 0.5, picture, picture.clone()], 1), kinds)
    assert torch.equal(seen[:, 1:4], seen[:, 4:]) and (seen[:, 1:] == 0).any()
