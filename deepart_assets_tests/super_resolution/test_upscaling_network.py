"""The fast network computes what basicsr's computes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.network import build
from deepart_assets.super_resolution.upscaling import fast_network
from deepart_assets.super_resolution.upscaling.fast_network import WIDE, FastRRDBNet
from deepart_assets.super_resolution.weights import Spec


def lively(features, blocks, growth):
    """Random weights scaled so that every layer and every bias shows in the output."""
    torch.manual_seed(0)
    net = build(Spec(features=features, blocks=blocks, growth=growth)).eval()
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if weight.ndim == 1:
                weight.normal_(0, 0.02)
            else:
                weight.mul_(0.1 if name == "conv_last.weight" else 3)
    return net


@pytest.fixture(scope="module")
def narrow():
    return lively(8, 2, 4)


@pytest.fixture(scope="module")
def wide():
    return lively(WIDE, 1, 16)


def difference(net, fast, picture, margin=0):
    with torch.inference_mode():
        whole = net(picture)
        cut = 4 * margin
        inner = whole[:, :, cut : whole.shape[2] - cut, cut : whole.shape[3] - cut]
        made = fast(picture, margin)
        assert made.shape == inner.shape
        return float((made - inner).abs().max())


@settings(max_examples=20, deadline=None)
@given(st.tuples(st.integers(1, 40), st.integers(1, 30)), st.integers(0, 9), st.booleans())
def test_any_size_with_any_margin(narrow, wide, size, margin, is_wide):
    net = wide if is_wide else narrow
    picture = torch.rand(2, 3, size[0] + 2 * margin, size[1] + 2 * margin)
    assert difference(net, FastRRDBNet(net), picture, margin) < 1e-5


@pytest.mark.parametrize("margin", [0, 1, 5])
@pytest.mark.parametrize("pixels", [1, 50, 130])
def test_the_end_of_the_network_in_strips(narrow, monkeypatch, pixels, margin):
    monkeypatch.setattr(fast_network, "TAIL_PIXELS", pixels)
    assert difference(narrow, FastRRDBNet(narrow), torch.rand(2, 3, 23, 17), margin) < 1e-5


@pytest.mark.parametrize(("features", "growth"), [(64, 32), (16, 16)])
def test_equal_to_basicsr_to_a_hundred_thousandth(features, growth):
    net = lively(features, 2, growth)
    assert difference(net, FastRRDBNet(net), torch.rand(1, 3, 45, 38)) < 1e-5


@pytest.mark.slow
def test_the_papers_network_is_equal_to_basicsrs_to_a_hundred_thousandth():
    net = lively(64, 23, 32)
    picture = torch.rand(1, 3, 40, 40)
    with torch.no_grad():
        net.conv_last.bias.zero_()
        net.conv_last.weight.mul_(0.5 / net(picture).abs().max())
    assert difference(net, FastRRDBNet(net), picture) < 1e-5


def test_the_original_network_stays_as_it_is(wide):
    before = {key: value.clone() for key, value in wide.state_dict().items()}
    fast = FastRRDBNet(wide, "bf16")
    fast(torch.rand(1, 3, 12, 12))
    assert all(torch.equal(value, before[key]) for key, value in wide.state_dict().items())


def test_reduced_precision_is_close_and_not_the_same(wide):
    assert 1e-6 < difference(wide, FastRRDBNet(wide, "bf16"), torch.rand(1, 3, 24, 24)) < 0.05


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_fp16_needs_a_gpu(narrow):
    with pytest.raises(UnavailableError, match="use bf16 or fp32"):
        FastRRDBNet(narrow, "fp16")
