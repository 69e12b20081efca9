"""The training: losses, penalty, average, growth, and going on after being killed."""

import json
import math
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.comodgan.discriminator import Discriminator, judged
from deepart_assets.outpainting.comodgan.spec import spec_for
from deepart_assets.outpainting.comodgan.training import Example, train
from deepart_assets.outpainting.comodgan.training.model import (
    Model,
    gradient_penalty,
    network_input,
)
from deepart_assets.outpainting.comodgan.weights import build_generator, read_weights
from deepart_assets.settings.generator_training import GeneratorTraining
from deepart_assets.storage import Lake
from deepart_assets.storage.checkpoints import Checkpoints
from deepart_assets_tests.conftest import draw_painting

SMALL = {
    "channel_base": 128,
    "channel_most": 8,
    "latent": 8,
    "code": 16,
    "half": False,
    "brush": (1, 5),
}
STAGES = [
    {"resolution": 16, "iterations": 5, "batch": 4},
    {"resolution": 32, "iterations": 5, "batch": 2},
]
CPU = torch.device("cpu")


def recipe(**more):
    return GeneratorTraining(kind="train", **{"stages": STAGES, "r1_every": 2, **SMALL, **more})


@pytest.fixture(scope="module")
def examples():
    return painted_examples()


def painted_examples():
    found = []
    for seed in range(3):
        picture = draw_painting(seed, 70, 60)
        found.append(Example(picture, picture.mean(axis=2) > 100))
    return found


def model(resolution=16, **more):
    torch.manual_seed(0)
    settings = recipe(**more)
    spec = spec_for(resolution, settings.channel_base, settings.channel_most, 8, 16)
    return Model(spec, settings, CPU)


def some(count=4, side=16, seed=0):
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return network_input((pictures, random.random((count, side, side)) < 0.5), CPU)


# --- an iteration --------------------------------------------------------------------------------


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


# --- a whole training ----------------------------------------------------------------------------


class Killed(Exception):
    pass


def kept(folder, every=0.0):
    return Checkpoints(Lake(folder), "weights", "f" * 64, every)


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


def test_equal_arguments_equal_bytes_whatever_was_drawn_before(examples):
    torch.manual_seed(1)
    first = train(examples, recipe())
    drawn = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(3))  # the caller's generator is as it was
    again = train(examples, recipe())
    assert first.weights == again.weights
    assert train(examples, recipe(seed=1)).weights != first.weights


@pytest.mark.parametrize("killed", [1, 4, 5, 6, 9])
def test_a_killed_training_comes_to_the_same_bytes(examples, tmp_path, killed):
    whole = train(examples, recipe())

    def kill(step):
        if step.iteration == killed + 1:
            raise Killed

    with pytest.raises(Killed):
        train(examples, recipe(), kill, kept(tmp_path))
    assert len(list((tmp_path / "weights" / "checkpoint").iterdir())) == 1
    told = []
    resumed = train(examples, recipe(), told.append, kept(tmp_path))
    assert told[0].iteration == killed + 1
    assert resumed.weights == whole.weights
    assert resumed.figures["resumed_after"] == str(killed)
    assert [row["iteration"] for row in resumed.curve] == list(range(1, 11))
    assert resumed.curve == whole.curve


KILLED = """
import os, signal, sys
from deepart_assets_tests.outpainting.comodgan import test_training as own

def kill(step):
    if step.iteration == 7:
        os.kill(os.getpid(), signal.SIGKILL)

own.torch.set_num_threads(int(sys.argv[2]))
own.train(own.painted_examples(), own.recipe(), kill, own.kept(sys.argv[1]))
"""


def test_a_process_that_was_killed(examples, tmp_path):
    whole = train(examples, recipe())
    threads = str(torch.get_num_threads())
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), threads], check=False)
    assert done.returncode == -signal.SIGKILL
    resumed = train(examples, recipe(), checkpoints=kept(tmp_path))
    assert resumed.figures["resumed_after"] == "6"
    assert resumed.weights == whole.weights


def test_a_finished_training_is_not_trained_again(examples, tmp_path):
    first = train(examples, recipe(), checkpoints=kept(tmp_path))
    told = []
    again = train(examples, recipe(), told.append, kept(tmp_path))
    assert again.weights == first.weights and not told


def test_nothing_to_train_on_and_divergence_are_told(examples):
    with pytest.raises(UnavailableError, match="no paintings"):
        train([], recipe())
    with pytest.raises(UnavailableError, match=r"diverged by iteration \d+ .*learning_rate"):
        train(examples, recipe(learning_rate=1e18))


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
