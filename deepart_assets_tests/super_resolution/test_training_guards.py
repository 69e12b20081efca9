import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.network import initialise_as_interpolation
from deepart_assets.super_resolution.rrdbnet import RRDBNet
from deepart_assets.super_resolution.training.guards import FiniteGuard, collapse
from deepart_assets.super_resolution.training.job import build_model
from deepart_assets.super_resolution.training.loop import Job
from deepart_assets.super_resolution.training.stages import train_adversarial, train_pixel
from deepart_assets.super_resolution.training.validation import Best, Score, Validation
from deepart_assets.super_resolution.weights import load_network, read_state

from . import killable
from .pictures import random_crops

needs_features = pytest.mark.usefixtures("features")


@pytest.fixture(scope="module")
def features():
    pytest.importorskip("efficientnet_lite_pytorch")


@pytest.fixture(scope="module")
def pairs():
    return killable.small_pairs()


@pytest.fixture(scope="module")
def base():
    return killable.base()


# --- diverging -----------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_first_bad_iteration_is_named_with_what_was_bad(bad):
    guard = FiniteGuard()
    guard.note(1, {"pixel": torch.tensor(1.0), "gradient": torch.tensor(2.0)})
    with pytest.raises(UnavailableError, match=r"at iteration 2 \(gradient is not finite.* lower"):
        guard.note(2, {"pixel": torch.tensor(1.0), "gradient": torch.tensor(bad)})


def test_a_guard_that_is_read_late_still_names_the_first(monkeypatch):
    """As on CUDA, where numbers are read only now and then."""
    guard = FiniteGuard()
    with monkeypatch.context() as patch:
        patch.setattr(FiniteGuard, "check", lambda self: None)
        for iteration, value in enumerate([1.0, math.inf, math.nan, 1.0], 1):
            guard.note(iteration, {"pixel": torch.tensor(value)})
    with pytest.raises(UnavailableError, match=r"at iteration 2 \(pixel"):
        guard.check()


@needs_features
def test_a_gradient_that_is_not_finite_stops_the_training_at_that_iteration(
    pairs, base, monkeypatch
):
    """The loss stays finite; only the discriminator's gradient does not."""
    from deepart_assets.super_resolution.training import job

    build_model = job.build_model

    def poisoned(*arguments):
        model = build_model(*arguments)
        calls = iter(range(100))
        weight = next(model.net_d.parameters())
        weight.register_hook(lambda grad: grad * math.inf if next(calls) == 1 else grad)
        return model

    monkeypatch.setattr(job, "build_model", poisoned)
    with pytest.raises(UnavailableError, match=r"iteration 2 \(discriminator_gradient .*\.lr"):
        train_adversarial(pairs, base, killable.ADVERSARIAL, features=killable.FEATURES)


# --- collapsing ----------------------------------------------------------------------------------

LIMITS = killable.adversarial_options(1000, val={"collapse_drop": 6, "collapse_loss": 0.01})


def row(iteration, discriminator, psnr_y=None):
    return {"iteration": iteration, "l_d": discriminator, "psnr_y": psnr_y}


def test_a_discriminator_that_has_won_for_a_tenth_is_a_collapse():
    rows = [row(i, 0.5) for i in range(10, 210, 10)] + [row(i, 1e-3) for i in range(210, 300, 10)]
    assert collapse(rows, 30, LIMITS) is None
    rows.append(row(300, 1e-3))
    assert "below 0.01 for 100 iterations" in collapse(rows, 30, LIMITS).reason
    assert collapse([*rows, row(310, 0.2)], 30, LIMITS) is None
    never = killable.changed(LIMITS, {"val": {"collapse_loss": 0.0}})
    assert collapse([row(i, 0.0) for i in range(10, 1000, 10)], 30, never) is None


def test_a_picture_that_falls_apart_is_a_collapse():
    assert collapse([row(10, 0.5, 24.1)], 30, LIMITS) is None
    assert "6.5 dB below the base's, to 23.5" in collapse([row(10, 0.5, 23.5)], 30, LIMITS).reason
    assert collapse([row(10, 0.5, 23.5)], None, LIMITS) is None


@pytest.mark.slow
@needs_features
def test_a_collapsed_training_gives_the_best_checkpoint_before(pairs, base, monkeypatch):
    """The learning rate jumps in mid-training; what was good before is what comes out."""
    from deepart_assets.super_resolution.training import job

    build_model = job.build_model

    def jumping(*arguments):
        model = build_model(*arguments)
        step = model.optimize_parameters

        def optimize_parameters(iteration):
            if iteration >= 7:
                model.optimizer_g.param_groups[0]["lr"] = 0.03
            step(iteration)

        model.optimize_parameters = optimize_parameters
        return model

    monkeypatch.setattr(job, "build_model", jumping)
    settings = killable.adversarial_options(
        train={"ema_decay": 0}, val={"val_freq": 1, "fidelity_floor": 1.0}
    )
    trained = train_adversarial(pairs, base, settings, features=killable.FEATURES)
    assert "dB below the base's" in trained.figures["stopped"]
    assert trained.figures["chosen_iteration"] < 7 <= trained.figures["iterations"] < 10
    chosen = Validation(pairs, perceptual=True).score(load_network(trained.weights))
    assert chosen.psnr_y == pytest.approx(trained.figures["valid_psnr_y"], abs=1e-4)
    assert chosen.psnr_y > trained.figures["valid_psnr_y_before"] - 1

    early = killable.changed(settings, {"train": {"optim_g": {"lr": 0.1}}})
    with pytest.raises(UnavailableError, match=r"collapsed at iteration .* lower art_esrgan's"):
        train_adversarial(pairs, base, early, features=killable.FEATURES)


