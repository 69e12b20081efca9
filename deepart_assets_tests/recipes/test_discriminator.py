"""The discriminator against the specification, and what it sees of a batch."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from deepart_assets.outpainting.comodgan.spec import spec_for
from deepart_assets_tests.outpainting.comodgan import reference
from recipes.comodgan_paintings_small.discriminator import Discriminator, deviation, judged


@pytest.mark.parametrize(("resolution", "total"), [(512, 28_982_913), (256, 28_864_257)])
def test_parameters_are_those_of_the_paper(resolution, total):
    with torch.device("meta"):
        network = Discriminator(spec_for(resolution))
    assert sum(each.numel() for each in network.parameters()) == total


def slow(t, x, resolution):
    """One picture and its mask, 4×R×R, in a batch of its own."""
    conv, lrelu = reference.conv, reference.lrelu
    x = lrelu(conv(t, f"b{resolution}.fromrgb", x))
    side = resolution
    while side > 4:
        y = lrelu(conv(t, f"b{side}.conv1", lrelu(conv(t, f"b{side}.conv0", x)), down=True))
        x = (y + conv(t, f"b{side}.skip", x, down=True)) / np.sqrt(2)
        side //= 2
    spread = np.full((1, 4, 4), np.sqrt(1e-8))  # a group of one
    x = lrelu(conv(t, "b4.conv", np.concatenate([x, spread])))
    x = lrelu(reference.dense(t, "b4.fc", x.reshape(-1)))
    return reference.dense(t, "b4.out", x)[0]


def test_against_a_slow_reference():
    torch.manual_seed(0)
    network = Discriminator(spec_for(32, base=96, most=6)).double()
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith("bias"):
                value.add_(torch.randn(value.shape))
    picture = torch.rand(1, 3, 32, 32).double() * 2 - 1
    known = (torch.rand(1, 1, 32, 32) < 0.5).double()
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    x = np.concatenate([known[0].numpy() - 0.5, picture[0].numpy()])
    with torch.inference_mode():
        found = float(network(judged(picture, known)))
    assert found == pytest.approx(slow(tensors, x, 32), rel=1e-10)


@pytest.mark.parametrize(("count", "group"), [(1, 1), (2, 2), (4, 4), (6, 3), (8, 4), (7, 1)])
def test_deviation_within_groups(count, group):
    x = np.random.default_rng(0).normal(size=(count, 3, 2, 2))
    found = deviation(torch.from_numpy(x)).numpy()
    assert found.shape == (count, 1, 2, 2)
    apart = count // group
    for first in range(apart):
        own = x[first::apart]
        expected = np.sqrt(own.var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(found[first::apart], expected)


def test_it_can_be_differentiated_twice():
    torch.manual_seed(0)
    network = Discriminator(spec_for(16, base=32, most=2)).double()
    x = torch.randn(2, 4, 16, 16, dtype=torch.float64)
    x[..., 2:, :] = 0.1  # few inputs, or the check takes minutes
    part = x[..., :1, :3].clone().requires_grad_()

    def judge(part):
        whole = x.clone()
        whole[..., :1, :3] = part
        return network(whole)

    assert gradcheck(judge, part)
    assert gradgradcheck(judge, part)
