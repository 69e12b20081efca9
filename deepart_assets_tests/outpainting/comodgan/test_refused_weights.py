"""Checkpoints that must be refused: code, damage, other shapes."""

import os
import pickle
import re

import numpy as np
import pytest
import torch

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.comodgan import pickles
from deepart_assets.outpainting.comodgan.weights import read_weights
from deepart_assets.storage.tensor_files import to_bytes
from deepart_assets_tests.outpainting.comodgan.published import (
    dnnlib,
    network_state,
    shgan_tensors,
    tensorflow_pickle,
    tensorflow_variables,
    zeng_tensors,
)
from deepart_assets_tests.outpainting.comodgan.small import SIDE, plain_state, tiny


@pytest.fixture(scope="module")
def state():
    return plain_state(tiny(SIDE))


@pytest.fixture(scope="module")
def official(state):
    variables = tensorflow_variables(state, SIDE)
    return tensorflow_pickle(variables, variables)


class Harmful:
    """Unpickled, it makes a file through the shell."""

    def __reduce__(self):
        return os.system, ("touch harm-was-done",)


def harmful_official(state):
    """An otherwise perfect file, with the command among the settings of a network."""
    variables = tensorflow_variables(state, SIDE)
    with dnnlib() as (network, _):
        parts = {}
        for part in ("mapping", "synthesis"):
            own = {
                name.removeprefix(f"{part}/"): value
                for name, value in variables.items()
                if name.startswith(part)
            }
            parts[part] = network(network_state(part, own))
        whole = network(network_state("Gs", {}, parts, static_kwargs={"f": Harmful()}))
        return pickle.dumps((whole, whole, whole), 4)


def persistence():
    """As the training snapshots of stylegan2-ada are: source text for a function to compile."""
    return b"\x80\x04ctorch_utils.persistence\n_reconstruct_persistent_obj\n(dtR."


@pytest.mark.parametrize(
    "make",
    [
        harmful_official,
        lambda state: pickle.dumps(Harmful(), 0),
        lambda state: pickle.dumps(Harmful(), 4),
        lambda state: pickle.dumps((np.array([Harmful()]),) * 3, 4),
        lambda state: b'cbuiltins\neval\n(S\'open("harm-was-done", "w")\'\ntR.',
        lambda state: b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93\x8c\x01x\x85R.",
        # A name with dots reaches through an allowed class to its globals.
        lambda state: b"\x80\x04\x8c\x05numpy\x8c\x15dtype.__class__.mro.x\x93.",
        lambda state: persistence(),
    ],
)
def test_code_in_a_pickle_is_refused_and_does_not_run(make, state, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "bad.pkl"
    file.write_bytes(make(state))
    with pytest.raises(UnavailableError, match=r"bad\.pkl .*nothing of it was run.*safetensors"):
        read_weights(file)
    assert not (tmp_path / "harm-was-done").exists()


def test_the_payload_would_have_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Harmful()))
    assert (tmp_path / "harm-was-done").exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_pytorch_file_is_refused(state, tmp_path, monkeypatch, legacy):
    monkeypatch.chdir(tmp_path)
    content = {"g_ema": dict(state), "options": Harmful()}
    torch.save(content, tmp_path / "bad.pt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UnavailableError, match=r"bad\.pt .*posix.*code; nothing of it was run"):
        read_weights(tmp_path / "bad.pt")
    assert not (tmp_path / "harm-was-done").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 7}, "version 7"),
        ({"variables": [("lod", [1, 2])]}, "variable of type list"),
        ({"variables": [("lod", np.array(["text"], object))]}, "array of type 'O8'"),
        ({"variables": [("lod", np.array([1 + 2j]))]}, "array of type 'c16'"),
        ({"components": {"mapping": {"version": 4}}}, "dict in place of a network"),
    ],
)
def test_what_no_official_file_has(state, tmp_path, changes, words):
    variables = tensorflow_variables(state, SIDE)
    (tmp_path / "odd.pkl").write_bytes(tensorflow_pickle(variables, variables, **changes))
    with pytest.raises(UnavailableError, match=re.escape(words)):
        read_weights(tmp_path / "odd.pkl")