@needs_features
def test_a_discriminator_that_has_won_ends_the_training_but_spoils_nothing(pairs, base):
    settings = killable.adversarial_options(val={"collapse_loss": 100.0, "choose_best": False})
    figures = train_adversarial(pairs, base, settings, features=killable.FEATURES).figures
    assert figures["iterations"] == 1  # a tenth of ten
    assert "discriminator's loss was below 100" in figures["stopped"]


# --- the choice ----------------------------------------------------------------------------------

NET = torch.nn.Linear(1, 1)
scores = st.lists(st.tuples(st.floats(10, 50), st.floats(1, 20)), min_size=1, max_size=8)


def best_of(found, floor=3.0, base=30.0):
    best = Best(Score(base, 5.0), floor)
    for iteration, (psnr, niqe) in enumerate(found, 1):
        NET.weight.data.fill_(iteration)
        best.offer(iteration, Score(psnr, niqe), NET)
    assert best.weights["weight"].item() == best.iteration  # a copy of then, not of now
    return best


@given(scores)
def test_the_best_is_the_most_natural_of_the_faithful(found):
    best = best_of(found)
    faithful = [(niqe, i) for i, (psnr, niqe) in enumerate(found, 1) if psnr >= 27]
    if faithful:
        assert (best.score.niqe, best.iteration) == min(faithful)
        assert "lowest NIQE" in best.reason()
    else:
        assert best.score.psnr_y == max(psnr for psnr, _ in found)
        assert "highest PSNR-Y" in best.reason()


@given(scores, st.integers(0, 8))
def test_a_choice_that_was_interrupted_is_the_same(found, cut):
    first = best_of(found[:cut]) if found[:cut] else Best(Score(30.0, 5.0), 3.0)
    second = Best(Score(30.0, 5.0), 3.0)
    second.restore(first.state())
    for iteration, (psnr, niqe) in enumerate(found[cut:], cut + 1):
        second.offer(iteration, Score(psnr, niqe), NET)
    assert (second.iteration, second.score) == (best_of(found).iteration, best_of(found).score)


def test_without_scores_it_is_the_last():
    best = Best(Score(None, None), 3.0)
    best.offer(1, Score(None, None), NET)
    assert (best.weights, best.reason()) == ({}, "the last: no score on the validation split")


@needs_features
def test_the_chosen_checkpoint_is_what_comes_out(pairs, base):
    settings = killable.adversarial_options(train={"optim_g": {"lr": 5e-4}}, val={"val_freq": 2})
    trained = train_adversarial(pairs, base, settings, features=killable.FEATURES)
    validated = {row["iteration"]: row for row in trained.curve if row["psnr_y"] is not None}
    assert list(validated) == [2, 4, 6, 8, 10]
    lowest = min(validated.values(), key=lambda row: row["niqe"])
    figures = trained.figures
    assert (figures["chosen_iteration"], figures["valid_niqe"]) == (
        lowest["iteration"],
        lowest["niqe"],
    )
    assert figures["chosen"].startswith(f"lowest NIQE ({lowest['niqe']:.2f}) of 5")
    chosen = Validation(pairs, perceptual=True).score(load_network(trained.weights))
    assert chosen.niqe == pytest.approx(lowest["niqe"], abs=1e-4)


@needs_features
def test_while_the_discriminator_learns_alone_the_base_is_not_validated_again(
    pairs, base, monkeypatch
):
    asked, score = [], Validation.score
    monkeypatch.setattr(Validation, "score", lambda *each: asked.append(1) or score(*each))
    train = {"net_d_init_iters": 2, "total_iter": 3, "scheduler": {"milestones": [3]}}
    settings = killable.adversarial_options(train=train, val={"val_freq": 1})
    trained = train_adversarial(pairs, base, settings, features=killable.FEATURES)
    assert len(asked) == 2
    before = trained.figures["valid_psnr_y_before"]
    shown = [row["psnr_y"] for row in trained.curve if row["psnr_y"] is not None]
    assert shown[:2] == [before, before] != shown[1:]


@pytest.mark.slow
@needs_features
def test_switched_off_it_is_the_seed_s_last_iteration(pairs, base):
    """Without average and choice: what an unadorned loop over the same steps comes to."""
    from deepart_assets.super_resolution.data.pairs import CONTEXT, croppable
    from deepart_assets.super_resolution.training.loop import seed_iteration, seeded

    settings = killable.adversarial_options(
        train={"ema_decay": 0}, val={"choose_best": False}, network_g={"block_noise": 0.1}
    )
    trained = train_adversarial(pairs, base, settings, features=killable.FEATURES)
    assert "chosen" not in trained.figures
    generator = np.random.default_rng(settings.manual_seed)
    with seeded(settings.manual_seed):
        model = build_model(Job(pairs, settings, base, killable.FEATURES))
        for iteration in range(1, 11):
            lr, hr = random_crops(croppable(pairs, 48, CONTEXT), generator, 2, 48, CONTEXT)
            seed_iteration(settings.manual_seed, iteration, 0)
            model.update_learning_rate(iteration)
            model.feed_data({"lq": lr, "gt": hr})
            model.optimize_parameters(iteration)
    last = model.net_g.state_dict()
    assert all(
        torch.equal(value, last[name]) for name, value in read_state(trained.weights, "a").items()
    )


def test_validation_leaves_a_network_in_training():
    net = RRDBNet(8, 1, 4)
    initialise_as_interpolation(net)
    score = Validation(killable.small_pairs(), perceptual=False).score(net.train())
    assert net.training
    assert score.niqe is None
    assert score.psnr_y > 20


def test_a_pixel_training_takes_the_last(pairs):
    assert "chosen" not in train_pixel(pairs, killable.PIXEL).figures
