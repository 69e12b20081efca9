"""VGG19's weights: from a file, from a server, altered, and not to be had."""

import pytest
import torch

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError
from deepart_assets.settings.training import AdversarialTraining
from deepart_assets.storage import sha256_of_file
from deepart_assets.super_resolution.data.pairs import to_tensor
from deepart_assets.super_resolution.training.feature_networks import find_feature_network
from deepart_assets.super_resolution.training.job import build_model
from deepart_assets.super_resolution.training.loop import Job
from deepart_assets.super_resolution.training.stages import train_adversarial
from deepart_assets.super_resolution.weights import provenance_of

from . import killable
from .killable import changed
from .pictures import texture


@pytest.fixture(scope="module")
def vgg19(tmp_path_factory):
    """A file in torchvision's layout, random but for the size of its numbers.

    The three last layers, which no feature loss looks at, are one number each, repeated.
    """
    prepare()
    from torchvision.models import vgg19

    with torch.device("meta"):
        shapes = {name: value.shape for name, value in vgg19().state_dict().items()}
    torch.manual_seed(0)
    state = {
        name: torch.randn(shape) * (2 / max(1, shape[1:].numel())) ** 0.5
        if name.startswith("features.")
        else torch.zeros(1).expand(shape)
        for name, shape in shapes.items()
    }
    file = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(state, file)
    return file


def asked(file, **more):
    found = {"weights": str(file), "sha256": "dcbb9e9d", **more}
    return changed(AdversarialTraining(), {"train": {"perceptual_opt": found}}).train.perceptual_opt


def test_the_published_file_is_asked_for_by_default():
    published = AdversarialTraining().train.perceptual_opt
    assert published.weights.endswith("/models/vgg19-dcbb9e9d.pth")
    assert published.weights.rsplit("-", 1)[1].startswith(published.sha256)


@pytest.mark.parametrize("digits", [8, 64])
def test_a_local_file_of_the_right_hash_is_used(vgg19, digits, downloads):
    sha256 = sha256_of_file(vgg19)
    found = find_feature_network(asked(vgg19, sha256=sha256[:digits]), downloads)
    assert (found.name, found.file, found.sha256, found.reason) == ("VGG19", vgg19, sha256, None)
    assert found.version == f"VGG19 {sha256}"
    assert not {"weights", "sha256", "fallback"} & found.options.keys()


def test_another_file_is_refused_even_where_there_is_a_fallback(vgg19, downloads):
    with pytest.raises(UnavailableError, match=r"vgg19\.pth has the SHA-256 .* dcbb9e9d: .*sha256"):
        find_feature_network(asked(vgg19), downloads)


def test_a_server_s_file_is_fetched_once_and_checked(vgg19, site, downloads):
    site.files["vgg19-ours.pth"] = vgg19.read_bytes()
    loss = asked(f"{site.url}/files/vgg19-ours.pth", sha256=sha256_of_file(vgg19)[:8])
    first = find_feature_network(loss, downloads)
    asked_before = len(site.requests)
    again = find_feature_network(loss, downloads)
    assert first.file.read_bytes() == vgg19.read_bytes()
    assert (again.sha256, len(site.requests)) == (first.sha256, asked_before)


@pytest.mark.parametrize("fault", ["missing", "altered"])
def test_without_vgg19_the_fallback_says_why(site, downloads, fault):
    if fault == "altered":
        site.files["vgg19.pth"] = b"x" * 1000
    loss = asked(f"{site.url}/files/vgg19.pth")
    found = find_feature_network(loss, downloads)
    assert found.name == found.version == "EfficientNet-Lite0"
    assert found.options == {"type": "EfficientNetLoss", "perceptual_weight": 0.01}
    assert ("404" if fault == "missing" else "not dcbb9e9d") in found.reason
    strict = loss.model_copy(update={"fallback": None})
    with pytest.raises(UnavailableError, match=r"the VGG19 weights are unavailable .*\.fallback"):
        find_feature_network(strict, downloads)


def test_a_file_that_is_not_there_is_told_of_with_the_remedy(tmp_path, downloads):
    loss = asked(tmp_path / "none.pth", fallback=None)
    with pytest.raises(UnavailableError, match=r"there is no file .*none\.pth.* vgg19-dcbb9e9d"):
        find_feature_network(loss, downloads)


def test_the_loss_is_that_of_conv5_4_before_its_relu(vgg19, downloads, monkeypatch):
    """Against the definition, written out: ImageNet's normalisation, 35 layers, mean difference."""
    prepare()
    from basicsr.archs import vgg_arch
    from torchvision.models import vgg19 as network

    monkeypatch.setattr(vgg_arch, "VGG_PRETRAIN_PATH", "")
    features = find_feature_network(asked(vgg19, sha256=sha256_of_file(vgg19)), downloads)
    model = build_model(Job([], killable.ADVERSARIAL, killable.base(), features))
    made, original = (to_tensor(texture(64, 64, seed)[None]) for seed in (1, 2))
    found, style = model.cri_perceptual(made, original)

    with torch.device("meta"):  # random weights would take longer than all
        net = network()
    net.load_state_dict(torch.load(vgg19), assign=True)
    layers = net.features[:35].eval()
    assert [type(layer).__name__ for layer in layers][-2:] == ["ReLU", "Conv2d"]
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    seen = [layers((picture - mean) / deviation) for picture in (made, original)]
    assert seen[0].shape == (1, 512, 4, 4)
    expected = float((seen[0] - seen[1]).detach().abs().mean())
    assert expected > 0.01
    assert float(found) == pytest.approx(expected, rel=1e-4)
    assert style is None


def test_every_record_names_the_network(vgg19, downloads, monkeypatch):
    prepare()
    from basicsr.archs import vgg_arch

    monkeypatch.setattr(vgg_arch, "VGG_PRETRAIN_PATH", "")
    sha256 = sha256_of_file(vgg19)
    features = find_feature_network(asked(vgg19, sha256=sha256), downloads)
    trained = train_adversarial(
        killable.small_pairs(), killable.base(), killable.adversarial_options(1), features=features
    )
    assert provenance_of(trained.weights)["feature_network"] == f"VGG19 {sha256}"