def test_sizes_are_looked_at_before_memory_is_taken(official, state, tmp_path, monkeypatch):
    monkeypatch.setattr(pickles, "LARGEST_ARRAY", 1000)
    (tmp_path / "a.pkl").write_bytes(official)
    with pytest.raises(UnavailableError, match="without a plain type and shape"):
        read_weights(tmp_path / "a.pkl")
    monkeypatch.setattr(pickles, "LARGEST_FILE", 1000)
    with pytest.raises(UnavailableError, match="the limit is 1000"):
        read_weights(tmp_path / "a.pkl")


def test_a_pickle_of_two_networks(tmp_path):
    (tmp_path / "two.pkl").write_bytes(pickle.dumps((1, 2), 4))
    with pytest.raises(UnavailableError, match=r"two\.pkl.* a tuple in place of the networks"):
        read_weights(tmp_path / "two.pkl")


def write_all(folder, state, official):
    (folder / "a.pkl").write_bytes(official)
    torch.save(zeng_tensors(state, SIDE), folder / "b.pth")
    torch.save(shgan_tensors(state), folder / "c.pt")
    (folder / "d.safetensors").write_bytes(to_bytes(state, {"stage": "test"}))
    return sorted(folder.iterdir())


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_truncated_files(state, official, tmp_path, share):
    for file in write_all(tmp_path, state, official):
        data = file.read_bytes()
        file.write_bytes(data[: int(share * len(data))])
        with pytest.raises(UnavailableError) as caught:
            read_weights(file)
        assert str(file) in str(caught.value)
        assert re.search("fetch it again|Take ", str(caught.value))


def test_wrong_shapes_missing_and_unknown_tensors(state, tmp_path):
    wrong = dict(state)
    wrong["synthesis.b8.conv1.weight"] = torch.zeros(5, 5, 1, 1)
    short = {name: value for name, value in state.items() if name != "encoder.b4.fc.bias"}
    more = {**state, "encoder.b4.fc.extra": torch.zeros(2)}
    nan = {**state, "encoder.b4.fc.bias": torch.full((9,), torch.nan)}
    cases = {
        "wrong": (wrong, r"synthesis\.b8\.conv1\.weight is \(5, 5, 1, 1\) instead of \(5, 5, 3, 3"),
        "short": (short, r"encoder\.b4\.fc\.bias is missing"),
        "more": (more, r"encoder\.b4\.fc\.extra is not known"),
        "nan": (nan, r"encoder\.b4\.fc\.bias contains values that are not finite"),
        "other": ({"layer.weight": torch.zeros(3)}, "holds no CoModGAN generator"),
        "none": ({}, "holds no tensors by name"),
    }
    for name, (tensors, words) in cases.items():
        torch.save(tensors, tmp_path / f"{name}.pt")
        with pytest.raises(UnavailableError, match=rf"{name}\.pt.*{words}"):
            read_weights(tmp_path / f"{name}.pt")


def test_an_unknown_variable_of_tensorflow_is_told(state, tmp_path):
    variables = tensorflow_variables(state, SIDE)
    more = {**variables, "synthesis/E_8x8/Conv7/weight": np.zeros((3, 3, 1, 1), np.float32)}
    (tmp_path / "a.pkl").write_bytes(tensorflow_pickle(more, variables))
    with pytest.raises(UnavailableError, match="E_8x8/Conv7/weight is not known"):
        read_weights(tmp_path / "a.pkl")


def test_pages_and_missing_files(tmp_path):
    (tmp_path / "page.pkl").write_bytes(b"<!DOCTYPE html><html><title>Sign in</title></html>")
    with pytest.raises(UnavailableError, match=r"page\.pkl is a web page"):
        read_weights(tmp_path / "page.pkl")
    with pytest.raises(UnavailableError, match=r"none\.pkl cannot be read \(No such file"):
        read_weights(tmp_path / "none.pkl")
