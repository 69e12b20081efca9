import urllib.error

import cv2
import pytest
import torch

from deepart_assets import compat
from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.losses import Vgg19Loss, feature_loss
from deepart_assets.super_resolution.pairs import to_tensor

from .pictures import texture


@pytest.fixture(scope="module")
def efficientnet():
    pytest.importorskip("efficientnet_lite_pytorch")
    return feature_loss("efficientnet_lite0")


def batch(blur=0.0):
    picture = texture(96, 96)
    return to_tensor((cv2.GaussianBlur(picture, (0, 0), blur) if blur else picture)[None])


def test_equal_pictures_have_no_distance(efficientnet):
    assert float(efficientnet(batch(), batch())) == 0


def test_the_distance_grows_with_blur(efficientnet):
    distances = [float(efficientnet(batch(blur), batch())) for blur in (0.5, 1, 2, 4)]
    assert distances == sorted(distances)
    assert distances[0] < distances[-1] / 2


def test_the_layers_are_those_of_the_docstring(efficientnet):
    shapes = [tuple(feature.shape) for feature in efficientnet.features(batch())]
    assert shapes == [(1, 24, 24, 24), (1, 40, 12, 12), (1, 80, 6, 6)]


def test_gradients_flow_to_the_picture_and_not_to_the_network(efficientnet):
    made = batch(1).requires_grad_()
    efficientnet(made, batch()).backward()
    assert made.grad is not None
    assert bool((made.grad != 0).any())
    assert not any(weight.requires_grad for weight in efficientnet.parameters())
    assert not any(module.training for module in efficientnet.modules())


def test_vgg19_is_cut_before_the_relu_of_conv5_4(monkeypatch):
    compat.prepare()
    import torchvision.models

    original = torchvision.models.vgg19
    # Random weights: its layout is what matters here.
    monkeypatch.setattr(torchvision.models, "vgg19", lambda weights: original(weights=None))
    with torch.device("meta"):
        layers = Vgg19Loss().layers
    convolutions = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d)]
    pools = [layer for layer in layers if isinstance(layer, torch.nn.MaxPool2d)]
    assert (len(convolutions), len(pools)) == (16, 4)  # block 5 has four, as blocks 3 and 4
    assert layers[-1] is convolutions[-1]


def test_missing_vgg19_weights_are_told_with_the_remedy(monkeypatch, tmp_path):
    def no_network(*arguments, **options):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    with pytest.raises(UnavailableError, match=r"vgg19-dcbb9e9d\.pth .*efficientnet_lite0"):
        feature_loss("vgg19")
