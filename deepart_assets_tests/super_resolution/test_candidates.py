"""The rows of the table: which there are, from which weights, and why one is missing."""

import numpy as np
import torch

from deepart_assets.settings.evaluation import Evaluation
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.evaluation.candidates import candidates
from deepart_assets.super_resolution.network import build
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler
from deepart_assets.super_resolution.weights import Spec, interpolate, to_bytes

from .pictures import texture


def weights(features=8, seed=0):
    torch.manual_seed(seed)
    state = build(Spec(features=features, blocks=1, growth=4, scale=4)).state_dict()
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
