"""Pipelines from the hub, or a server in its place: what is fetched, and what is refused."""

import dataclasses
import json
import shutil
from collections.abc import Iterator

import pytest

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting import build_outpainter
from deepart_assets.outpainting.diffusion import loading
from deepart_assets.outpainting.diffusion.families import FLUX_FILL
from deepart_assets_tests.hub import REFUSALS, Hub, point_at, serve_hub
from deepart_assets_tests.outpainting.tiny_families import SAVERS, diffusers_settings
from deepart_assets_tests.outpainting.tiny_pipelines import (
    asked,
    hash_of,
    settings_for,
)


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[Hub]:
    with serve_hub(tmp_path / "cache", monkeypatch) as served:
        yield served


@pytest.mark.parametrize("kind", REFUSALS)
def test_what_the_hub_refuses_is_explained(hub, kind):
    painter = build_outpainter(settings_for(f"owner/{kind}"))
    with pytest.raises(UnavailableError, match=REFUSALS[kind][2]):
        painter.weights_hash()
    with pytest.raises(UnavailableError, match=REFUSALS[kind][2]):
        painter([asked()])


def test_no_network_and_nothing_in_the_cache(tmp_path, monkeypatch):
    # Nothing listens there: what an unreachable hub looks like, at once.
    point_at("http://127.0.0.1:9", tmp_path, monkeypatch)
    match = "owner/model cannot be fetched .*check the network, or set .* to a local folder"
    with pytest.raises(UnavailableError, match=match):
        hash_of("owner/model")


def test_fetched_without_what_is_not_used_and_afterwards_from_the_cache(
    hub, folder, tmp_path, monkeypatch
):
    index = json.loads((folder / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    hub.files = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    } | {
        "model_index.json": json.dumps(index).encode(),
        "README.md": b"about it",
        "v1-5-pruned.safetensors": b"a checkpoint in one file",
        "safety_checker/config.json": b"{}",
        "safety_checker/model.safetensors": b"large",
        "unet/diffusion_pytorch_model.bin": b"a pickle",
        "unet/diffusion_pytorch_model.fp16.safetensors": b"half of it",
    }
    painter = build_outpainter(settings_for("owner/model"))
    [picture] = painter([asked()])
    assert sorted(set(hub.fetched)) == sorted(
        {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    )
    assert (picture == build_outpainter(settings_for(folder))([asked()])[0]).all()
    point_at("http://127.0.0.1:9", tmp_path / "cache", monkeypatch)
    offline = build_outpainter(settings_for("owner/model"))
    assert offline.weights_hash() == painter.weights_hash()
    assert (offline([asked()])[0] == picture).all()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name == "Z-Image" else pytest.mark.slow) for name in SAVERS],
)
def test_every_family_is_fetched_whole_and_found_offline(
    hub, family_folders, name, tmp_path, monkeypatch
):
    folder = family_folders[name]
    files = [file for file in folder.rglob("*") if file.is_file()]
    hub.files = {str(file.relative_to(folder)): file.read_bytes() for file in files} | {
        "README.md": b"about it",
        "the-whole-model.safetensors": b"in one file",
        "transformer/diffusion_pytorch_model.fp16.safetensors": b"half of it",
    }
    settings = diffusers_settings("owner/model", preset="quality")
    fetched = build_outpainter(settings).weights_hash()
    [snapshot] = (tmp_path / "cache").glob("*/snapshots/*")
    there = {str(file.relative_to(snapshot)) for file in snapshot.rglob("*") if file.is_file()}
    wanted = {str(file.relative_to(folder)) for file in files}
    assert there == wanted
    point_at("http://127.0.0.1:9", tmp_path / "cache", monkeypatch)
    offline = build_outpainter(settings)
    assert offline.weights_hash() == fetched
    [picture] = offline([asked()])
    local = diffusers_settings(folder, preset="quality")
    assert (picture == build_outpainter(local)([asked()])[0]).all()


def test_a_disk_that_is_too_small_is_told_of_before_gigabytes_come(hub, folder, monkeypatch):
    hub.files = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=500_000_100))
    match = r"owner/model needs 0\.\d+ GB of disk and .* GB left: make room, or .* HF_HOME"
    with pytest.raises(UnavailableError, match=match):
        hash_of("owner/model")
    assert hub.fetched == ["model_index.json"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=600_000_000))
    assert hash_of("owner/model")
    # What is there takes no more room.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    assert hash_of("owner/model")


def test_the_licence_of_a_gated_model_is_named(hub, monkeypatch):
    known = dataclasses.replace(FLUX_FILL, models={"owner/gated": "For Museums, gated"})
    monkeypatch.setattr(loading, "BY_MODEL", {"owner/gated": known})
    with pytest.raises(UnavailableError, match=r"accept its licence .* Its licence: For Museums"):
        build_outpainter(diffusers_settings("owner/gated")).weights_hash()


def test_a_model_of_pickles_is_refused_and_not_fetched(hub, folder):
    hub.files = {
        str(file.relative_to(folder)).replace(".safetensors", ".bin"): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    with pytest.raises(UnavailableError, match="owner/model has no weights in safetensors"):
        hash_of("owner/model")
    assert not [name for name in hub.fetched if name.endswith(".bin")]


def test_a_model_of_another_kind_is_refused_and_not_fetched(hub):
    hub.files = {"model_index.json": b'{"_class_name": "FluxPipeline"}', "vae/config.json": b"{}"}
    with pytest.raises(UnavailableError, match="owner/model holds a FluxPipeline, which cannot"):
        hash_of("owner/model")
    assert hub.fetched == ["model_index.json"]


def test_a_model_that_is_no_pipeline_is_refused_and_not_fetched(hub):
    hub.files = {"config.json": b"{}", "model.safetensors": b"a network of transformers"}
    with pytest.raises(UnavailableError, match="owner/model does not hold a pipeline"):
        hash_of("owner/model")
    assert hub.fetched == []
