import io
import pickle
import re

import pytest
import torch

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.super_resolution import DriveWeights, Network
from deepart_assets.super_resolution.network import build
from deepart_assets.super_resolution.weights import (
    Spec,
    fetch_drive_weights,
    load_network,
    provenance_of,
    read_state,
    spec_of,
    to_bytes,
)
from deepart_assets_tests.loopback import Fault

SIZE = Network(features=8, blocks=3, growth=4)


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return build(SIZE).state_dict()


def saved(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def to_new(key):
    for ours, theirs in (
        ("conv_body", "trunk_conv"),
        ("conv_up", "upconv"),
        ("conv_hr", "HRconv"),
        ("body.", "RRDB_trunk."),
        (".rdb", ".RDB"),
    ):
        key = key.replace(ours, theirs)
    return key


def to_old(key):
    """Names of esrgan's flat Sequential, as traiNNer saves them."""
    block = re.fullmatch(r"body\.(\d)\.rdb(\d)\.conv(\d)\.(\w+)", key)
    if block:
        return "model.1.sub.{}.RDB{}.conv{}.0.{}".format(*block.groups())
    module, suffix = key.split(".")
    places = {
        "conv_first": "0",
        "conv_body": f"1.sub.{SIZE.blocks}",
        "conv_up1": "3",
        "conv_up2": "6",
        "conv_hr": "8",
        "conv_last": "10",
    }
    return f"model.{places[module]}.{suffix}"


@pytest.mark.parametrize("rename", [str, to_new, to_old], ids=["basicsr", "new", "old"])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapper", [None, "params", "params_ema"])
def test_every_naming_is_read(state, rename, prefix, wrapper):
    content = {prefix + rename(key): value for key, value in state.items()}
    found = read_state(saved({wrapper: content} if wrapper else content), "a.pth")
    assert found.keys() == state.keys()
    assert all(found[key].equal(state[key]) for key in state)
    assert spec_of(found) == Spec(features=8, blocks=3, growth=4, scale=4)


def test_the_moving_average_is_preferred(state):
    zeros = {key: torch.zeros_like(value) for key, value in state.items()}
    found = read_state(saved({"params": zeros, "params_ema": state}), "a.pth")
    assert found["conv_last.weight"].equal(state["conv_last.weight"])


def test_half_precision_becomes_single(state):
    halves = {key: value.half() for key, value in state.items()}
    assert read_state(saved(halves), "a.pth")["conv_first.bias"].dtype == torch.float32


def test_safetensors_round_trip_with_provenance(state):
    data = to_bytes(state, {"stage": "pixel", "base": "none"})
    assert provenance_of(data) == {"stage": "pixel", "base": "none"}
    assert to_bytes(dict(reversed(state.items())), {"base": "none", "stage": "pixel"}) == data
    assert provenance_of(saved(state)) == {}
    net = load_network(data)
    assert not net.training
    assert all(value.equal(state[key]) for key, value in net.state_dict().items())


def without(state, key):
    return {name: value for name, value in state.items() if name != key}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: {"body.0.weight": s["conv_first.weight"]}, "SRVGG"),
        (lambda s: {**s, "f_HR_conv1.0.weight": s["conv_hr.weight"]}, "SPSR"),
        (
            lambda s: {**s, "model.1.sub.0.RDB1.conv1x1.weight": s["conv_hr.weight"]},
            r"ESRGAN\+",
        ),
        (lambda s: {**s, "conv_first.weight": torch.zeros(8, 12, 3, 3)}, "×2 variant"),
        (lambda s: {**s, "conv_last.weight": torch.zeros(1, 8, 3, 3)}, "3 channels and gives 1"),
        (lambda s: without(s, "body.1.rdb2.conv3.bias"), r"1 tensors .*body\.1\.rdb2\.conv3\.bias"),
        (lambda s: without(s, "conv_last.weight"), "convolution is missing"),
        (lambda s: {to_old(k).replace("10.", "12."): v for k, v in s.items()}, r"model\.12"),
        (lambda s: {"layer.weight": s["conv_hr.weight"]}, r"named layer\.weight"),
        (lambda s: {"state": 3}, "more than tensors"),
        (lambda s: [1, 2], "no tensors by name"),
        (lambda s: {**s, "conv_hr.bias": torch.full((8,), torch.nan)}, "not finite"),
    ],
)
def test_other_networks_are_refused_with_the_reason(state, change, reason):
    with pytest.raises(UnavailableError, match=f"other.pth.*{reason}"):
        read_state(saved(change(dict(state))), "other.pth")


class Malice:
    def __reduce__(self):
        return (pytest.fail, ("code in a file of weights was run",))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_in_a_file_is_not_run(protocol):
    for data in (saved({"params": Malice()}), pickle.dumps(Malice(), protocol=protocol)):
        with pytest.raises(UnavailableError, match=r"bad\.pth .*cannot be read"):
            read_state(data, "bad.pth")


@pytest.mark.parametrize("form", [saved, lambda s: to_bytes(s, {})], ids=["torch", "safetensors"])
@pytest.mark.parametrize("length", [0, 1, 20, 3000])
def test_a_file_cut_short_is_refused(state, form, length):
    with pytest.raises(UnavailableError, match=rf"cut\.pth \({length} bytes\).*fetch it again"):
        read_state(form(state)[:length], "cut.pth")


def test_a_web_page_in_place_of_weights_is_named_as_one():
    with pytest.raises(UnavailableError, match=r"a\.pth is a web page"):
        read_state(b"\n <!DOCTYPE html><html>Sign in</html>", "a.pth")


def settings_for(**more):
    return DriveWeights(kind="drive", file_id="abc", **more)


def test_weights_from_drive_become_safetensors(state, drive, downloads):
    drive.files["abc"] = saved({to_old(key): value for key, value in state.items()})
    data = fetch_drive_weights(settings_for(), downloads)
    assert read_state(data, "a")["conv_hr.bias"].equal(state["conv_hr.bias"])
    source = provenance_of(data)
    assert source["source"] == "drive:abc"
    drive.files.clear()
    right = settings_for(sha256=source["source_sha256"].upper())
    assert fetch_drive_weights(right, downloads) == data
    with pytest.raises(UnavailableError, match=r"not 00: correct .*psnr_weights\.sha256"):
        fetch_drive_weights(settings_for(sha256="00"), downloads)


def test_a_login_page_from_drive_is_no_file(drive, downloads):
    drive.files["abc"] = b"<!doctype html><html><title>Google Drive</title>Sign in</html>"
    with pytest.raises(UnavailableError, match=r"file abc .*a web page"):
        fetch_drive_weights(settings_for(), downloads)


def test_another_file_is_never_noted_as_the_weights(state, drive, downloads):
    drive.files["abc"] = b"a holiday picture"
    with pytest.raises(UnavailableError, match="cannot be read as weights"):
        fetch_drive_weights(settings_for(), downloads)
    drive.files["abc"] = saved(state)
    assert fetch_drive_weights(settings_for(), downloads)


@pytest.mark.parametrize("status", [404, 500])
def test_an_error_of_drive_is_told_with_the_remedy(drive, downloads, status):
    drive.files["abc"] = b"gone"
    drive.always["abc"] = Fault(status=status)
    with pytest.raises(UnavailableError, match=r"file abc could not be downloaded.*kind: train"):
        fetch_drive_weights(settings_for(), downloads)
