import pytest
import torch

from deepart_assets.compat import prepare
from deepart_assets.super_resolution import network
from deepart_assets.super_resolution.data.pairs import to_tensor
from deepart_assets.super_resolution.network import initialise_as_interpolation
from deepart_assets.super_resolution.weights import Spec

from .pictures import texture


def basicsr_s(size):
    """The network as BasicSR builds it for training."""
    prepare()
    from basicsr.archs.rrdbnet_arch import RRDBNet

    return RRDBNet(3, 3, 4, size.features, size.blocks, size.growth)


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = basicsr_s(Spec(features=8, blocks=2, growth=4))
    initialise_as_interpolation(net)
    return net


def test_the_paper_s_network_has_as_many_parameters_as_in_the_paper():
    with torch.device("meta"):
        net = basicsr_s(Spec(64, 23, 32))
    assert sum(weight.numel() for weight in net.parameters()) == 16_697_987


def test_untrained_it_sharpens_and_enlarges_bilinearly(net):
    lr = to_tensor(texture(40, 48)[None])
    strength = network.PREFILTER
    kernel = torch.tensor([-strength, 1 + 2 * strength, -strength])
    window = torch.outer(kernel, kernel).expand(3, 1, 3, 3)
    expected = torch.nn.functional.conv2d(lr, window, padding=1, groups=3)
    for _ in range(2):
        expected = torch.nn.functional.interpolate(expected, scale_factor=2, mode="bilinear")
    with torch.no_grad():
        made = net(lr)
    inner = (..., slice(12, -12), slice(12, -12))
    assert torch.allclose(made[inner], expected[inner], atol=1e-5)


def test_without_the_sharpening_it_is_bilinear(net, monkeypatch):
    monkeypatch.setattr(network, "PREFILTER", 0.0)
    initialise_as_interpolation(net)
    lr = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    twice = torch.nn.functional.interpolate(
        torch.nn.functional.interpolate(lr, scale_factor=2, mode="bilinear"),
        scale_factor=2,
        mode="bilinear",
    )
    with torch.no_grad():
        made = net(lr)
    inner = (..., slice(12, -12), slice(12, -12))
    assert torch.allclose(made[inner], twice[inner], atol=1e-5)


def test_from_the_second_step_on_every_weight_learns(net):
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    lr, hr = torch.rand(2, 3, 12, 12), torch.rand(2, 3, 48, 48)
    for _ in range(2):
        optimiser.zero_grad()
        (net(lr) - hr).abs().mean().backward()
        optimiser.step()
    dead = [
        name
        for name, weight in net.named_parameters()
        if name.endswith("weight") and bool((weight.grad == 0).flatten(1).all(1).any())
    ]
    assert dead == []
