"""The profile `pretrained`, as shipped, with tiny models in the place of the published ones.

They are served by this machine under the published ids; nothing else is reached.
"""

import io
import os
import shutil
import subprocess
import sys

import pytest
import torch
import yaml
from PIL import Image

from deepart_assets.assets.model_fetches import model_fetches
from deepart_assets.build import asset_specs
from deepart_assets.runs import bring_up_to_date
from deepart_assets.settings import load_settings
from deepart_assets.settings.places import PROJECT
from deepart_assets.storage import Lake, MaterializationStore
from deepart_assets.super_resolution.network import initialise_as_interpolation
from deepart_assets.super_resolution.rrdbnet import RRDBNet
from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.hub import point_at, serve_hub
from deepart_assets_tests.outpainting.test_diffusion_loras import save_lora
from deepart_assets_tests.outpainting.tiny_pipelines import save_tiny_pipeline
from deepart_assets_tests.segmentation.onnx_files import BRIGHTNESS, save_network

PIPELINE = "stable-diffusion-v1-5/stable-diffusion-inpainting"
LORA = "latent-consistency/lcm-lora-sdv1-5"
NETWORK = "1IVJFmC9S6N9v7dpTuNuO0U3D0wxbKyau"


def contents(folder):
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def saved(net):
    buffer = io.BytesIO()
    torch.save(net.state_dict(), buffer)
    return buffer.getvalue()


def small_network():
    net = RRDBNet(features=8, blocks=1, growth=4)
    initialise_as_interpolation(net)
    return saved(net)


def small_dat():
    from spandrel.architectures.DAT import DAT

    size = {"embed_dim": 32, "depth": [1], "num_heads": [2], "split_size": [8, 8]}
    return saved(DAT(img_size=16, expansion_factor=2.0, upscale=4, **size))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Caches of their own, two paintings in the inbox."""
    monkeypatch.setenv("DEEPART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "rembg"))
    inbox = tmp_path / "lake" / "inbox"
    inbox.mkdir(parents=True)
    for number in range(2):
        Image.fromarray(draw_painting(number, 150, 130)).save(inbox / f"p{number}.png")
    return tmp_path


@pytest.fixture
def hub(home, drive, monkeypatch):
    """What the profile names, tiny."""
    pipeline = save_tiny_pipeline(home / "pipeline")
    lora = save_lora(pipeline, home / "lora")
    drive.files[NETWORK] = small_network()
    with serve_hub(home / "hub", monkeypatch) as served:
        served.others = {PIPELINE: contents(pipeline), LORA: contents(lora)}
        served.licences = {PIPELINE: "creativeml-openrail-m", LORA: "openrail++"}
        yield served


def segmenter(home):
    """Put the ONNX file where rembg would have downloaded it to."""
    file = home / "rembg" / "birefnet-general.onnx"
    save_network(file, 1024, gain=6, colour=BRIGHTNESS, clip=False)


def test_its_graph_has_no_data_set_and_no_training():
    for name in ("pretrained", "pretrained_16gb", "pretrained_cpu"):
        specs = asset_specs(load_settings(name))
        assert [spec.name for spec in specs["super_resolution"]] == ["art_esrgan"]


@pytest.mark.slow
def test_what_it_fetches_is_said_with_size_and_licence(hub, home, monkeypatch):
    found = {each.name: each for each in model_fetches(load_settings("pretrained"))}
    assert [*found] == [
        "birefnet-general (rembg)", PIPELINE, LORA,
        "the original notebook's Art ESRGAN, from Google Drive",
    ]  # fmt: skip
    assert "1.0 GB, licence MIT" in str(found["birefnet-general (rembg)"])
    size = sum(len(data) for name, data in hub.others[PIPELINE].items())
    assert found[PIPELINE].size == size
    assert found[PIPELINE].licence == "creativeml-openrail-m"
    assert found[PIPELINE].place == home / "hub"
    assert found[LORA].size == len(hub.others[LORA]["pytorch_lora_weights.safetensors"])
    point_at("http://127.0.0.1:9", home / "hub", monkeypatch)
    offline = {each.name: each for each in model_fetches(load_settings("pretrained"))}
    assert "size unknown, licence unknown" in str(offline[PIPELINE])


def restored(lake, ids):
    """Return the store of a data lake in which these paintings are restored."""
    store = MaterializationStore(Lake(lake))
    for asset in ("diffusion_upscaled", "scene_completion_upscaled", "restoration_sheets"):
        for each in ids:
            assert store.get(asset, each).status == "done"
    assert (lake / "gallery" / "index.html").is_file()
    return store


def run_command(home, endpoint, *arguments):
    """Run `deepart restore` with the profile as shipped, in a process of its own."""
    environment = {
        **os.environ,
        "DEEPART_PROFILE": "pretrained",
        "DEEPART_DATA": str(home / "lake"),
        "DAGSTER_HOME": str(home / "dagster"),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_CACHE": str(home / "hub"),
        "KAGGLE_CONFIG_DIR": str(home / "none"),
    }
    (home / "dagster").mkdir(exist_ok=True)
    shutil.copy(PROJECT / ".dagster_home" / "dagster.yaml", home / "dagster")
    command = [sys.executable, "-m", "deepart_assets.cli", "restore", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())  # lines are broken to the terminal's width


@pytest.mark.slow
def test_the_command_restores_two_paintings_and_a_third_without_network(hub, home):
    segmenter(home)
    # Google Drive cannot be redirected in another process: its file as one may save it oneself.
    file = home / "cache" / "drive" / f"{NETWORK}.weights"
    file.parent.mkdir(parents=True)
    file.write_bytes(small_network())
    output = run_command(home, hub.url)
    store = restored(home / "lake", ["p0", "p1"])
    assert "licence creativeml-openrail-m" in output
    assert "RRDBNet" in store.get("art_esrgan").figures["network"]

    Image.fromarray(draw_painting(7, 150, 130)).save(home / "lake" / "inbox" / "p7.png")
    output = run_command(home, "http://127.0.0.1:9", "p7")
    assert "licence" not in output
    restored(home / "lake", ["p0", "p1", "p7"])


@pytest.mark.slow
def test_another_architecture_from_the_hub(hub, home, drive, instance):
    segmenter(home)
    profile = home / "own.yaml"
    hub.files["x4.pth"] = small_dat()
    chosen = {"kind": "hub", "model": "owner/model", "file": "x4.pth"}
    content = {
        "extends": "pretrained",
        "restoration": {"working_side": 96},
        "super_resolution": {"art_esrgan": chosen},
    }
    profile.write_text(yaml.safe_dump(content))
    assert bring_up_to_date(instance, profile=str(profile), root=str(home / "lake")).succeeded
    store = restored(home / "lake", instance.get_dynamic_partitions("paintings"))
    assert "DAT" in store.get("art_esrgan").figures["network"]
    assert not drive.kaggle_calls
    assert model_fetches(load_settings(str(profile))) == []
