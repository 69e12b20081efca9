import cv2
import pytest

from deepart_assets import compat
from deepart_assets.super_resolution.data.pairs import to_tensor

from .pictures import texture


@pytest.fixture(scope="module")
def efficientnet():
    pytest.importorskip("efficientnet_lite_pytorch")
    compat.prepare()
    from deepart_assets.super_resolution.training.losses import EfficientNetLoss

    loss = EfficientNetLoss()
    loss.distance = lambda made, original: loss(made, original)[0]
    return loss


def batch(blur=0.0):
    picture = texture(96, 96)
    return to_tensor((cv2.GaussianBlur(picture, (0, 0), blur) if blur else picture)[None])


def test_equal_pictures_have_no_distance(efficientnet):
    assert float(efficientnet.distance(batch(), batch())) == 0


def test_the_distance_grows_with_blur(efficientnet):
    distances = [float(efficientnet.distance(batch(blur), batch())) for blur in (0.5, 1, 2, 4)]
    assert distances == sorted(distances)
    assert distances[0] < distances[-1] / 2


def test_the_layers_are_those_of_the_docstring(efficientnet):
    shapes = [tuple(feature.shape) for feature in efficientnet.features(batch())]
    assert shapes == [(1, 24, 24, 24), (1, 40, 12, 12), (1, 80, 6, 6)]


def test_gradients_flow_to_the_picture_and_not_to_the_network(efficientnet):
    made = batch(1).requires_grad_()
    efficientnet.distance(made, batch()).backward()
    assert made.grad is not None
    assert bool((made.grad != 0).any())
    assert not any(weight.requires_grad for weight in efficientnet.parameters())
    assert not any(module.training for module in efficientnet.modules())


def test_the_weight_multiplies_the_distance_and_there_is_no_style(efficientnet):
    heavier = type(efficientnet)(perceptual_weight=3.0)
    distance, style = heavier(batch(1), batch())
    assert style is None
    assert float(distance) == pytest.approx(3 * float(efficientnet.distance(batch(1), batch())))
