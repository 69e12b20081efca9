"""Grey stays grey, alpha stays alpha, hidden colours stay hidden."""

import numpy as np
import pytest

from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.data.degradation import matlab_bicubic_enlarge
from deepart_assets.super_resolution.network import build
from deepart_assets.super_resolution.upscaling.channels import enlarge_channels
from deepart_assets.super_resolution.upscaling.upscaler import BicubicUpscaler, NetworkUpscaler
from deepart_assets.super_resolution.weights import Spec, to_bytes

from .pictures import texture


@pytest.fixture(scope="module", params=["bicubic", "network"])
def upscaler(request):
    if request.param == "bicubic":
        return BicubicUpscaler()
    size = Spec(features=8, blocks=1, growth=4)
    return NetworkUpscaler(to_bytes(build(size).state_dict(), {}), Upscaling(tile=16))


def cut_out(height=30, width=26):
    """A painting of which the left half shows, with wild colours under alpha 0."""
    picture = np.dstack([texture(height, width), np.full((height, width), 255, np.uint8)])
    picture[:, width // 2 :] = (255, 0, 255, 0)
    return picture


def test_each_kind_of_picture_stays_its_kind(upscaler):
    assert upscaler(texture(9, 7)[..., 0]).shape == (36, 28)
    assert upscaler(texture(9, 7)).shape == (36, 28, 3)
    assert upscaler(cut_out(9, 8)).shape == (36, 32, 4)


def test_alpha_has_the_geometry_of_the_colours(upscaler):
    picture = cut_out()
    alpha = upscaler(picture)[..., 3]
    expected = matlab_bicubic_enlarge(np.repeat(picture[..., 3:], 3, axis=2))[..., 0]
    assert np.array_equal(alpha, expected)
    assert (alpha[:, :44] == 255).all()
    assert (alpha[:, -44:] == 0).all()


def test_what_lies_under_alpha_zero_does_not_reach_what_shows(upscaler):
    picture = cut_out()
    other = picture.copy()
    other[picture[..., 3] == 0] = (0, 255, 0, 0)
    assert np.array_equal(upscaler(picture), upscaler(other))


def test_the_edge_has_the_colour_of_what_shows():
    picture = np.zeros((20, 20, 4), np.uint8)
    picture[5:15, 5:15] = (200, 100, 50, 255)
    made = BicubicUpscaler()(picture)
    assert np.array_equal(np.unique(made[..., :3].reshape(-1, 3), axis=0), [[200, 100, 50]])


def test_a_picture_of_which_nothing_shows_is_enlarged_all_the_same():
    made = BicubicUpscaler()(np.zeros((5, 6, 4), np.uint8))
    assert made.shape == (20, 24, 4)
    assert not made.any()


def test_grey_is_what_the_colours_of_a_grey_picture_are():
    grey = texture(12, 14)[..., 1]
    coloured = matlab_bicubic_enlarge(np.repeat(grey[..., None], 3, axis=2))
    assert np.array_equal(enlarge_channels(grey, matlab_bicubic_enlarge), coloured[..., 0])
