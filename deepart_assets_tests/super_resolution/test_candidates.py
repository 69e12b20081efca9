"""The rows of the table: which there are, from which weights, and why one is missing."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from deepart_assets.compat import prepare
from deepart_assets.settings.evaluation import Evaluation
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.settings.weights import FileWeights
from deepart_assets.super_resolution.evaluation.candidates import candidates, fetch_peers
from deepart_assets.super_resolution.rrdbnet import RRDBNet
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler, enlarge
from deepart_assets.super_resolution.weights import interpolate, to_bytes

from .pictures import texture


def weights(features=8, seed=0):
    torch.manual_seed(seed)
    state = RRDBNet(features=features, blocks=1, growth=4).state_dict()
    state["conv_last.bias"] += 0.5  # not all black
    return to_bytes(state, {})


def test_the_rows_go_from_bicubic_over_the_base_to_the_gan():
    base, gan = weights(seed=0), weights(seed=1)
    choice = Evaluation(interpolations=(0.75, 0.25, 0.25))
    found = candidates(base, gan, choice, Upscaling())
    assert list(found.upscalers) == [
        "bicubic",
        "psnr_weights",
        "interpolation 0.25",
        "interpolation 0.75",
        "art_esrgan",
    ]
    assert list(found.strengths.values()) == [0, 0.25, 0.75, 1]
    assert found.left_out == {}
    lr = texture(20, 24)
    for name, alpha in found.strengths.items():
        expected = NetworkUpscaler(interpolate(base, gan, alpha), Upscaling())(lr)
        np.testing.assert_array_equal(found.upscalers[name]()(lr), expected)


def test_networks_of_two_sizes_are_not_interpolated_and_it_is_told():
    choice = Evaluation(interpolations=(0.5,))
    found = candidates(weights(8), weights(12), choice, Upscaling())
    assert list(found.upscalers) == ["bicubic", "psnr_weights", "art_esrgan"]
    assert "not of one size" in found.left_out["interpolation 0.5"]


def saved(folder, name, state):
    """A file as others publish it."""
    torch.save({"params_ema": state}, folder / name)
    return FileWeights(kind="file", path=str(folder / name))


def real_esrgan():
    """A tiny network in the layout of Real-ESRGAN's files."""
    torch.manual_seed(2)
    net = RRDBNet(features=8, blocks=2, growth=4).eval()
    net.conv_last.bias.data += 0.5  # not all black
    return net


def compact(**more):
    prepare()
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    return Compact(num_feat=8, num_conv=2, **more).eval()


def test_other_networks_have_a_row_each_after_ours(downloads, tmp_path):
    nets = {"real_esrgan": real_esrgan(), "compact": compact()}
    peers = {name: saved(tmp_path, f"{name}.pth", n.state_dict()) for name, n in nets.items()}
    choice = Evaluation(interpolations=(), peers=peers)
    data, left_out = fetch_peers(choice.peers, downloads)
    half = Upscaling(precision="bf16")
    found = candidates(weights(seed=0), weights(seed=1), choice, half, data)
    assert left_out == {}
    assert list(found.upscalers) == ["bicubic", "psnr_weights", "art_esrgan", *nets]
    assert list(found.strengths) == ["psnr_weights", "art_esrgan"]
    lr = texture(20, 24)
    for name, net in nets.items():
        expected = enlarge(net, lr, Upscaling())
        made = found.upscalers[name]()(lr).astype(int)
        assert np.abs(made - expected).max() <= 1  # in fp32, whatever ours are run in


def test_a_network_that_is_not_there_is_left_out_with_its_reason(downloads, tmp_path):
    twice = saved(tmp_path, "twice.pth", compact(upscale=2).state_dict())
    gone = FileWeights(kind="file", path=str(tmp_path / "gone.pth"))
    found, left_out = fetch_peers({"twice": twice, "gone": gone}, downloads)
    assert found == {}
    assert "Compact ×2" in left_out["twice"]
    assert "set super_resolution.evaluation.peers.gone.path" in left_out["gone"]


@pytest.mark.parametrize("name", ["bicubic", "art_esrgan", "DAT light"])
def test_a_network_has_a_name_of_its_own(name):
    with pytest.raises(ValidationError, match=r"another name|match pattern"):
        Evaluation(peers={name: {"kind": "bundled", "name": "a"}})
