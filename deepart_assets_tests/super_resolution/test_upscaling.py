import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.data.degradation import matlab_bicubic_enlarge
from deepart_assets.super_resolution.network import initialise_as_interpolation
from deepart_assets.super_resolution.rrdbnet import RRDBNet
from deepart_assets.super_resolution.training.stages import train_pixel
from deepart_assets.super_resolution.upscaling.upscaler import (
    NetworkUpscaler,
    enlarge,
)
from deepart_assets.super_resolution.weights import load_network, to_bytes

from .killable import pixel_options
from .pictures import some_pairs, texture


@pytest.fixture(scope="module")
def weights():
    """Of a network that learned a little, so that all of its features matter."""
    return train_pixel(some_pairs(), pixel_options(12, network_g={"num_block": 2})).weights


@pytest.fixture(scope="module")
def net(weights):
    return load_network(weights)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(16, 33), st.integers(0, 16))
def test_any_picture_grows_exactly_four_times(net, height, width, tile, overlap):
    made = enlarge(net, texture(height, width), Upscaling(tile=tile, overlap=overlap))
    assert made.shape == (4 * height, 4 * width, 3)
    assert made.dtype == np.uint8


class Repeated(torch.nn.Module):
    """Repeats pixels, and keeps the sides of what it saw."""

    def __init__(self):
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))
        self.seen = []

    def forward(self, x):
        self.seen.append(tuple(x.shape[2:]))
        return x.repeat_interleave(4, 2).repeat_interleave(4, 3)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(16, 50), st.integers(0, 30))
def test_each_pixel_comes_from_its_place_and_windows_have_one_size(height, width, tile, overlap):
    net, picture = Repeated(), texture(height, width)
    made = enlarge(net, picture, Upscaling(tile=tile, overlap=overlap))
    assert np.array_equal(made, picture.repeat(4, 0).repeat(4, 1))
    assert len(set(net.seen)) == 1
    assert max(net.seen[0]) <= tile + 2 * overlap


def test_the_borders_of_a_picture_get_little_context():
    net = Repeated()
    enlarge(net, texture(128, 96), Upscaling(tile=128, overlap=12))
    enlarge(net, texture(256, 96), Upscaling(tile=128, overlap=12))
    assert net.seen == [(136, 104), (144, 104), (144, 104)]


@pytest.mark.parametrize("tile", [16, 23, 40])
def test_tiles_leave_no_seams(net, tile):
    picture = texture(70, 61)
    whole = enlarge(net, picture, Upscaling(tile=512, overlap=32)).astype(int)
    for overlap in (8, Upscaling().overlap):
        tiled = enlarge(net, picture, Upscaling(tile=tile, overlap=overlap)).astype(int)
        assert np.abs(whole - tiled).max() <= 1


def test_without_overlap_there_would_be_seams(net):
    picture = texture(70, 61)
    whole = enlarge(net, picture, Upscaling(tile=512, overlap=32)).astype(int)
    tiled = enlarge(net, picture, Upscaling(tile=16, overlap=0)).astype(int)
    assert np.abs(whole - tiled).max() > 10


def test_the_untrained_network_is_close_to_bicubic():
    torch.manual_seed(0)
    net = RRDBNet(features=8, blocks=1, growth=4)
    initialise_as_interpolation(net)
    picture = texture(40, 40)
    made = enlarge(net, picture, Upscaling()).astype(int)
    assert np.abs(made - matlab_bicubic_enlarge(picture)).mean() < 4


def test_borders_are_as_bright_as_the_picture(net):
    flat = np.full((20, 20, 3), 200, np.uint8)
    made = enlarge(net, flat, Upscaling(tile=64, overlap=16)).astype(int)
    # Mirrored context: a flat picture has no border to be seen.
    assert np.ptp(made, axis=(0, 1)).max() == 0


class Constant(torch.nn.Module):
    """Gives one value everywhere."""

    def __init__(self, value):
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor(value))

    def forward(self, x):
        return self.value.expand(*x.shape[:2], 4 * x.shape[2], 4 * x.shape[3])


@pytest.mark.parametrize(("value", "level"), [(100.6 / 255, 101), (100.4 / 255, 100), (1.3, 255)])
def test_values_are_rounded_and_clamped(value, level):
    assert (enlarge(Constant(value), texture(9, 9), Upscaling()) == level).all()


def test_nothing_that_is_not_finite_becomes_a_picture():
    with pytest.raises(PaintingError, match=r"not finite.*fp32"):
        enlarge(Constant(float("nan")), texture(9, 9), Upscaling())


def test_a_tile_left_black_is_an_error_unless_it_was_black():
    black = np.zeros((40, 40, 3), np.uint8)
    assert not enlarge(Constant(-0.2), black, Upscaling(tile=16)).any()
    black[35, 35] = 90  # in the last tile alone
    with pytest.raises(PaintingError, match=r"made a tile black.*fp32"):
        enlarge(Constant(-0.2), black, Upscaling(tile=16))


def test_the_upscaler_loads_late_and_once(weights):
    broken = NetworkUpscaler(b"nothing", Upscaling(), "art_esrgan.safetensors")
    with pytest.raises(UnavailableError, match=r"art_esrgan\.safetensors"):
        broken(texture(8, 8))
    upscaler = NetworkUpscaler(weights, Upscaling())
    picture = texture(20, 24)
    first = upscaler(picture)
    loaded = upscaler._backend
    assert np.array_equal(upscaler(picture), first)
    assert upscaler._backend is loaded


def test_a_read_only_picture_is_not_written_to(net):
    picture = texture(16, 16)
    picture.flags.writeable = False
    before = picture.copy()
    enlarge(net, picture, Upscaling())
    assert np.array_equal(picture, before)


def test_weights_of_a_wide_network_are_used_as_they_are():
    torch.manual_seed(0)
    net = RRDBNet(features=16, blocks=1, growth=8).eval()
    torch.nn.init.constant_(net.conv_last.bias, 0.5)  # or the result is black, which is refused
    picture = texture(24, 24)
    upscaler = NetworkUpscaler(to_bytes(net.state_dict(), {}), Upscaling(backend="torch"))
    difference = upscaler(picture).astype(int) - enlarge(net, picture, Upscaling())
    assert np.abs(difference).max() <= 1  # another order of summation
