"""LPIPS: only with its own backbone, verified; the same figures as the authors' package."""

import hashlib

import numpy as np
import pytest
import torch

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError
from deepart_assets.settings.evaluation import Lpips
from deepart_assets.super_resolution.evaluation.lpips import LpipsMetric, hub_folder

from .shipped import NAMES, middle_of

NAMES_IN_TORCHVISION = {
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
    "alex": "alexnet-owt-7be5be79.pth",
}


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torchvision")  # lpips' own call


def torchvision_network(network):
    prepare()
    import torchvision

    build = torchvision.models.squeezenet1_1 if network == "squeeze" else torchvision.models.alexnet
    torch.manual_seed(1)
    return build(weights=None)


@pytest.fixture(scope="module", params=["squeeze", "alex"])
def backbone(request, tmp_path_factory):
    """A file in torchvision's layout, with weights of our own, and the settings that allow it."""
    network = torchvision_network(request.param)
    file = tmp_path_factory.mktemp("hub") / "own.pth"
    torch.save(network.state_dict(), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return network, Lpips(network=request.param, path=str(file), sha256=digest.upper())


def pictures():
    original = middle_of(NAMES[1], 104)
    return np.roll(original, 2, 1), original


def test_torchvision_names_its_files_as_we_expect():
    prepare()
    from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights

    urls = {
        "squeeze": SqueezeNet1_1_Weights.IMAGENET1K_V1.url,
        "alex": AlexNet_Weights.IMAGENET1K_V1.url,
    }
    assert {network: url.rsplit("/", 1)[1] for network, url in urls.items()} == NAMES_IN_TORCHVISION


def test_it_is_that_of_the_authors_package_with_the_same_backbone(backbone):
    lpips = pytest.importorskip("lpips")
    network, choice = backbone
    metric = LpipsMetric(choice)
    made, original = pictures()
    theirs = lpips.LPIPS(net=choice.network, pnet_rand=True, verbose=False)
    # The published computation, on torchvision's own layers: their slices are replaced by them.
    for piece in (getattr(theirs.net, f"slice{n + 1}") for n in range(theirs.net.N_slices)):
        for name in list(piece._modules):
            piece._modules[name] = network.features[int(name)].eval()
    tensors = [lpips.im2tensor(np.ascontiguousarray(each[4:-4, 4:-4])) for each in (made, original)]
    with torch.no_grad():
        expected = float(theirs(*tensors))
    assert expected > 0
    assert metric(made, original) == pytest.approx(expected, rel=1e-5)
    assert metric(original, original) == 0
    assert metric(original[:70], original[:70]) is None


def test_it_is_the_definition(backbone):
    pytest.importorskip("lpips")
    import importlib.util
    from pathlib import Path

    network, choice = backbone
    made, original = pictures()
    package = Path(importlib.util.find_spec("lpips").origin).parent
    file = package / "weights" / "v0.1" / f"{choice.network}.pth"
    heads = torch.load(file, map_location="cpu", weights_only=True)
    taps = {"squeeze": (1, 4, 7, 9, 10, 11, 12), "alex": (1, 4, 7, 9, 11)}[choice.network]
    mean, deviation = (
        torch.tensor(values).view(3, 1, 1)
        for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    )

    def features(picture):
        x = torch.from_numpy(picture[4:-4, 4:-4].copy()).permute(2, 0, 1).float() / 255
        x, found = ((x - mean) / deviation)[None], []
        for index, layer in enumerate(network.features.eval()):
            x = layer(x)
            if index in taps:
                found.append(x / x.norm(dim=1, keepdim=True))
        return [each.clone() for each in found]

    with torch.no_grad():
        # Equation 1 of the paper.
        expected = sum(
            float((head * (a - b) ** 2).sum(1).mean())
            for head, a, b in zip(heads.values(), features(made), features(original), strict=True)
        )
    assert LpipsMetric(choice)(made, original) == pytest.approx(expected, rel=1e-4)


def test_without_the_package_there_is_none(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r"not installed: pip install .*\[lpips\]"):
        LpipsMetric(Lpips())


@pytest.fixture
def hub(tmp_path, monkeypatch):
    pytest.importorskip("lpips")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"TORCH_HOME": "/models"},
        {"TORCH_HOME": "~/models", "XDG_CACHE_HOME": "/x"},
        {"XDG_CACHE_HOME": "~/x"},
    ],
)
def test_torchs_folder_is_found_without_torch(given, monkeypatch):
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert str(hub_folder()) == torch.hub.get_dir()


@pytest.mark.parametrize("network", ["squeeze", "alex"])
def test_without_the_backbone_there_is_none_and_the_remedy_is_told(hub, network):
    with pytest.raises(UnavailableError) as caught:
        LpipsMetric(Lpips(network=network))
    assert str(hub / NAMES_IN_TORCHVISION[network]) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_file_under_torchvisions_name_is_refused(hub):
    torch.save(torchvision_network("squeeze").state_dict(), hub / NAMES_IN_TORCHVISION["squeeze"])
    with pytest.raises(UnavailableError, match=r", not b8a52dc0: correct .*lpips\.sha256"):
        LpipsMetric(Lpips())


def test_a_file_with_another_hash_than_the_settings_is_refused(backbone):
    pytest.importorskip("lpips")
    _, choice = backbone
    with pytest.raises(UnavailableError, match=r"no LPIPS: .* has the SHA-256"):
        LpipsMetric(choice.model_copy(update={"sha256": "0" * 64}))


def test_the_version_is_the_backbones(backbone):
    pytest.importorskip("lpips")
    _, choice = backbone
    assert LpipsMetric(choice).version == f"{choice.network} {choice.sha256.lower()}"


def test_a_file_of_other_tensors_is_no_backbone(tmp_path):
    pytest.importorskip("lpips")
    file = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11)}, file)  # as in AlexNet
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    metric = LpipsMetric(Lpips(path=str(file), sha256=digest))
    with pytest.raises(UnavailableError, match=r"is not torchvision's squeezenet1_1"):
        metric(*pictures())
