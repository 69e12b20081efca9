"""Reading ncnn's format: files written by the tests, and what ncnn itself makes of them."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.network import build
from deepart_assets.super_resolution.weights import Spec, is_installed, registry_weights
from deepart_assets.super_resolution.weights.files import load_network, to_bytes
from deepart_assets.super_resolution.weights.ncnn import read_ncnn
from deepart_assets_tests.super_resolution.ncnn_files import run_ncnn, write_ncnn

SIZE = Spec(features=5, blocks=2, growth=3)  # odd numbers: float16 weights are padded


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    made = build(SIZE).state_dict()
    return {key: value + 0.01 * torch.randn_like(value) for key, value in made.items()}


@pytest.fixture(scope="module")
def files(state):
    return write_ncnn(state)


def test_weights_come_back_exactly(state):
    single = read_ncnn(*write_ncnn(state, half=False), "a.bin")
    assert single.keys() == state.keys()
    assert all(single[key].equal(state[key]) for key in state)
    half = read_ncnn(*write_ncnn(state), "a.bin")
    for key, value in half.items():
        rounded = state[key].half().float() if key.endswith("weight") else state[key]
        assert value.equal(rounded), key


def test_newer_arrays_and_settings_written_in_full_are_read(state, files):
    param, binary = files
    newer = param.replace("-23310=1,2.000000e-01", "10=2.000000e-01,").replace(
        "-23301=2,2.000000e-01,1.000000e+00", "1=0.2,1.0"
    )
    newer = newer.replace(" 11=3 ", " 2=1 12=1 3=1 13=1 14=1 15=1 16=1 18=0.0 ")
    newer = re.sub(r"^(Concat.*)$", r"\1 0=0", newer, flags=re.MULTILINE)
    assert newer != param
    assert read_ncnn(newer, binary, "a.bin").keys() == state.keys()


def other_line(pattern, change):
    """A change of the first line that the pattern finds."""
    return lambda param: re.sub(pattern, change, param, count=1, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: p.replace("7767517", "7767518"), "does not begin with 7767517"),
        (lambda p: "\n".join(p.splitlines()[:-1]), "layers are there"),
        (other_line(r"^Convolution +l1 .*$", "Convolution l1 1 1 nothing b1"), "cannot be read"),
        (other_line(r"6=\d+", "6=inf"), "6=inf is not finite"),
        (other_line(r"6=\d+", "6=many"), "cannot be read"),
        (lambda p: p.replace("conv_hr", "x").replace("2.000000e-01", "0.1"), "not .*0.2"),
        (other_line(r"^(Interp.*)0=1", r"\g<1>0=2"), "layer .*Interp"),
        (other_line(r"(9=2 )-23310=1,2.000000e-01", r""), "its layer 2 is"),
        (other_line(r"1=3 11=3", "1=3 11=1"), "its layer 1 is"),
        (other_line(r"^(BinaryOp.*)$", r"\1 0=2"), "BinaryOp"),
        (lambda p: "7767517\n1 1\nInput i 0 1 data\n", "it has 0 convolutions, not 6"),
    ],
)
def test_other_graphs_are_refused_with_the_reason(files, change, reason):
    param, binary = files
    changed = change(param)
    assert changed != param
    with pytest.raises(UnavailableError, match=rf"a\.bin .*{reason}"):
        read_ncnn(changed, binary, "a.bin")


def test_an_operand_from_another_layer_is_noticed(files):
    param, binary = files
    lines = param.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("Eltwise"))
    words = lines[place].split()
    words[4], words[5] = words[5], words[4]  # 0.2·x + residue: another network
    lines[place] = " ".join(words)
    with pytest.raises(UnavailableError, match=r"its layer .*Eltwise"):
        read_ncnn("\n".join(lines), binary, "a.bin")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda b: b[:-1], r"ends after \d+ bytes"),
        (lambda b: b[:3], "ends after 3 bytes"),
        (lambda b: b + b"0123", "4 bytes too many"),
        (lambda b: bytes.fromhex("384b0d00") + b[4:], "quantised .tag 0x000d4b38"),
        (lambda b: b[:4] + b"\x00\x7c" + b[6:], "not finite"),
    ],
)
def test_other_weights_are_refused_with_the_reason(files, change, reason):
    param, binary = files
    with pytest.raises(UnavailableError, match=reason):
        read_ncnn(param, change(binary), "a.bin")


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), text=st.text(max_size=4))
def test_a_damaged_param_file_is_read_or_refused(files, place, text):
    param, binary = files
    at = int(place * len(param))
    try:
        read_ncnn(param[:at] + text + param[at + len(text) :], binary, "a.bin")
    except UnavailableError as error:
        assert "a.bin" in str(error)


# --- ncnn itself ---------------------------------------------------------------------------------


def assert_agreement(param, binary, weights, tolerance):
    pytest.importorskip("ncnn", reason="ncnn is not installed")
    picture = np.random.default_rng(0).random((3, 13, 10), dtype=np.float32)
    with torch.no_grad():
        ours = load_network(weights)(torch.from_numpy(picture)[None])[0].numpy()
    assert float(ours.std()) > 1e-3
    np.testing.assert_allclose(ours, run_ncnn(param, binary, picture), rtol=0, atol=tolerance)


def test_the_network_gives_what_ncnn_gives(files):
    assert_agreement(*files, to_bytes(read_ncnn(*files, "a.bin"), {}), 1e-6)


@pytest.mark.parametrize("name", ["realsr_df2k", "realesrgan_x4plus"])
def test_the_packaged_networks_give_what_ncnn_gives(name):
    if not is_installed(name):
        pytest.skip("deepart_assets[registry] is not installed")
    found = importlib.util.find_spec(f"sr_vulkan_model_{name.split('_')[0]}")
    stem = {"realsr_df2k": "REALSR_DF2K", "realesrgan_x4plus": "REALESRGAN_X4PLUS"}[name]
    base = Path(found.submodule_search_locations[0], "models", f"{stem}_UP4X.param")
    param, binary = base.read_text(), base.with_suffix(".bin").read_bytes()
    assert_agreement(param, binary, registry_weights(name), 2e-5)
